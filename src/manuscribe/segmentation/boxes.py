"""Lines as a reading order sees them: where they begin and end, which stand in a row, and where none is."""

from collections.abc import Sequence
from dataclasses import dataclass

SAME_ROW = 0.4
"""Lines whose baselines differ by less than this, in heights, and that do not overlap are in one row."""


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

    @property
    def middle(self) -> float:
        """Between its ends."""
        return (self.left + self.right) / 2


def rows(members: Sequence[int], boxes: Sequence[Box]) -> list[list[int]]:
    """From top to bottom, in a row from left to right."""
    found: list[list[int]] = []
    for i in sorted(members, key=lambda i: boxes[i].base):
        if found and all(_in_row(boxes[i], boxes[j]) for j in found[-1]):
            found[-1].append(i)
        else:
            found.append([i])
    return [sorted(row, key=lambda i: boxes[i].left) for row in found]


def _in_row(one: Box, other: Box) -> bool:
    apart = one.left >= other.right or other.left >= one.right
    return apart and abs(one.base - other.base) < SAME_ROW * min(one.height, other.height)


def downwards(members: Sequence[int], boxes: Sequence[Box]) -> tuple[list[int], list[tuple[float, int]]]:
    """Lines from top to bottom, and the places among them where no line is: how much room, before which of them."""
    ordered = sorted(members, key=lambda i: boxes[i].top)
    gaps = []
    reached = boxes[ordered[0]].base
    for k in range(1, len(ordered)):
        if boxes[ordered[k]].top >= reached:
            gaps.append((boxes[ordered[k]].top - reached, k))
        reached = max(reached, boxes[ordered[k]].base)
    return ordered, gaps
