"""Data sets in the layouts that other programs read."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from manuscribe.datasets.labelled import KNOWN, LabelledLine
from manuscribe.errors import OutputError, UsageError
from manuscribe.images.opening import suffix_of


def export_lines(lines: Sequence[LabelledLine], folder: Path, layout: str) -> None:
    """Copy a data set into a new folder.

    Args:
        layout: `"gt"`: images, each with a `.gt.txt` beside it (kraken, Tesseract, OCRopus, Calamari).
            `"imagefolder"`: images with a `metadata.csv` (Hugging Face's datasets); splits become folders.

    Raises:
        UsageError: There is no such layout.
        OutputError: The folder is not empty, or cannot be written.
        InputError: An image cannot be read.
    """
    if layout not in LAYOUTS:
        raise UsageError(f"There is no layout '{layout}'.", f"Use one of {', '.join(LAYOUTS)}.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if next(folder.iterdir(), None):
            raise OutputError(f"{folder} is not empty.", "Name a new folder.")
        LAYOUTS[layout](lines, folder)
    except OSError as error:
        raise OutputError(f"{folder} cannot be written: {error.strerror or error}.", "Name another folder.") from error


def _pairs(lines: Sequence[LabelledLine], folder: Path) -> None:
    for number, line in enumerate(lines):
        image = _copy(line, folder / line.split, number)
        image.with_suffix(".gt.txt").write_text(line.text + "\n", encoding="utf-8")


def _image_folder(lines: Sequence[LabelledLine], folder: Path) -> None:
    rows: dict[str, list[dict[str, str]]] = {}
    for number, line in enumerate(lines):
        image = _copy(line, folder / line.split, number)
        known = {key: getattr(line, key) for key in KNOWN if key != "split"}
        rows.setdefault(line.split, []).append({"file_name": image.name, **known})
    for split, found in rows.items():
        text = io.StringIO()
        table = csv.DictWriter(text, fieldnames=list(found[0]))
        table.writeheader()
        table.writerows(found)
        (folder / split / "metadata.csv").write_text(text.getvalue(), encoding="utf-8", newline="")


def _copy(line: LabelledLine, folder: Path, number: int) -> Path:
    folder.mkdir(exist_ok=True)
    data = line.encoded()
    path = folder / f"{number:06d}{suffix_of(data)}"
    path.write_bytes(data)
    return path


LAYOUTS: Mapping[str, Callable[[Sequence[LabelledLine], Path], None]] = {"gt": _pairs, "imagefolder": _image_folder}
