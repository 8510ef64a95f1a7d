"""What differs around a claim without being measured: versions of libraries, the files of a checkpoint."""

import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from manuscribe.errors import ManuscribeError
from manuscribe.evaluation.claims.card import Claim
from manuscribe.models.hub import locate
from manuscribe.readers.trocr.configuration import read_json


def differences_in(claim: Claim) -> Iterator[str]:
    """Sentences on libraries and on the checkpoint's tokenizer."""
    for library, stated in claim.libraries.items():
        installed = installed_version(library)
        if installed is None:
            yield f"{library} {stated} stated, not installed here"
        elif installed != stated and not installed.startswith(f"{stated}."):
            yield f"{library} {stated} stated, {installed} installed"
    folder = _folder(claim)
    if folder is not None:
        yield from _of_checkpoint(folder)


def installed_version(library: str) -> str | None:
    """The version of a library, or of Python; `None` if it is not installed."""
    if library.lower() == "python":
        return platform.python_version()
    try:
        return version(library)
    except (PackageNotFoundError, ValueError):  # the latter of an empty name
        return None


def _folder(claim: Claim) -> Path | None:
    """Of a checkpoint; it has been read with before, so that it is here."""
    if "/" not in claim.reader and not Path(claim.reader).is_dir():
        return None
    try:
        return locate(claim.reader, claim.revision)
    except ManuscribeError:
        return None


def _of_checkpoint(folder: Path) -> Iterator[str]:
    here = installed_version("transformers") or "none"
    try:
        made = (read_json(folder / "config.json") or {}).get("transformers_version")
    except ManuscribeError:  # a bundle of another form
        made = None
    if made is not None and made != here:
        yield f"the checkpoint was saved with transformers {made}, {here} is installed"
    if (folder / "config.json").is_file() and not (folder / "tokenizer.json").is_file():
        yield f"the checkpoint has no tokenizer.json: transformers {here} made its tokens out of older files"
