"""Tables: registers and lists, whose lines stand beside each other in several columns, entry below entry."""

from collections.abc import Sequence
from itertools import pairwise

from manuscribe.segmentation.boxes import Box, downwards, rows

COLUMNS = 3
"""A row has so many lines or more …"""
SHORT = 0.25
"""… most of them shorter than this share of the table's width, unlike those of facing pages with notes."""
SHARE = 1 / 3
"""Lines are a table if this share of them stand in such rows: of 326 pages 0.41 or more of tables, 0.17 of others."""
ENTRIES = 3
"""A table has so many entries or more."""
FIRST = 0.1
"""An entry begins with a line that begins in this part of the table's width."""


def entries_of(members: Sequence[int], boxes: Sequence[Box]) -> list[list[int]]:
    """The entries of a table, from top to bottom; none if these lines are no table, or its entries do not part.

    They part where no line is, above lines of which one begins in the first columns.
    """
    left, right = min(boxes[i].left for i in members), max(boxes[i].right for i in members)
    in_rows = sum(len(row) for row in rows(members, boxes) if _has_cells(row, boxes, SHORT * (right - left)))
    if in_rows < SHARE * len(members):
        return []
    ordered, gaps = downwards(members, boxes)
    entries: list[list[int]] = []
    for start, end in pairwise([0, *(k for _, k in gaps), len(ordered)]):
        band = ordered[start:end]
        if not entries or any(boxes[i].left < left + FIRST * (right - left) for i in band):
            entries.append(band)
        else:
            entries[-1] += band
    return entries if len(entries) >= ENTRIES else []


def _has_cells(row: Sequence[int], boxes: Sequence[Box], short: float) -> bool:
    narrow = sum(boxes[i].right - boxes[i].left < short for i in row)
    return len(row) >= COLUMNS and 2 * narrow > len(row)
