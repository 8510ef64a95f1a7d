"""Reading order: columns, marginal notes, spreads and tables, by cutting the page where no line is.

The recursive XY-cut (Nagy and Seth 1984) over the boxes of lines instead of pixels, with two cares: a
vertical cut needs lines that stand beside each other, and a horizontal one is made only for the sake of
vertical ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass

GAP = 0.3
"""Width of free space, in heights of the writing, at which columns part …"""
TRIM = 0.15
"""… after this much of each end of a line was ignored, in its own heights."""
BESIDE = 0.5
"""Two groups are beside each other if this share of the lower one's height overlaps."""
SAME_ROW = 0.4
"""Lines whose baselines differ by less than this, in heights, and that do not overlap are in one row."""
NARROW = 0.4
"""A margin is narrower than this, as a share of the text it stands beside …"""
MINOR = 0.34
"""… and has less writing than this share of it."""


@dataclass(frozen=True)
class Box:
    """Where a line is, on a page turned so that its lines are level.

    Attributes:
        left: First point of the baseline.
        right: Last point of the baseline.
        base: Its middle height.
        height: Of the writing.
    """

    left: float
    right: float
    base: float
    height: float

    @property
    def top(self) -> float:
        """Of the small letters, so that ascenders do not bridge rows."""
        return self.base - 0.5 * self.height


@dataclass(frozen=True)
class Group:
    """Lines that are read together: their indices in reading order."""

    lines: tuple[int, ...]
    kind: str


def reading_order(boxes: Sequence[Box]) -> list[Group]:
    """Put the lines of a page into groups (`"text"` or `"margin"`), and both into reading order."""
    leaves = _cut(list(range(len(boxes))), boxes)
    kinds = ["margin" if _is_margin(leaf, leaves, boxes) else "text" for leaf in leaves]
    return [Group(tuple(_rows(leaf, boxes)), kind) for leaf, kind in zip(leaves, kinds, strict=True)]


def _cut(members: list[int], boxes: Sequence[Box]) -> list[list[int]]:
    if not members:
        return []
    sides = _columns(members, boxes)
    if sides is None:
        sides = _bands(members, boxes)
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


def _trimmed(box: Box) -> tuple[float, float]:
    trim = min(TRIM * box.height, 0.25 * (box.right - box.left))
    return box.left + trim, box.right - trim


def _beside(first: list[int], second: list[int], boxes: Sequence[Box]) -> bool:
    spans = [(min(boxes[i].top for i in side), max(boxes[i].base for i in side)) for side in (first, second)]
    common = min(span[1] for span in spans) - max(span[0] for span in spans)
    return common >= BESIDE * min(foot - top for top, foot in spans)


def _bands(members: list[int], boxes: Sequence[Box]) -> tuple[list[int], list[int]] | None:
    """Cut at the widest horizontal gap above or below which there are columns."""
    ordered = sorted(members, key=lambda i: boxes[i].top)
    gaps = []
    reached = boxes[ordered[0]].base
    for k in range(1, len(ordered)):
        if boxes[ordered[k]].top >= reached:
            gaps.append((boxes[ordered[k]].top - reached, k))
        reached = max(reached, boxes[ordered[k]].base)
    for _, k in sorted(gaps, reverse=True):
        for side in (ordered[:k], ordered[k:]):
            columns = _columns(side, boxes)
            # A single line beside others is no column, only a piece of a row or a short note.
            if columns and min(map(len, columns)) > 1:
                return ordered[:k], ordered[k:]
    return None


def _rows(members: list[int], boxes: Sequence[Box]) -> list[int]:
    """From top to bottom, in a row from left to right."""
    rows: list[list[int]] = []
    for i in sorted(members, key=lambda i: boxes[i].base):
        if rows and all(_in_row(boxes[i], boxes[j]) for j in rows[-1]):
            rows[-1].append(i)
        else:
            rows.append([i])
    return [i for row in rows for i in sorted(row, key=lambda i: boxes[i].left)]


def _in_row(one: Box, other: Box) -> bool:
    apart = one.left >= other.right or other.left >= one.right
    return apart and abs(one.base - other.base) < SAME_ROW * min(one.height, other.height)


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
