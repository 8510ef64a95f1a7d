"""How well whole pages were read: lines found and text read, in one figure.

Each true line is compared with at most one line that was read. A true line that has no partner was missed, and
all of its characters count as deletions; a read line that has none is extra, and all of its characters count as
insertions. So a line that was found in two pieces costs the smaller piece twice, and reading order costs nothing.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from rapidfuzz.distance import Levenshtein

from manuscribe.document import Line
from manuscribe.errors import InputError
from manuscribe.evaluation.counting import count
from manuscribe.text.charset import normalise

Match = tuple[int | None, int | None]
"""The numbers of a true line and of the read one that is its partner."""

SMALLEST_OVERLAP = 0.1
"""Two lines with no more than this of their union in common are never the same one. Polygons are drawn tight by some
and wide by others: half of the union, as is usual for objects, would be too much to ask."""


@dataclass(frozen=True, slots=True)
class PageScore:
    """Counts over a page, or over many: scores add up.

    Attributes:
        errors: Characters that were wrong, left out or invented.
        length: Characters of the truth.
        matched: True lines with a partner.
        missed: True lines without one.
        extra: Read lines without one.
        invented: Characters of the extra lines, all of them errors. Where a truth leaves out a part of the page,
            these lines may well be right.
    """

    errors: int = 0
    length: int = 0
    matched: int = 0
    missed: int = 0
    extra: int = 0
    invented: int = 0

    @property
    def character_error_rate(self) -> float:
        """Errors over length; above 1 where much was invented, and 1 for an invented text where there is none."""
        return self._rate(self.errors)

    @property
    def rate_without_extra(self) -> float:
        """The error rate if extra lines cost nothing."""
        return self._rate(self.errors - self.invented)

    def _rate(self, errors: int) -> float:
        return errors / self.length if self.length else float(errors > 0)

    def __add__(self, other: "PageScore") -> "PageScore":
        return PageScore(
            self.errors + other.errors,
            self.length + other.length,
            self.matched + other.matched,
            self.missed + other.missed,
            self.extra + other.extra,
            self.invented + other.invented,
        )


def score_by_position(truth: Sequence[Line], read: Sequence[Line]) -> PageScore:
    """Compare lines that lie at the same place: the end-to-end error rate of a page.

    Partners are those whose polygons overlap most (intersection over union, more than `SMALLEST_OVERLAP`), chosen
    greedily, best first.

    Args:
        truth: The true lines. One without text is not judged (somebody could not read it): neither it nor its
            partner counts.
        read: What was read, in the same pixels. Lines without text are passed over.

    Raises:
        InputError: A line has no polygon.
    """
    matches = match_by_position(truth, read)
    return _score([line.text for line in truth], [line.text for line in read], matches)


def match_by_position(truth: Sequence[Line], read: Sequence[Line]) -> list[Match]:
    """The numbers of lines that lie at the same place; see `score_by_position`, which compares them.

    Returns pairs of true and read lines; a missed line has no read one, an extra one no true one. True lines come
    first, in order. Those that are not judged, and read lines without text, are in no pair.
    """
    there = [j for j, line in enumerate(read) if normalise(line.text)]
    areas, others = [_area(line) for line in truth], [_area(read[j]) for j in there]
    pairs = _best_first(len(areas), len(others), lambda i, j: _overlap(areas[i], others[j]), SMALLEST_OVERLAP)
    pairs = {i: there[j] for i, j in pairs.items()}
    return _matches([normalise(line.text) for line in truth], there, pairs)


def score_in_any_order(truth: Sequence[str], read: Sequence[str]) -> PageScore:
    """Compare lines that read alike, wherever they stand: for a truth that says nothing of positions.

    Partners are those of the highest similarity (one minus edit distance over the longer length), chosen greedily,
    best first; any two lines that have something in common can be partners. The figure is a hopeful one, since a
    line may find a partner that it does not belong to.

    Args:
        truth: The true lines; an empty one is not judged, but takes no partner either.
        read: The lines that were read; empty ones are passed over.
    """
    truth, read = [normalise(text) for text in truth], [text for text in map(normalise, read) if text]
    pairs = _best_first(len(truth), len(read), lambda i, j: Levenshtein.normalized_similarity(truth[i], read[j]))
    return _score(truth, read, _matches(truth, range(len(read)), pairs))


def score_text(truth: str, read: str) -> PageScore:
    """Compare whole texts in their reading order, line breaks as spaces; lines are not counted."""
    truth, read = normalise(truth), normalise(read)
    return PageScore(errors=count(truth, read).errors, length=len(truth))


def _matches(truth: Sequence[str], read: Iterable[int], pairs: dict[int, int]) -> list[Match]:
    taken = set(pairs.values())
    known: list[Match] = [(i, pairs.get(i)) for i, text in enumerate(truth) if text]
    return known + [(None, j) for j in read if j not in taken]


def _score(truth: Sequence[str], read: Sequence[str], matches: Iterable[Match]) -> PageScore:
    return sum((_score_of(truth, read, *match) for match in matches), PageScore())


def _score_of(truth: Sequence[str], read: Sequence[str], i: int | None, j: int | None) -> PageScore:
    said = normalise(read[j]) if j is not None else ""
    if i is None:
        return PageScore(errors=len(said), extra=1, invented=len(said))
    text, found = normalise(truth[i]), j is not None
    return PageScore(count(text, said).errors, len(text), matched=int(found), missed=int(not found))


def _best_first(
    truths: int, readings: int, likeness: Callable[[int, int], float], least: float = 0.0
) -> dict[int, int]:
    """One-to-one pairs, true to read, the likeliest first; those up to `least` are none.

    Equal pairs that exclude each other are taken by place, the same way whichever side is called the truth.
    """
    scored = ((likeness(i, j), i, j) for i in range(truths) for j in range(readings))
    likely = sorted((-score, abs(i - j), i + j, i, j) for score, i, j in scored if score > least)
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for *_, i, j in likely:
        if i not in pairs and j not in taken:
            pairs[i] = j
            taken.add(j)
    return pairs


def _area(line: Line) -> npt.NDArray[np.int32]:
    if not line.polygon:
        raise InputError(f"The line '{line.text[:40]}' has no polygon.", "Compare its page by text alone.")
    return np.round(np.array(line.polygon, np.float64)).astype(np.int32)


def _overlap(one: npt.NDArray[np.int32], other: npt.NDArray[np.int32]) -> float:
    """Intersection over union of two polygons in pixels, borders included."""
    if (one.min(axis=0) > other.max(axis=0)).any() or (other.min(axis=0) > one.max(axis=0)).any():
        return 0.0
    corners = np.concatenate([one, other])
    origin = corners.min(axis=0)
    width, height = corners.max(axis=0) - origin + 1
    masks = [np.zeros((height, width), np.uint8) for _ in range(2)]
    for mask, polygon in zip(masks, (one, other), strict=True):
        cv2.fillPoly(mask, [polygon - origin], 1)
    return float(np.count_nonzero(masks[0] & masks[1]) / np.count_nonzero(masks[0] | masks[1]))
