"""Manifests in JSON lines: one object a line, the image a path relative to the manifest; for people to read and edit.

    {"image": "crops/0001.png", "text": "Pension d'un lit", "label": "text", "group": "Martin", "split": "train"}

`image` and `text` must be there; other keys than those of `LabelledLine` are left alone.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from manuscribe.datasets.labelled import KNOWN, LabelledLine
from manuscribe.errors import InputError
from manuscribe.images.opening import suffix_of

_BYTE_LIMIT = 1 << 30


def read(path: Path) -> list[LabelledLine]:
    """The lines of a manifest; their images are not opened.

    Raises:
        InputError: It cannot be read, or a line of it is no such object.
    """
    try:
        if path.stat().st_size > _BYTE_LIMIT:
            raise InputError(f"{path} is larger than {_BYTE_LIMIT >> 20} MiB.", "Split it into several manifests.")
        rows = path.read_text(encoding="utf-8-sig").split("\n")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", "Check the path.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8.", "Save it in that encoding.") from error
    return [_line(row, path, number) for number, row in enumerate(rows, start=1) if row.strip()]


def _line(row: str, path: Path, number: int) -> LabelledLine:
    try:
        values: Any = json.loads(row)
    except ValueError as error:
        raise InputError(f"{path}, line {number}, is not JSON: {error}.", "Write one object a line.") from error
    if not isinstance(values, dict) or not all(isinstance(values.get(key), str) for key in ("image", "text")):
        raise InputError(f"{path}, line {number}, lacks `image` or `text`.", "Give both, as strings.")
    known = {key: str(values[key]) for key in KNOWN if values.get(key) is not None}
    return LabelledLine(path.parent / values["image"], **known)


def write(path: Path, lines: Sequence[LabelledLine], home: Path) -> None:
    """Write a manifest; images that are no files yet go into a folder beside it.

    Args:
        path: The file to write.
        home: Where it will be in the end: the images' paths are relative to it, and their folder is named after it.
    """
    images = home.with_name(f"{home.stem}-images")
    with path.open("w", encoding="utf-8") as file:
        for line in lines:
            values = {key: value for key in KNOWN if (value := getattr(line, key)) or key == "text"}
            image = os.path.relpath(_filed(line, images), home.parent)
            file.write(json.dumps({"image": image, **values}, ensure_ascii=False) + "\n")


def _filed(line: LabelledLine, folder: Path) -> Path:
    """The image's file, named by its content: none that another manifest may show gives way to it."""
    if isinstance(line.image, Path):
        return line.image
    folder.mkdir(exist_ok=True)
    path = folder / f"{hashlib.blake2b(line.image, digest_size=8).hexdigest()}{suffix_of(line.image)}"
    if not path.is_file() or path.stat().st_size != len(line.image):
        path.write_bytes(line.image)
    return path
