"""The record of an output folder: what became of which image, so that a later run can go on from there.

`manuscribe-run.jsonl` has a row for each image that was finished: done or failed, the name of its outputs, its size
and time, and the job that it was read in. The last row of an image counts.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from manuscribe.errors import InputError, OutputError

NAME = "manuscribe-run.jsonl"


@dataclass(frozen=True, slots=True)
class Row:
    """What became of an image.

    Attributes:
        image: Its absolute path.
        stem: Name of its outputs, without suffix.
        stamp: Its size and its time of change.
    """

    image: str
    stem: str
    status: str
    job: str
    stamp: list[int]
    problem: str = ""
    notes: list[str] = field(default_factory=list)


class Record:
    """The rows of a folder; opening it makes folder and file, and so finds out whether they can be written.

    Raises:
        InputError: The record of an earlier run cannot be read.
        OutputError: The folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        _open(self._path)
        self._rows = _load(self._path)
        self._owners = {row.stem.lower(): row.image for row in self._rows.values()}

    @property
    def is_new(self) -> bool:
        """Whether no image was finished yet."""
        return not self._rows

    def row(self, image: Path) -> Row | None:
        """The last row of an image."""
        return self._rows.get(str(image.absolute()))

    def owner(self, stem: str) -> str | None:
        """The image whose outputs have this name, whatever the case of its letters."""
        return self._owners.get(stem.lower())

    def add(self, row: Row) -> None:
        """Write a row.

        Raises:
            OutputError: It cannot be written.
        """
        # Escaped to ASCII: names of files need not be valid Unicode, nor free of line separators.
        with _writing(self._path), self._path.open("a", encoding="ascii") as file:
            file.write(json.dumps(asdict(row)) + "\n")
        self._rows[row.image] = row
        self._owners[row.stem.lower()] = row.image


def stamp(image: Path) -> list[int]:
    """Size and time of change of a file, by which it is known again; nothing for one that cannot be reached."""
    try:
        stat = image.stat()
    except OSError:
        return []
    return [stat.st_size, stat.st_mtime_ns]


def _open(path: Path) -> None:
    """Make the record if it is missing; end a row that a crash cut off, lest the next one be lost with it."""
    with _writing(path), path.open("a+b") as file:
        if file.tell() > 0:
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                file.write(b"\n")


def _load(path: Path) -> dict[str, Row]:
    """The last row of each image; a row cut off by a crash is passed over."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"The record of an earlier run, {path}, cannot be read: {error}.", "Remove it to start anew."
        ) from error
    rows = (_parsed(line) for line in lines if line)
    return {row.image: row for row in rows if row}


def _parsed(line: str) -> Row | None:
    try:
        values: dict[str, Any] = json.loads(line)
        return Row(**values)
    except (ValueError, TypeError):
        return None


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise OutputError(
            f"{path.parent} cannot be written: {error.strerror}.", "Name another folder with -o."
        ) from error
