"""From baselines to the areas of the writing: seams that go around the ink of the neighbouring lines."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from manuscribe.compiled import native
from manuscribe.segmentation.ridges import FoundLine

Floats = npt.NDArray[np.floating[Any]]
Grey = npt.NDArray[np.uint8]

SHRINK = 2
"""Pixels of the network's input for one step of a seam, both ways."""
REACH = 2
"""Steps up or down that a seam may take for one to the right."""
CLIMB = 0.02
"""Cost of a step up or down, or the seam would tremble."""
PULL = 0.25
"""Cost of passing close to the own baseline, against 1 for crossing full ink."""
SPARE = 1.14
"""Where a seam may run at most, in predicted heights."""
CORE = 0.3
"""Share of the height next to the baseline that always belongs to the line."""
TALLEST = 4
"""Seams of lines that reach further than this, in medians of their page, are sought in coarser rows …"""
AT_ONCE = 16_000
"""… and so many rows at once: more take memory without being faster, and OpenCV ends at 32767."""
OVERHANG = 0.08
"""By how much a polygon goes beyond the baseline's ends, in heights: slanted letters lean over."""


def line_polygons(grey: Floats, lines: Sequence[FoundLine]) -> list[Floats]:
    """Enclose each line: as high as its writing, less what hangs in from the lines above and below.

    Args:
        grey: H×W, the network's input in [0, 1].
        lines: The lines found on it.

    Returns:
        For each line N×2 corners in pixels of `grey`: the upper edge rightwards, the lower edge leftwards.
    """
    if not lines:
        return []
    ink = _ink(grey, float(np.median([line.height for line in lines])))
    axes = [_axis(line) for line in lines]
    upper = _seams(ink, axes, [-line.ascender * SPARE / SHRINK for line in lines])
    lower = _seams(ink, axes, [line.descender * SPARE / SHRINK for line in lines])
    return [_outline(axis, top, foot) for axis, top, foot in zip(axes, upper, lower, strict=True)]


def _ink(grey: Floats, height: float) -> Floats:
    """How much each point differs from the paper around it, in [0, 1], on a grid of `SHRINK` pixels."""
    small = cv2.resize((grey * 255).astype(np.uint8), None, fx=1 / SHRINK, fy=1 / SHRINK, interpolation=cv2.INTER_AREA)
    window = int(np.clip(height / SHRINK, 4, 60)) | 1
    difference = cv2.absdiff(small, cv2.medianBlur(small, window)).astype(np.float32)
    return np.asarray(np.clip(difference / max(20.0, float(np.percentile(difference, 98))), 0, 1))


def _axis(line: FoundLine) -> Floats:
    """The baseline at every step to the right, a little beyond both ends, in steps."""
    spare = OVERHANG * line.height
    x = np.arange(line.baseline[0, 0] - spare, line.baseline[-1, 0] + spare + SHRINK, SHRINK)
    y = np.interp(x, line.baseline[:, 0], line.baseline[:, 1])
    return np.stack([x, y], axis=1).astype(np.float32) / SHRINK


def _seams(ink: Floats, axes: Sequence[Floats], reaches: Sequence[float]) -> list[Floats]:
    """Cheapest paths beside the baselines, many lines at once; their rows, in steps.

    A path far out is free, one near the baseline costs a little, one through ink costs most: so it keeps the
    line's own letters and goes around what hangs in.
    """
    sizes = np.abs(reaches)
    rows = max(2, int(min(sizes.max(), TALLEST * np.median(sizes))) + 1)
    count = max(1, AT_ONCE // rows)
    parts = [slice(start, start + count) for start in range(0, len(axes), count)]
    return [seam for part in parts for seam in _seams_at_once(ink, axes[part], np.array(reaches[part]), rows)]


def _seams_at_once(ink: Floats, axes: Sequence[Floats], ends: Floats, rows: int) -> list[Floats]:
    lengths = np.array([len(axis) for axis in axes])
    count, columns = len(axes), int(lengths.max())
    padded = np.stack([np.pad(axis, ((0, columns - len(axis)), (0, 0)), mode="edge") for axis in axes])
    # Row 0 is the outermost, the last the one next to the core of the line.
    depth = np.linspace(0, 1, rows, dtype=np.float32)
    offset = ends[:, None] * (1 - depth * (1 - CORE))
    x = np.repeat(padded[:, None, :, 0], rows, axis=1)
    y = padded[:, None, :, 1] + offset[:, :, None]
    crossed = cv2.remap(
        ink,
        x.reshape(count * rows, columns),
        y.reshape(count * rows, columns).astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    ).reshape(count, rows, columns)
    path = _cheapest(crossed + PULL * depth[None, :, None], lengths)
    return [axis[:, 1] + np.take(offset[i], path[i, : len(axis)]).astype(np.float32) for i, axis in enumerate(axes)]


def _cheapest(cost: Floats, lengths: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """The cheapest row in each column for a batch of cost maps (N×R×C), each as wide as `lengths` says."""
    count, rows, columns = cost.shape
    if native:
        climbs = np.array([CLIMB * steps for steps in range(1, REACH + 1)], np.float32)
        paths = native.seams(np.ascontiguousarray(cost, np.float32), rows, columns, lengths.astype(np.int64), climbs)
        return np.frombuffer(paths, np.int64).reshape(count, columns)
    steps = np.arange(-REACH, REACH + 1)
    climbs = (CLIMB * np.abs(steps)).astype(np.float32)
    totals = np.full((columns, count, rows + 2 * REACH), np.inf, np.float32)  # beyond the rows there is no way
    inside = totals[:, :, REACH:-REACH]
    across = np.ascontiguousarray(cost.transpose(2, 0, 1))
    inside[0] = across[0]
    climbed = np.empty((count, rows), np.float32)
    for before, now, crossed in zip(totals[:-1], inside[1:], across[1:], strict=True):
        now[:] = before[:, REACH:-REACH]
        for reach in range(1, REACH + 1):
            np.minimum(before[:, REACH - reach :][:, :rows], before[:, REACH + reach :][:, :rows], out=climbed)
            climbed += climbs[REACH + reach]
            np.minimum(now, climbed, out=now)
        now += crossed
    path = np.empty((count, columns), np.intp)
    every = np.arange(count)
    row = path[:, -1] = inside[lengths - 1, every].argmin(axis=1)
    for column in range(columns - 1, 0, -1):
        ways = totals[column - 1][every[:, None], row[:, None] + steps + REACH] + climbs
        row = path[:, column - 1] = row + np.where(column < lengths, ways.argmin(axis=1) - REACH, 0)
    return path


def _outline(axis: Floats, top: Floats, foot: Floats) -> Floats:
    edges = [np.stack([axis[:, 0], edge], axis=1) * SHRINK for edge in (top, foot)]
    upper, lower = (cv2.approxPolyDP(edge.astype(np.float32)[:, None], 1.0, False)[:, 0] for edge in edges)
    return np.vstack([upper, lower[::-1]])
