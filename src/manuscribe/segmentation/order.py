"""Reading order: columns, marginal notes, spreads and tables, by cutting the page where no line is.

The recursive XY-cut (Nagy and Seth 1984) over the boxes of lines instead of pixels, with two cares: a
vertical cut needs lines that stand beside each other, and a horizontal one is made only for the sake of
vertical ones. Tables are read entry by entry.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from manuscribe.segmentation.boxes import Box, downwards, rows
from manuscribe.segmentation.tables import entries_of

GAP = 0.3
"""Width of free space, in heights of the writing, at which columns part …"""
TRIM = 0.15
"""… after this much of each end of a line was ignored, in its own heights."""
BESIDE = 0.5
"""Two groups are beside each other if this share of the lower one's height overlaps."""
CROSSING = 0.15
"""Where columns or pages touch, so many lines may cross the cut, as a share of those on its side with fewer."""
NARROW = 0.4
"""A margin is narrower than this, as a share of the text it stands beside …"""
MINOR = 0.34
"""… and has less writing than this share of it."""


@dataclass(frozen=True)
class Group:
    """Lines that are read together: their indices in reading order."""

    lines: tuple[int, ...]
    kind: str


def reading_order(boxes: Sequence[Box]) -> list[Group]:
    """Put the lines of a page into groups (`"text"` or `"margin"`), and both into reading order.

    Of a table, each entry is a group.
    """
    parts = _cut(list(range(len(boxes))), boxes)
    groups = []
    for part in parts:
        if entries := entries_of(part, boxes):
            groups += [Group(tuple(_cells(entry, boxes)), "text") for entry in entries]
        else:
            kind = "margin" if _is_margin(part, parts, boxes) else "text"
            groups.append(Group(tuple(_row_by_row(part, boxes)), kind))
    return groups


def _cut(members: list[int], boxes: Sequence[Box]) -> list[list[int]]:
    """Parts that are not cut further: tables, and what has no columns."""
    if not members:
        return []
    sides = None
    if not entries_of(members, boxes):
        sides = _columns(members, boxes) or _gutter(members, boxes) or _bands(members, boxes)
    if sides is None:
        return [members]
    return _cut(sides[0], boxes) + _cut(sides[1], boxes)


def _columns(members: list[int], boxes: Sequence[Box]) -> tuple[list[int], list[int]] | None:
    """Cut at the widest vertical gap that has lines beside each other on its two sides."""
    ordered = sorted(members, key=lambda i: boxes[i].left)
    gaps = []
    reached = _trimmed(boxes[ordered[0]])[1]
    for k in range(1, len(ordered)):
        left, right = _trimmed(boxes[ordered[k]])
        width = left - reached
        if width > GAP * boxes[ordered[k]].height:
            gaps.append((width, k))
        reached = max(reached, right)
    for _, k in sorted(gaps, reverse=True):
        if _beside(ordered[:k], ordered[k:], boxes):
            return ordered[:k], ordered[k:]
    return None


def _gutter(members: list[int], boxes: Sequence[Box]) -> tuple[list[int], list[int]] | None:
    """Cut where the fewest lines cross, if they are few; each of them goes where most of it is."""
    trimmed = [_trimmed(boxes[i]) for i in members]
    starts, ends = sorted(start for start, _ in trimmed), sorted(end for _, end in trimmed)
    ordered = sorted(members, key=lambda i: boxes[i].middle)
    middles = [boxes[i].middle for i in ordered]
    best: tuple[int, int] | None = None
    for place in sorted({boxes[i].left for i in members}):
        crossing = bisect_left(starts, place) - bisect_right(ends, place)
        k = bisect_left(middles, place)
        few = crossing <= CROSSING * min(k, len(ordered) - k) and (best is None or crossing < best[0])
        if few and k and _beside(ordered[:k], ordered[k:], boxes):
            best = crossing, k
    return (ordered[: best[1]], ordered[best[1] :]) if best else None


def _trimmed(box: Box) -> tuple[float, float]:
    trim = min(TRIM * box.height, 0.25 * (box.right - box.left))
    return box.left + trim, box.right - trim


def _beside(first: list[int], second: list[int], boxes: Sequence[Box]) -> bool:
    spans = [(min(boxes[i].top for i in side), max(boxes[i].base for i in side)) for side in (first, second)]
    common = min(span[1] for span in spans) - max(span[0] for span in spans)
    return common >= BESIDE * min(foot - top for top, foot in spans)


def _bands(members: list[int], boxes: Sequence[Box]) -> tuple[list[int], list[int]] | None:
    """Cut at the widest horizontal gap above or below which there are columns."""
    ordered, gaps = downwards(members, boxes)
    for _, k in sorted(gaps, reverse=True):
        for side in (ordered[:k], ordered[k:]):
            columns = _columns(side, boxes)
            # A single line beside others is no column, only a piece of a row or a short note.
            if columns and min(map(len, columns)) > 1:
                return ordered[:k], ordered[k:]
    return None


def _cells(entry: list[int], boxes: Sequence[Box]) -> list[int]:
    """An entry of a table: column by column, each from top to bottom."""
    sides = _columns(entry, boxes)
    return _cells(sides[0], boxes) + _cells(sides[1], boxes) if sides else _row_by_row(entry, boxes)


def _row_by_row(members: list[int], boxes: Sequence[Box]) -> list[int]:
    return [i for row in rows(members, boxes) for i in row]


def _is_margin(leaf: list[int], leaves: list[list[int]], boxes: Sequence[Box]) -> bool:
    """Whether a group is a narrow one beside a much bigger one; tables have several, and no margins."""
    beside = [other for other in leaves if other is not leaf and _beside(leaf, other, boxes)]
    bigger = [other for other in beside if _minor(leaf, other, boxes)]
    return bool(bigger) and len(beside) <= 2


def _minor(leaf: list[int], other: list[int], boxes: Sequence[Box]) -> bool:
    return _width(leaf, boxes) < NARROW * _width(other, boxes) and _writing(leaf, boxes) < MINOR * _writing(
        other, boxes
    )


def _width(members: list[int], boxes: Sequence[Box]) -> float:
    return max(boxes[i].right for i in members) - min(boxes[i].left for i in members)


def _writing(members: list[int], boxes: Sequence[Box]) -> float:
    return sum(boxes[i].right - boxes[i].left for i in members)
