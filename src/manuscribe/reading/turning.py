"""Pages that lie on their side or stand on their head: how one is told, and what was read put back onto the image."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from manuscribe.document import Character, Line, Page, Point, Polygon, Region

Pixels = NDArray[np.uint8]

TURNED = "turned: the image was read after turning it by {} degrees clockwise"
_SPARSE = 4.0  # of the page's breadth: if lines are shorter than that together, the page may lie on its side
_LONGER = 2.0  # times as long lines are together, if it does, when it is turned
_DOUBTFUL = 0.4  # errors a character from which on a page may be upside down
_BETTER = 0.15  # errors a character by which it must be read better the other way
_SAMPLE = 8  # lines that are read both ways


def turned(image: Pixels, turns: int) -> Pixels:
    """The image after `turns` quarter turns clockwise."""
    return np.ascontiguousarray(np.rot90(image, -turns))


def is_sparse(page: Page) -> bool:
    """Whether so little was found on a page that it may lie on its side."""
    return _length(page) < _SPARSE * _breadth(page)


def is_fuller(other: Page, page: Page) -> bool:
    """Whether clearly more was found on a page when it was turned by a quarter."""
    return _length(other) > _LONGER * _length(page) + _breadth(page) / 2


def sample(page: Page) -> list[Line]:
    """A few of a page's lines, the longest of those that could be read."""
    return sorted((line for line in page.lines if line.text), key=lambda line: -len(line.text))[:_SAMPLE]


def is_doubtful(lines: Sequence[Line]) -> bool:
    """Whether so little of these lines is thought to be right that they may be upside down."""
    return bool(lines) and _errors(lines) > _DOUBTFUL


def is_better(lines: Sequence[Line], others: Sequence[Line]) -> bool:
    """Whether lines are read clearly better the `other` way."""
    return _errors(others) < _errors(lines) - _BETTER


def _errors(lines: Sequence[Line]) -> float:
    """Errors to expect a character, as far as the reader judges that; 0 where it does not."""
    return float(np.mean([_expected(line) for line in lines]))


def _expected(line: Line) -> float:
    if line.expected_cer is not None:
        return line.expected_cer
    # The line's own confidence says whether all of it is right, which is little even where nearly all is.
    sure = [one.confidence for one in line.characters if one.confidence is not None]
    return 1 - float(np.mean(sure)) if sure else 0.0


def turned_back(page: Page, turns: int) -> Page:
    """The page in the places of the image before it was turned clockwise, with a note about that."""
    width, height = (page.height, page.width) if turns % 2 else (page.width, page.height)

    def back(point: Point) -> Point:
        x, y = point
        return {1: (y, height - x), 2: (width - x, height - y), 3: (width - y, x)}[turns]

    def area(points: Polygon | None) -> Polygon | None:
        return points and tuple(map(back, points))

    def character(one: Character) -> Character:
        return replace(one, polygon=area(one.polygon))

    def line(one: Line) -> Line:
        characters = tuple(map(character, one.characters))
        return replace(one, polygon=area(one.polygon), baseline=area(one.baseline), characters=characters)

    def region(one: Region) -> Region:
        return replace(one, polygon=area(one.polygon), lines=tuple(map(line, one.lines)))

    notes = (*page.notes, TURNED.format(90 * turns))
    return replace(page, width=width, height=height, regions=tuple(map(region, page.regions)), notes=notes)


def _length(page: Page) -> float:
    baselines = [np.array(line.baseline) for line in page.lines if line.baseline]
    return float(sum(np.linalg.norm(np.diff(baseline, axis=0), axis=1).sum() for baseline in baselines))


def _breadth(page: Page) -> float:
    return float(min(page.width, page.height))
