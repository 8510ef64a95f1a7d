"""Reads the tensors of a checkpoint's files."""

import logging
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from manuscribe.errors import ModelError
from manuscribe.readers.trocr.checkpoints.names import used_names
from manuscribe.readers.trocr.configuration import read_json

_logger = logging.getLogger(__name__)
_INDEX = "model.safetensors.index.json"


def read_weights(folder: Path) -> dict[str, Tensor]:
    """All weights of a checkpoint's folder that reading needs, by their names in transformers 5.

    Raises:
        ModelError: There are none, or a file is damaged or missing.
    """
    if (folder / "model.safetensors").is_file():
        return _read_safetensors(folder / "model.safetensors")
    if (index := read_json(folder / _INDEX)) is not None:
        return _read_shards(folder, index.get("weight_map"))
    if pickles := sorted(folder.glob("pytorch_model*.bin")):
        return {name: tensor for pickle in pickles for name, tensor in _read_pickle(pickle).items()}
    raise ModelError(f"{folder} has no weights.", "It needs model.safetensors; was everything fetched?")


def _read_shards(folder: Path, files_of_weights: Any) -> dict[str, Tensor]:
    if not isinstance(files_of_weights, dict):
        raise ModelError(
            f"{folder}/{_INDEX} does not say which file holds which weight.", "Fetch the checkpoint again."
        )
    files = sorted({str(file) for file in files_of_weights.values()})
    if elsewhere := [file for file in files if Path(file).name != file]:
        raise ModelError(f"{folder}/{_INDEX} names a file elsewhere, {elsewhere[0]}.", "Do not trust this checkpoint.")
    return {name: tensor for file in files for name, tensor in _read_safetensors(folder / file).items()}


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        with safe_open(path, "pt") as file:
            return {name: file.get_tensor(stored) for name, stored in used_names(file.keys()).items()}
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path} is missing or damaged: {error}.", "Fetch the checkpoint again.") from error


def _read_pickle(path: Path) -> dict[str, Tensor]:
    _logger.warning("%s is a pickle; only tensors are taken from it. Prefer checkpoints in safetensors.", path)
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
        weights = {name: stored[old] for name, old in used_names(stored).items()}
        if not all(isinstance(tensor, Tensor) for tensor in weights.values()):
            raise TypeError("not all of it are tensors")
        return weights
    except Exception as error:  # whatever a damaged pickle brings about
        raise ModelError(
            f"{path} cannot be read as weights alone: {type(error).__name__}.",
            "Ask its author for model.safetensors; it is not opened in a way that could run code.",
        ) from error
