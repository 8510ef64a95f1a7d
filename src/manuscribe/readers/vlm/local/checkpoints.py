"""Loads a checkpoint's network, refusing one whose weights do not all find their place, and tells versions apart."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel
from transformers.utils import logging as transformers_logging

from manuscribe.errors import ModelError
from manuscribe.readers.trust.calibration import SUFFIX

_BLOCK, _BLOCKS = 4096, 64


def load_model(kind: type[PreTrainedModel], folder: Path, precision: torch.dtype) -> PreTrainedModel:
    """The network of a class of transformers, or of one like them, with a folder's weights.

    Only safetensors are read, and no code that lies in the folder is run.

    Raises:
        ModelError: Weights are missing or left over, of other shapes, damaged, or no safetensors.
    """
    if not any(folder.glob("*.safetensors")):
        raise ModelError(
            f"{folder} has no weights in safetensors.",
            "Ask its author for them; pickles could run code and are not opened.",
        )
    loading: Any = kind  # its annotations leave out that it tells what it found
    try:
        with quiet():
            model, found = loading.from_pretrained(
                folder,
                dtype=precision,
                use_safetensors=True,
                local_files_only=True,
                output_loading_info=True,
            )
    except Exception as error:  # whatever damaged files bring about
        raise ModelError(f"{folder} does not load: {reason(error)}.", "Fetch the checkpoint again.") from error
    refuse(folder, found["missing_keys"], found["unexpected_keys"], "Was the whole checkpoint fetched?")
    loaded: PreTrainedModel = model
    return loaded


def refuse(folder: Path, missing: Iterable[str], left: Iterable[str], remedy: str) -> None:
    """Refuse weights of which some are missing or left over.

    Raises:
        ModelError: Some are.
    """
    for what, names in (("lacks", sorted(missing)), ("has what its network does not:", sorted(left))):
        if names:
            others = f" and {len(names) - 1} others" if len(names) > 1 else ""
            raise ModelError(f"{folder} {what} {names[0]}{others}.", remedy)


def version_of(folders: Iterable[Path]) -> str:
    """Short digest of what is in the folders of a checkpoint and its adapter, whatever precision it is computed in."""
    digest = sha256()
    for folder in folders:
        settings = (path for pattern in ("*.json", "*.jinja") for path in folder.glob(pattern))
        # What its confidences are worth is found out afterwards, and changes nothing of what is read.
        for path in sorted(path for path in settings if not path.name.endswith(SUFFIX)):
            digest.update(path.name.encode() + path.read_bytes())
        for path in sorted(folder.glob("*.safetensors")):
            digest.update(path.name.encode() + b"".join(_sample(path)))
    return digest.hexdigest()[:12]


def reason(error: Exception) -> str:
    """The first line of what an error says, or its kind."""
    return (str(error).strip() or type(error).__name__).partition("\n")[0].rstrip(".")


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers from printing warnings and bars: what matters is an error of ours."""
    log: Any = transformers_logging
    verbosity, bars = log.get_verbosity(), log.is_progress_bar_enabled()
    log.set_verbosity_error()
    log.disable_progress_bar()
    try:
        yield
    finally:
        log.set_verbosity(verbosity)
        if bars:
            log.enable_progress_bar()


def _sample(path: Path) -> Iterator[bytes]:
    """A file's size and parts of it: enough to tell two trainings apart, and saves a second for each gigabyte."""
    size = path.stat().st_size
    yield str(size).encode()
    with path.open("rb") as file:
        for number in range(_BLOCKS):
            file.seek(max(0, size - _BLOCK) * number // (_BLOCKS - 1))
            yield file.read(_BLOCK)
