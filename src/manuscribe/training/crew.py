"""The processes that teach together, as torchrun starts them; without it there is one."""

import os
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_PATIENCE = timedelta(hours=6)  # for a process that reads or writes while the others wait


class Crew:
    """The processes of one run; each has its own. All of them call the same methods in the same order."""

    def __init__(self) -> None:
        self.size = int(os.environ.get("WORLD_SIZE", "1"))
        self._state: Any = None
        if self.size > 1:
            import torch
            from accelerate import PartialState

            self._state = PartialState(cpu=not torch.cuda.is_available(), timeout=_PATIENCE)

    @property
    def is_first(self) -> bool:
        """Whether this process is the one that speaks and writes."""
        return self._state is None or bool(self._state.is_main_process)

    def wait(self) -> None:
        """Go on when all have come here."""
        if self._state is not None:
            self._state.wait_for_everyone()

    def share(self, items: Sequence[Item], work: Callable[[Sequence[Item]], list[Result]]) -> list[Result]:
        """Let each process do `work` for its part of the items; all get all results, in the items' order."""
        if self._state is None:
            return work(items)
        from accelerate.utils import gather_object

        mine = range(self._state.process_index, len(items), self.size)
        done = list(zip(mine, work([items[number] for number in mine]), strict=True))
        return [result for _, result in sorted(gather_object(done), key=lambda pair: pair[0])]
