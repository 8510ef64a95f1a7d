"""Tables that name images and their texts: CSV, TSV, `labels.json`, a folder with `metadata.csv` or `.jsonl`."""

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from manuscribe.datasets.importing.files import parsed, text_of
from manuscribe.datasets.importing.found import About, Problem, inside
from manuscribe.datasets.labelled import KNOWN, SPLITS, LabelledLine
from manuscribe.errors import InputError

_IMAGE = ("image", "file_name", "filename", "image_path", "path", "file", "name")
TEXT = ("text", "transcription", "ground_truth", "gt", "sentence", "transcript")
"""Keys that hold a text."""
_GROUP = ("group", "writer", "writer_id", "author", "document")
_NAMES = ("metadata.csv", "metadata.jsonl", "labels.json", "labels.csv", "labels.tsv")
_BYTE_LIMIT = 1 << 30


def tables_in(folder: Path) -> list[Path]:
    """The tables that describe a folder's images: in it, or in its folders `train`, `validation` and `test`."""
    folders = (folder, *(folder / split for split in SPLITS))
    return [place / name for place in folders for name in _NAMES if (place / name).is_file()]


def lines_of(path: Path, about: About) -> Iterator[LabelledLine | Problem]:
    """The rows of a table, or of a folder's; columns called like the keys of a manifest are taken, others left out.

    Raises:
        InputError: It cannot be read, or does not say which column holds images and which texts.
    """
    tables = tables_in(path) if path.is_dir() else [path]
    if not tables:
        raise InputError(f"{path} holds none of {', '.join(_NAMES)}.", "Name the table itself.")
    for table in tables:
        yield from _lines_of_table(table, about)


def _lines_of_table(path: Path, about: About) -> Iterator[LabelledLine | Problem]:
    folder = about.images or path.parent
    split = path.parent.name if path.parent.name in SPLITS else ""
    for number, row in enumerate(_rows(path), start=1):
        image, text = _first(row, _IMAGE), _first(row, TEXT)
        if not image or text is None:
            yield Problem(f"{path}, entry {number}, lacks an image or a text.")
            continue
        try:
            found = inside(folder, image)
        except InputError as error:
            yield Problem(f"{path}, entry {number}: {error}")
            continue
        if not found.is_file():
            yield Problem(f"{path}, entry {number}: {found} does not exist.")
            continue
        try:
            yield _line(found, text, {"split": split, **row}, about)
        except InputError as error:
            yield Problem(f"{path}, entry {number}: {error}")


def _line(image: Path, text: str, row: Mapping[str, Any], about: About) -> LabelledLine:
    known = {key: str(row[key]) for key in KNOWN if key != "text" and row.get(key)}
    if group := _first(row, _GROUP):
        known["group"] = group
    common = {"source": about.source, "group": about.group, "language": about.language, "label": about.label}
    return LabelledLine(image, text.strip(), **(common | known))


def _first(row: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    return next((str(row[name]) for name in names if row.get(name) is not None), None)


def _rows(path: Path) -> Iterator[Mapping[str, Any]]:
    text = text_of(path, _BYTE_LIMIT)
    if path.suffix == ".jsonl":
        values = (parsed(line, path) for line in text.split("\n") if line.strip())
        return (value if isinstance(value, dict) else {} for value in values)
    if path.suffix == ".json":
        return _of_json(parsed(text, path), path)
    return _of_table(text, path)


def _of_json(values: Any, path: Path) -> Iterator[Mapping[str, Any]]:
    """`{"a.png": "text"}`, `{"a.png": {"text": …}}` or `[{"image": "a.png", "text": …}]`."""
    if isinstance(values, dict):
        rows = (({"text": value} if isinstance(value, str) else value, name) for name, value in values.items())
        named = [{"image": name, **row} if isinstance(row, dict) else {} for row, name in rows]
        return iter(named)
    if isinstance(values, list):
        return (row if isinstance(row, dict) else {} for row in values)
    raise InputError(f"{path} lists no lines.", 'It needs the form {"image.png": "text", …}.')


def _of_table(text: str, path: Path) -> Iterator[Mapping[str, Any]]:
    start = text.split("\n", 1)[0]
    if path.suffix == ".tsv" or "\t" in start:
        # Quotes are letters in it: transcriptions are full of them.
        rows = iter([row.split("\t") for row in text.replace("\r\n", "\n").split("\n") if row.strip()])
    else:
        rows = iter(_csv_rows(text, path, _delimiter(start)))
    first = next(rows, [])
    names = [name.strip().lower() for name in first]
    if not (set(names) & set(_IMAGE) and set(names) & set(TEXT)):
        if len(first) != 2 or names[0] in _IMAGE:
            raise InputError(
                f"{path} does not say which column holds what.",
                f"Call them {_IMAGE[0]} and {TEXT[0]} in its first row.",
            )
        yield {"image": first[0], "text": first[1]}
        names = ["image", "text"]
    for row in rows:
        yield dict(zip(names, row, strict=False))


def _csv_rows(text: str, path: Path, delimiter: str) -> list[list[str]]:
    csv.field_size_limit(1 << 20)
    try:
        return [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True) if row]
    except csv.Error as error:
        raise InputError(f"{path} is not CSV: {error}.", "Is a quote left open? Save it again, or as TSV.") from error


def _delimiter(start: str) -> str:
    return ";" if start.count(";") > start.count(",") else ","
