"""Data sets of Hugging Face's `datasets`: saved on disk, or by their name on the hub."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from manuscribe.datasets.importing.found import About, Problem
from manuscribe.datasets.labelled import KNOWN, SPLITS, LabelledLine
from manuscribe.errors import InputError
from manuscribe.extras import needs

_SPLITS = {"dev": "validation", "valid": "validation", "val": "validation", "eval": "validation"}


def lines_of(name: Path | str, about: About) -> Iterator[LabelledLine | Problem]:
    """The rows of a data set with the columns `image` and `text`; its splits are kept.

    Raises:
        InputError: There is none of that name, or it lacks a column.
        UsageError: The library is not installed.
    """
    needs("data")
    for split, rows in _load(name).items():
        for number, row in enumerate(rows):
            image = row["image"] or {}
            data = image.get("bytes") or _of_cache(image.get("path"))
            if not data or row.get("text") is None:
                yield Problem(f"{name}, split {split}, row {number}, lacks an image or a text.")
                continue
            known = {key: str(row[key]) for key in KNOWN if key != "text" and row.get(key) is not None}
            common = {"source": about.source, "group": about.group, "language": about.language, "label": about.label}
            common["split"] = split if split in SPLITS else _SPLITS.get(split, "")
            yield LabelledLine(data, str(row["text"]).strip(), **(common | known))


def _load(name: Path | str) -> Mapping[str, Any]:
    import datasets

    try:
        found = datasets.load_from_disk(str(name)) if Path(name).is_dir() else datasets.load_dataset(str(name))
    except Exception as error:  # the library raises whatever its parts do
        reason = str(error).strip().partition("\n")[0].rstrip(".")
        raise InputError(
            f"The data set {name} does not load: {reason}.", "Check its name, and that this machine is online."
        ) from error
    splits = dict(found) if isinstance(found, datasets.DatasetDict) else {"": found}
    for rows in splits.values():
        if absent := {"image", "text"} - set(rows.column_names):
            raise InputError(f"The data set {name} has no column `{sorted(absent)[0]}`.", "Rename the column first.")
    return {split: rows.cast_column("image", datasets.Image(decode=False)) for split, rows in splits.items()}


def _of_cache(path: str | None) -> bytes | None:
    """A file that the library fetched itself; a data set may name any file of this machine."""
    from huggingface_hub.constants import HF_HUB_CACHE

    import datasets

    file = Path(path or "").resolve()
    caches = (Path(cache).resolve() for cache in (datasets.config.HF_DATASETS_CACHE, HF_HUB_CACHE))
    return file.read_bytes() if file.is_file() and any(file.is_relative_to(cache) for cache in caches) else None
