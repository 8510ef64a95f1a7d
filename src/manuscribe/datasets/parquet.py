"""Manifests in parquet: images inside, a file to hand on.

The images are bytes, or what Hugging Face's `datasets` make of them: a struct of `bytes` and `path`. A text instead of
bytes is a path, relative to the file.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from manuscribe.datasets.labelled import KNOWN, LabelledLine
from manuscribe.errors import InputError

_TOGETHER = 1000  # lines that are held in memory twice while they are written
_SCHEMA = pa.schema([("image", pa.binary()), *((name, pa.string()) for name in KNOWN)])


def read(path: Path) -> list[LabelledLine]:
    """The lines of a parquet file.

    Raises:
        InputError: It is no parquet file, or lacks images or texts.
    """
    try:
        there = pq.read_schema(path).names
        table = pq.read_table(path, columns=[name for name in _SCHEMA.names if name in there])
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        raise InputError(
            f"{path} is not a line data set: {str(error).splitlines()[0]}", "Give a parquet file."
        ) from error
    if absent := [name for name in ("image", "text") if name not in there]:
        raise InputError(f"{path} has no column `{absent[0]}`.", "A data set of lines needs `image` and `text`.")
    columns = {name: table[name].to_pylist() for name in table.column_names}
    images = [_image(value, path) for value in columns.pop("image")]
    rows = zip(*columns.values(), strict=True)
    return [
        LabelledLine(image, **{name: str(value) for name, value in zip(columns, row, strict=True) if value is not None})
        for image, row in zip(images, rows, strict=True)
    ]


def _image(value: Any, file: Path) -> bytes | Path:
    if isinstance(value, dict):
        value = value.get("bytes") or value.get("path")
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return file.parent / value
    raise InputError(f"{file} has rows without an image.", "Drop them, or fill the column `image`.")


def write(path: Path, lines: Sequence[LabelledLine]) -> None:
    """Write lines as one parquet file.

    Raises:
        InputError: A line's image file cannot be read.
    """
    with pq.ParquetWriter(path, _SCHEMA, compression="none") as writer:
        for start in range(0, max(1, len(lines)), _TOGETHER):
            writer.write_table(_table(lines[start : start + _TOGETHER]))


def _table(lines: Sequence[LabelledLine]) -> pa.Table:
    columns = {"image": [line.encoded() for line in lines]}
    return pa.table(columns | {name: [getattr(line, name) for line in lines] for name in KNOWN}, schema=_SCHEMA)


def count_lines(path: Path) -> int:
    """Lines in a parquet file; 0 if it is missing or damaged."""
    try:
        return int(pq.read_metadata(path).num_rows)
    except (pa.ArrowInvalid, OSError):
        return 0
