"""What a vision-language model will take of memory, told before it is loaded."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from manuscribe.errors import ModelError

_GIB = 2**30
_HEADER = 100 << 20  # bytes; a longer header is no safetensors file's
_SPARE = 0.06  # of the whole, for what nobody counts: the libraries, the allocator's scraps
_LAYER = 12  # states of a decoder's layer that are alive together, in widths of the network


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of a network, as far as memory is concerned.

    Attributes:
        layers: Of the decoder.
        keys: Values that a token keeps in each layer, keys and values together.
        width: Of the decoder.
        vocabulary: Tokens that it scores.
    """

    layers: int
    keys: int
    width: int
    vocabulary: int

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "Shape":
        """From the values of a config.json; the decoder's may be in a part of it.

        Raises:
            ModelError: They are not in it.
        """
        parts = [settings.get(name) for name in ("text_config", "language_config")]
        known = {**settings, **next((part for part in parts if isinstance(part, Mapping)), {})}
        try:
            heads = int(known["num_attention_heads"])
            each = int(known.get("head_dim") or int(known["hidden_size"]) // heads)
            kept = int(known.get("num_key_value_heads") or heads)
            return cls(
                int(known["num_hidden_layers"]), 2 * kept * each, int(known["hidden_size"]), int(known["vocab_size"])
            )
        except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
            raise ModelError(f"config.json does not tell the decoder's sizes: {error}.", "Fetch it again.") from error


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """Bytes that reading one image takes.

    Attributes:
        weights: Of the network.
        cache: Keys and values of all tokens.
        image: The image as numbers.
        activations: States that are alive at the same time, at most.
        tokens: Of the prompt with the image's, and of the longest answer.
    """

    weights: int
    cache: int
    image: int
    activations: int
    tokens: int

    @property
    def total(self) -> int:
        """All together, with something to spare."""
        return int((self.weights + self.cache + self.image + self.activations) * (1 + _SPARE))

    @property
    def account(self) -> str:
        """The plan in one line."""
        parts = {"weights": self.weights, "cache": self.cache, "image": self.image, "activations": self.activations}
        told = ", ".join(f"{name} {_told(size)}" for name, size in parts.items())
        return f"memory: {_told(self.total)} ({told}) for {self.tokens} tokens"


def _told(size: int) -> str:
    return f"{size / _GIB:.2f} GiB" if size > _GIB / 10 else f"{size / 2**20:.0f} MiB"


def plan_of(
    shape: Shape, parameters: int, each: int, *, asked: int, longest: int, image: int, encoder: int
) -> MemoryPlan:
    """The plan of a network for one image.

    Args:
        shape: Of the decoder.
        parameters: Of the whole network.
        each: Bytes of a weight, and of a state.
        asked: Tokens of the prompt, those of the image among them.
        longest: Tokens of the answer, at most.
        image: Numbers that the image is shown as.
        encoder: Bytes of the encoder's states that are alive together.
    """
    tokens = asked + longest
    prefill = asked * shape.width * _LAYER * each + shape.vocabulary * 4 * 2
    return MemoryPlan(
        weights=parameters * each,
        cache=tokens * shape.layers * shape.keys * each,
        image=image * each,
        activations=max(encoder, prefill),
        tokens=tokens,
    )


def require(plans: Mapping[str, MemoryPlan], free: int | None, name: str) -> None:
    """Refuse a plan that does not fit, before memory runs out.

    Args:
        plans: By what would have to be changed for them; the first one, under an empty name, is what was asked for.
        free: Bytes that there are; `None` where nobody tells.
        name: The model's.

    Raises:
        ModelError: It does not fit; the error names the first change that would.
    """
    wanted = plans[""]
    if free is None or wanted.total <= free:
        return
    fitting = [change for change, plan in plans.items() if change and plan.total <= free]
    remedy = f"Take {fitting[0]}." if fitting else "Let another machine compute it, and name it with --endpoint."
    raise ModelError(f"{name} does not fit into {_told(free)} of free memory: {wanted.account}.", remedy)


def free_memory(device: str) -> int | None:
    """Bytes that a process may still take, of a GPU's memory or the processor's; `None` where nobody tells."""
    if device != "cpu":
        import torch

        return int(torch.cuda.mem_get_info()[0])
    told = [size for size in (_free_here(), _free_in_group()) if size is not None]
    return min(told, default=None)


def _free_here() -> int | None:
    try:
        rows = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(int(row.split()[1]) * 1024 for row in rows if row.startswith("MemAvailable"))
    except (OSError, ValueError, StopIteration):  # not Linux
        try:
            return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
        except (ValueError, OSError, AttributeError):
            return None


def _free_in_group() -> int | None:
    """What a container leaves, where there is a limit (cgroup v2)."""
    group = Path("/sys/fs/cgroup")
    try:
        limit, used = ((group / name).read_text(encoding="ascii").strip() for name in ("memory.max", "memory.current"))
        rows = dict(row.split() for row in (group / "memory.stat").read_text(encoding="ascii").splitlines())
        # Files that were read count as used, and are given up when memory is wanted.
        files = int(rows.get("inactive_file", 0)) + int(rows.get("active_file", 0))
        return None if limit == "max" else max(0, int(limit) - int(used) + files)
    except (OSError, ValueError):
        return None


def parameters_in(folders: Sequence[Path]) -> int:
    """Weights in the safetensors files of folders, from the files' headers alone.

    Raises:
        ModelError: A file is damaged.
    """
    return sum(_parameters(path) for folder in folders for path in sorted(folder.glob("*.safetensors")))


def _parameters(path: Path) -> int:
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if length > _HEADER:
                raise ValueError("its header is too long")
            header = json.loads(file.read(length))
        shapes = [entry["shape"] for name, entry in header.items() if name != "__metadata__"]
        return sum(_product(shape) for shape in shapes)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{path} is damaged: {error}.", "Fetch the checkpoint again.") from error


def _product(shape: Sequence[int]) -> int:
    whole = 1
    for side in shape:
        whole *= int(side)
    return whole
