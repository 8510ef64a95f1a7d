"""Training checkpoints: weights, their average and the optimiser's state as safetensors, the rest as JSON.

A checkpoint is one folder. It is written beside its final name and renamed, so there is always a whole one.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from manuscribe.errors import ModelError, OutputError

STATE = "state.json"
_PARTS = ("model", "average", "optimiser")


def save_checkpoint(
    folder: Path,
    model: nn.Module,
    average: dict[str, torch.Tensor],
    optimiser: torch.optim.Optimizer,
    state: dict[str, Any],
) -> None:
    """Write a checkpoint that `load_checkpoint` continues from; an older one of that name is replaced.

    Raises:
        OutputError: It cannot be written.
    """
    fresh = folder.with_name(folder.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    save_tensors(model.state_dict(), fresh / "model.safetensors")
    save_tensors(average, fresh / "average.safetensors")
    save_tensors(_flatten(optimiser), fresh / "optimiser.safetensors")
    (fresh / STATE).write_text(json.dumps(state, indent=1), encoding="utf-8")
    old = folder.with_name(folder.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    fresh.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def save_tensors(tensors: Mapping[str, torch.Tensor], path: Path) -> None:
    """Write a safetensors file.

    Raises:
        OutputError: It cannot be written.
    """
    try:
        save_file({name: tensor.clone().contiguous() for name, tensor in tensors.items()}, path)
    except SafetensorError as error:  # its writer wraps the system's errors
        raise OutputError(f"{path} cannot be written: {error}.", "Make room, or name another folder.") from error


def load_checkpoint(
    folder: Path, model: nn.Module, optimiser: torch.optim.Optimizer
) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Restore model and optimiser in place; returns the averaged weights and the saved state.

    Raises:
        ModelError: The folder holds no checkpoint, a damaged one, or one of another network.
    """
    # A crash between the two renames of `save_checkpoint` leaves the previous one under `.old`.
    if not folder.exists() and folder.with_name(folder.name + ".old").exists():
        folder = folder.with_name(folder.name + ".old")
    if not (folder / STATE).is_file():
        raise ModelError(f"No checkpoint in {folder}.", "Start without --resume.")
    try:
        weights, average, steps = (load_file(folder / f"{name}.safetensors") for name in _PARTS)
        state = json.loads((folder / STATE).read_text(encoding="utf-8"))
    except (SafetensorError, ValueError, FileNotFoundError) as error:
        raise ModelError(
            f"The checkpoint in {folder} is damaged: {error}.", "Start anew in another output folder, without --resume."
        ) from error
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise ModelError(
            f"The checkpoint in {folder} is of another network: {str(error).splitlines()[0]}",
            "Use the recipe it was made with, or another output folder.",
        ) from error
    _unflatten(optimiser, steps)
    return average, state


def _flatten(optimiser: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    state = optimiser.state_dict()["state"]
    return {
        f"{index}.{name}": torch.as_tensor(value).contiguous()
        for index, values in state.items()
        for name, value in values.items()
    }


def _unflatten(optimiser: torch.optim.Optimizer, tensors: dict[str, torch.Tensor]) -> None:
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, tensor in tensors.items():
        index, name = key.split(".", 1)
        state.setdefault(int(index), {})[name] = tensor
    whole = optimiser.state_dict()
    whole["state"] = state
    optimiser.load_state_dict(whole)
