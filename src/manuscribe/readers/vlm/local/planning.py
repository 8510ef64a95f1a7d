"""How much memory a checkpoint will take here, found out before it is loaded."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from torch import Tensor

from manuscribe.readers.trocr.configuration import read_json
from manuscribe.readers.vlm.local.families import Family, family_of
from manuscribe.readers.vlm.local.loading import folders_of
from manuscribe.readers.vlm.manner import manner_of
from manuscribe.readers.vlm.memory import MemoryPlan, Shape, free_memory, parameters_in, plan_of, require
from manuscribe.readers.vlm.naming import Named

# Pixels, width and height: what is planned for at each level.
_EXPECTED = {"word": (300, 100), "line": (2000, 120), "paragraph": (2000, 1000), "page": (2480, 3508)}
_PATCH = 16  # of encoders that look at whole images
_HEADS = 12
_BIASES = 2  # tables of a bias for all pairs of patches that are alive together
_STATES = 16  # states alive together for each number of an image that is given in patches
_BYTES = {"fp32": 4, "bf16": 2}


def require_memory(
    found: Named, revision: str | None, *, precision: str, device: str, level: str, size: str | None, longest: int
) -> MemoryPlan:
    """The plan for reading an image of a level.

    Args:
        found: The checkpoint and its adapter.
        revision: Branch, tag or commit on the hub.
        precision: `"fp32"` or `"bf16"`.
        device: `"cpu"` or `"cuda"`.
        level: What an image holds.
        size: At which it is seen; `None` is the usual one.
        longest: Tokens of an answer, at most.

    Raises:
        ModelError: It does not fit into what is free; or the checkpoint is not there, or damaged.
        UsageError: There is no such size.
    """
    folders = folders_of(found, revision)
    family = family_of(folders[0])
    planner = _Planner(folders, family, level, longest)
    usual = size or manner_of(*folders).size or next(iter(family.sizes), None)
    plans = {"": planner.plan(usual, precision)}
    free = free_memory(device)
    if free is not None and plans[""].total > free:
        others = [other for other in family.sizes if other != usual]
        plans |= {f"--size {other}": planner.plan(other, precision) for other in others}
        if precision == "fp32":
            plans["--precision bf16"] = planner.plan(usual, "bf16")
            plans |= {f"--precision bf16 --size {other}": planner.plan(other, "bf16") for other in others}
        require(plans, free, found.model)
    return plans[""]


class _Planner:
    def __init__(self, folders: list[Path], family: Family, level: str, longest: int) -> None:
        self._shape = Shape.of(read_json(folders[0] / "config.json") or {})
        self._parameters = parameters_in(folders)
        self._processor, self._prompt = family.processor(folders[0]), family.prompts[level]
        self._image = np.full((*_EXPECTED[level][::-1], 3), 255, np.uint8)
        self._longest = longest
        self._shown: dict[str | None, Mapping[str, Tensor]] = {}

    def plan(self, size: str | None, precision: str) -> MemoryPlan:
        """The plan for images that are seen at a size."""
        if size not in self._shown:
            self._shown[size] = self._processor.inputs(self._image, self._prompt, size)
        shown, each = self._shown[size], _BYTES[precision]
        seen = [value for value in shown.values() if isinstance(value, Tensor) and value.is_floating_point()]
        return plan_of(
            self._shape,
            self._parameters,
            each,
            asked=shown["input_ids"].shape[1],
            longest=self._longest,
            image=sum(value.numel() for value in seen),
            encoder=max((_states(value) * each for value in seen), default=0),
        )


def _states(shown: Tensor) -> int:
    """Values that an encoder has alive together: for whole images, a bias for all pairs of their patches."""
    if shown.ndim < 4:
        return shown.numel() * _STATES
    count = shown.shape[:-3].numel()
    patches = shown.shape[-1] // _PATCH * (shown.shape[-2] // _PATCH)
    return int(count * patches**2 * _HEADS * _BIASES)
