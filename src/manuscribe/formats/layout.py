"""Where things stand on a page, for formats that want a place for everything.

The model leaves out what nobody measured; PAGE and ALTO want an outline of every region, line and word. What
is missing is derived here: a line's outline from its baseline, a word's from its share of the line's
characters. All outlines come as whole pixels inside the page.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from manuscribe.document.model import Line, Page, Point, Polygon, Polyline, Region, Word

_UP, _DOWN = 1.5, 0.5
"""Reach of a line above and below its baseline where only that is known, in mean character widths."""


@dataclass(frozen=True, slots=True)
class Box:
    """An upright rectangle in whole pixels."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def corners(self) -> Polygon:
        """Its corners, clockwise from the top left."""
        return (
            (self.left, self.top),
            (self.right, self.top),
            (self.right, self.bottom),
            (self.left, self.bottom),
        )


def box_of(polygon: Iterable[Point]) -> Box:
    """The smallest box around some points."""
    xs, ys = zip(*polygon, strict=True)
    return Box(round(min(xs)), round(min(ys)), round(max(xs)), round(max(ys)))


def on_page(points: Iterable[Point], page: Page) -> tuple[Point, ...]:
    """Points as whole pixels inside the page, at least two, without repetitions."""
    whole: list[Point] = []
    for x, y in points:
        point = (_clip(x, page.width), _clip(y, page.height))
        if not whole or point != whole[-1]:
            whole.append(point)
    return tuple(whole * 2 if len(whole) == 1 else whole)


def region_outline(region: Region, page: Page) -> Polygon:
    """The region's polygon, else a box around its lines, else the page."""
    if region.polygon:
        return on_page(region.polygon, page)
    known = [point for line in region.lines for point in (line.polygon or line.baseline or ())]
    return on_page(box_of(known).corners if known else _whole(page), page)


def line_outline(line: Line, region: Region, page: Page) -> Polygon:
    """The line's polygon, else a band along its baseline, else the place of its region."""
    if line.polygon:
        return on_page(line.polygon, page)
    if line.baseline and len(line.baseline) > 1:
        return on_page(_band(line.baseline, len(line.text)), page)
    return region_outline(region, page)


def word_outlines(words: Sequence[Word], outline: Polygon, baseline: Polyline | None, page: Page) -> list[Polygon]:
    """The polygon of each word; where it is missing, the word's share of the line's outline.

    Shares go by the number of characters, with one for each space, along the longer side of the line and in
    the direction of its baseline.
    """
    total = max(1, sum(len(word.text) + 1 for word in words) - 1)
    outlines, start = [], 0
    for word in words:
        end = start + len(word.text)
        if word.polygon:
            outlines.append(on_page(word.polygon, page))
        else:
            outlines.append(on_page(_piece(outline, baseline, start / total, end / total), page))
        start = end + 1
    return outlines


def _clip(value: float, size: int) -> int:
    return max(0, min(round(value), size - 1)) if size > 0 else max(0, round(value))


def _whole(page: Page) -> Polygon:
    return Box(0, 0, max(1, page.width), max(1, page.height)).corners


def _band(baseline: Polyline, characters: int) -> Polygon:
    box = box_of(baseline)
    size = max(box.right - box.left, box.bottom - box.top) / max(1, characters)
    above = [(x, y - _UP * size) for x, y in baseline]
    below = [(x, y + _DOWN * size) for x, y in baseline]
    return (*above, *reversed(below))


def _piece(outline: Polygon, baseline: Polyline | None, start: float, end: float) -> Polygon:
    box = box_of(outline)
    axis = 0 if box.right - box.left >= box.bottom - box.top else 1
    first, last = (box.left, box.right) if axis == 0 else (box.top, box.bottom)
    if baseline and baseline[-1][axis] < baseline[0][axis]:
        first, last = last, first
    cuts = sorted((first + start * (last - first), first + end * (last - first)))
    piece = _cut(_cut(outline, axis, cuts[0], 1), axis, cuts[1], -1)
    return piece or box.corners


def _cut(polygon: Polygon, axis: int, limit: float, side: int) -> Polygon:
    """The part of a polygon on one side of an upright or level line (Sutherland and Hodgman, 1974)."""
    kept: list[Point] = []
    for a, b in zip(polygon, (*polygon[1:], *polygon[:1]), strict=True):
        inside_a, inside_b = side * (a[axis] - limit) >= 0, side * (b[axis] - limit) >= 0
        if inside_a:
            kept.append(a)
        if inside_a != inside_b:
            share = (limit - a[axis]) / (b[axis] - a[axis])
            kept.append((a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])))
    return tuple(kept)
