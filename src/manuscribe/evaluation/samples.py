"""What readers are evaluated on: a data set of lines, or a folder of pages with their ground truth."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from manuscribe.datasets.labelled import LabelledLine
from manuscribe.datasets.lines import read_lines
from manuscribe.document import Line
from manuscribe.errors import InputError
from manuscribe.formats.reading import read_document
from manuscribe.images.lines import cut_line
from manuscribe.images.opening import find_images, open_image
from manuscribe.text.charset import normalise

Pixels = NDArray[np.uint8]
_TRUTHS = (".xml", ".page.xml", ".alto.xml")
_STRETCHED = 0.02  # by which the proportions of an image may differ from those that its truth states
_HEIGHT = 96  # pixels of the picture of a page's line


@dataclass(frozen=True, slots=True)
class Sample:
    """A true line, or a line that somebody read where there is none.

    Attributes:
        text: What is written there, in normal form; empty for an extra line.
        picture: Opens its image, H×W grey or H×W×3 RGB; raises `InputError`.
        name: What to call it.
        group: The writer or document, with the source's name where there are several; empty if not known.
        split: As `LabelledLine.split`.
        extra: Whether it is no line of the truth.
    """

    text: str
    picture: Callable[[], Pixels]
    name: str
    label: str = ""
    language: str = ""
    source: str = ""
    group: str = ""
    split: str = ""
    extra: bool = False


@dataclass(frozen=True, slots=True)
class TruePage:
    """A page image with its ground truth.

    Attributes:
        lines: With polygons in pixels of the image; one without text is not judged.
    """

    image: Path
    lines: tuple[Line, ...]

    @property
    def text(self) -> str:
        """The whole text, a line a line."""
        return "\n".join(line.text for line in self.lines)

    def sample(self, line: Line, *, extra: bool = False) -> Sample:
        """One of its lines; `extra` for a line of a reader that the truth has not."""
        return Sample(
            text="" if extra else normalise(line.text),
            picture=partial(_cut, self.image, line),
            name=f"{self.image.name} {line.id}".strip(),
            label="text",
            language=line.language or "",
            source=self.image.absolute().parent.name,
            group=self.image.stem,
            extra=extra,
        )


def labelled_samples(lines: Sequence[LabelledLine]) -> list[Sample]:
    """The lines of a data set, in order."""
    several = len({line.source for line in lines}) > 1
    return [
        Sample(
            text=line.learnt,
            picture=line.rgb,
            name=line.page or (line.image.name if isinstance(line.image, Path) else ""),
            label=line.label,
            language=line.language,
            source=line.source,
            group=f"{line.source}: {line.group}" if several and line.group else line.group,
            split=line.split,
        )
        for line in lines
    ]


def lines_in(data: str) -> list[LabelledLine]:
    """The lines of manifests whose name may have `*`.

    Raises:
        InputError: There are none.
        UsageError: Parquet cannot be read here.
    """
    lines = read_lines([data])
    if not lines:
        raise InputError(f"{data} holds no line: there is nothing to measure.", "Name a data set with lines.")
    return lines


def pages_in(folder: Path) -> tuple[list[TruePage], list[str]]:
    """The page images directly in a folder with their truths, and what is to be told of those that are left out.

    The truth of `a.jpg` is the PAGE or ALTO file `a.xml`, `a.page.xml` or `a.alto.xml` beside it.

    Raises:
        InputError: The folder holds no page with a truth that can be used.
    """
    pages, problems = [], []
    for image in find_images([folder]):
        try:
            pages.append(_page(image))
        except InputError as error:
            problems.append(str(error))
    if not pages:
        raise InputError(
            f"No image in {folder} has ground truth that can be used: {problems[0]}",
            "Put PAGE or ALTO files with the lines' polygons beside the images.",
        )
    return pages, problems


def _page(image: Path) -> TruePage:
    truth = next((path for end in _TRUTHS if (path := image.with_name(image.stem + end)).is_file()), None)
    if truth is None:
        raise InputError(f"{image} has no ground truth beside it ({', '.join(_TRUTHS)}); it is left out.")
    document = read_document(truth)
    if len(document.pages) != 1:
        raise InputError(f"{truth} describes {len(document.pages)} pages, not one; it is left out.")
    (page,) = document.pages
    if any(not line.polygon for line in page.lines):
        raise InputError(f"{truth} has lines without polygons; the page is left out.")
    height, width = open_image(image).shape[:2]
    across, down = width / (page.width or width), height / (page.height or height)
    if abs(across / down - 1) > _STRETCHED:
        raise InputError(
            f"{truth} describes a page of {page.width} × {page.height}, its image has {width} × {height} pixels; "
            "it is left out."
        )
    return TruePage(image, tuple(_scaled(line, across) for line in page.lines))


def _scaled(line: Line, scale: float) -> Line:
    """A line in pixels of the image: images are often published smaller than they were annotated."""
    polygon, baseline = (
        tuple((x * scale, y * scale) for x, y in points) if points else None for points in (line.polygon, line.baseline)
    )
    return replace(line, polygon=polygon, baseline=baseline)


def _cut(image: Path, line: Line) -> Pixels:
    return cut_line(open_image(image), line, _HEIGHT)
