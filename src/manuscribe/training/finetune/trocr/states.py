"""What an encoder that stays as it is makes of the lines: computed once for all epochs, kept on disk."""

import io
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

_SHARE = 0.5  # of the free disk that states may take


class States:
    """States of lines, P×D each, in a file of 16-bit numbers that `encode` wrote."""

    def __init__(self, path: Path) -> None:
        self._bounds = np.load(path.with_suffix(".npy"), allow_pickle=False)
        self._rows = np.memmap(path, np.float16, "r").reshape(int(self._bounds[-1]), -1)

    def __getitem__(self, number: int) -> NDArray[np.float16]:
        return np.asarray(self._rows[self._bounds[number] : self._bounds[number + 1]])


@torch.no_grad()
def encode(model: Any, batches: Iterable[dict[str, Any]], count: int, path: Path) -> bool:
    """Run a model's encoder over all lines.

    Args:
        model: A `VisionEncoderDecoderModel`, or one with adapters.
        batches: The lines as `Collator` gives them, one a batch: what is beside a line in a batch must not change it.
        count: How many there are.
        path: The file for them; it is replaced.

    Returns:
        Whether they were written: not where they would take more than half of the free disk.
    """
    bounds_path = path.with_suffix(".npy")
    for left in (path, bounds_path):  # of a run that was killed
        left.unlink(missing_ok=True)
    encoder, bounds = model.get_encoder().eval(), [0]
    device = next(encoder.parameters()).device
    free = shutil.disk_usage(path.parent).free
    with path.open("wb") as file:
        for batch in batches:
            more = {name: value for name, value in batch.items() if name not in ("pixel_values", "labels")}
            states = encoder(pixel_values=batch["pixel_values"].to(device), **more).last_hidden_state[0]
            found = states.to(torch.float16).cpu().numpy()
            if found.nbytes * count > _SHARE * free:
                path.unlink()
                return False
            file.write(found.tobytes())
            bounds.append(bounds[-1] + len(found))
    _save(np.array(bounds), bounds_path)
    return True


def _save(array: NDArray[Any], path: Path) -> None:
    """Write an `.npy` file, whole or not at all."""
    # Into a file numpy writes past Python: its error would not tell that the disk is full.
    written = io.BytesIO()
    np.save(written, array)
    fresh = path.with_name(path.name + ".new")
    fresh.write_bytes(written.getvalue())
    fresh.replace(path)


def states_together(states: Sequence[NDArray[np.float16]]) -> dict[str, Any]:
    """Lines' states as arguments of a model that `with_states` prepared: B×P×D, and which of them are no padding."""
    longest = max(len(state) for state in states)
    padded = torch.zeros(len(states), longest, states[0].shape[1])
    seen = torch.zeros(len(states), longest, dtype=torch.long)
    for row, mask, state in zip(padded, seen, states, strict=True):
        row[: len(state)] = torch.from_numpy(state.astype(np.float32))
        mask[: len(state)] = 1
    return {"encoder_outputs": (padded,), "decoder_seen": seen}


def with_states(decoder: nn.Module) -> None:
    """Let a `VisionEncoderDecoderModel`'s decoder be told which states are no padding; transformers has no way to."""

    def tell(_: nn.Module, places: tuple[Any, ...], named: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        seen: Tensor | None = named.pop("seen", None)
        return places, named | ({} if seen is None else {"encoder_attention_mask": seen})

    decoder.register_forward_pre_hook(tell, with_kwargs=True)
