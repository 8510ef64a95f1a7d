"""Several questions at the same time, answers in order."""

from collections import deque
from collections.abc import Callable, Sequence
from threading import Thread
from typing import TypeVar

_GLANCE = 0.2  # seconds

Asked = TypeVar("Asked")
Given = TypeVar("Given")


def together(work: Callable[[Asked], Given], items: Sequence[Asked], at_once: int) -> list[Given]:
    """What the work makes of each item, in order, in up to so many threads.

    Raises:
        Exception: The first that the work raised; items that wait are left then.
    """
    if min(len(items), at_once) <= 1:
        return [work(item) for item in items]
    waiting = deque(enumerate(items))
    made: dict[int, Given] = {}
    errors: list[BaseException] = []

    def help_out() -> None:
        while not errors:
            try:
                place, item = waiting.popleft()
            except IndexError:
                return
            try:
                made[place] = work(item)
            except BaseException as error:  # noqa: BLE001  raised again below
                errors.append(error)

    # Daemons: an answer that is waited for must not hold up the end of the program.
    threads = [Thread(target=help_out, daemon=True) for _ in range(min(len(items), at_once))]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            # Not in one wait: on some systems an interruption is noticed only when one ends.
            while thread.is_alive():
                thread.join(_GLANCE)
    finally:
        waiting.clear()  # after an interruption, too
    if errors:
        raise errors[0]
    return [made[place] for place in range(len(items))]
