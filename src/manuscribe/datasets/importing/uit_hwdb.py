"""UIT-HWDB: Vietnamese words, lines and paragraphs, a folder for each writer.

    UIT_HWDB_line/train_data/1/label.json    {"1.jpg": "what is written in 1.jpg", …}
    UIT_HWDB_line/train_data/1/1.jpg

Source: N. H. Nguyen, D. T. D. Vo and K. V. Nguyen, UIT-HWDB: Using Transferring Method to Construct a Novel Benchmark
for Evaluating Unconstrained Handwriting Image Recognition in Vietnamese, RIVF (2022).
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from manuscribe.datasets.importing.files import parsed, text_of
from manuscribe.datasets.importing.found import About, Problem, inside
from manuscribe.datasets.importing.tables import TEXT
from manuscribe.datasets.labelled import SPLITS, LabelledLine
from manuscribe.errors import InputError
from manuscribe.images.opening import SUFFIXES

_NAMES = ("label.json", "labels.json")
_LEVEL = re.compile(r"(?<![a-z])(word|line|paragraph)s?(?![a-z])")
_BYTE_LIMIT = 16 << 20  # of a writer's texts; the published ones have some kilobytes


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder that may be a writer's, with the names of its files."""

    path: Path
    files: tuple[str, ...]

    @property
    def labels(self) -> Path | None:
        """The file with the texts."""
        found = {name.lower(): name for name in self.files}
        return next((self.path / found[name] for name in _NAMES if name in found), None)

    @property
    def images(self) -> list[str]:
        return [name for name in self.files if Path(name).suffix.lower() in SUFFIXES]

    @property
    def writer(self) -> str:
        return self.path.absolute().name

    @property
    def split(self) -> str:
        return next((name for name in self._above if name in SPLITS), "")

    @property
    def level(self) -> str:
        """`word`, `line` or `paragraph`; empty if the folder is in none of these sets."""
        return next((found[1] for name in self._above if (found := _LEVEL.search(name))), "")

    @property
    def as_published(self) -> bool:
        """Whether its name and place are those of a writer's folder."""
        return self.writer.isdecimal() and bool(self.split or self.level)

    @property
    def _above(self) -> list[str]:
        """Names of the two folders above, the nearer first; what is further up says nothing about the set."""
        return [place.name.lower().removesuffix("_data") for place in self.path.absolute().parents[:2]]


def is_uit_hwdb(folder: Path) -> bool:
    """Whether a folder holds sets, a set, or a part of one, under the names that they are published with."""
    return any(place.as_published and place.labels for place in _folders(folder))


def lines_of(folder: Path, about: About) -> Iterator[LabelledLine | Problem]:
    """The images of all sets in a folder and below; the label says of which set one is, and a group is a writer.

    A writer has the same number in all sets, so the sets share their groups.
    """
    for place in _folders(folder):
        if labels := place.labels:
            yield from _lines_of_writer(place, labels, about)
        elif place.as_published and place.images:
            yield Problem(f"{place.path} has images and no {_NAMES[0]}.")


def _folders(folder: Path) -> Iterator[_Folder]:
    for path, folders, files in os.walk(folder):
        folders.sort(key=_number)
        # Archives from Macs have a hidden companion of each file.
        yield _Folder(Path(path), tuple(sorted((name for name in files if not name.startswith(".")), key=_number)))


def _number(name: str) -> tuple[int, str]:
    """Sorts 2 before 10."""
    return len(name), name


def _lines_of_writer(place: _Folder, labels: Path, about: About) -> Iterator[LabelledLine | Problem]:
    try:
        texts = _texts(labels)
    except InputError as error:
        yield Problem(str(error))
        return
    images = dict.fromkeys(place.images)
    group, language, label = about.group or f"uit-hwdb {place.writer}", about.language or "vi", place.level
    for name, text in texts.items():
        if name not in images:  # so no name leads out of the folder
            yield Problem(f"{labels}: there is no image {name[:60]!r} in its folder.")
            continue
        if text is None:
            yield Problem(f"{labels}: the text of {name} is empty, or is none.")
            continue
        try:
            image = inside(place.path, name)  # it may be a link
        except InputError as error:
            yield Problem(f"{labels}: {error.problem}")
            continue
        yield LabelledLine(image, text, about.source, group, "", language, label or about.label, place.split)
    yield from (Problem(f"{place.path / name} has no text in {labels.name}.") for name in images if name not in texts)


def _texts(path: Path) -> Mapping[str, str | None]:
    """The images' names with their texts, `None` for what is no text."""
    values = parsed(text_of(path, _BYTE_LIMIT), path)
    if not isinstance(values, dict):
        raise InputError(f"{path} lists no texts.", 'It needs the form {"1.jpg": "text", …}.')
    return {name: _text(value) for name, value in values.items()}


def _text(value: Any) -> str | None:
    if isinstance(value, dict):
        value = next((value[key] for key in TEXT if key in value), None)
    if not isinstance(value, str) or re.search(r"[\ud800-\udfff]", value):  # halves of characters cannot be written
        return None
    return value.strip() or None
