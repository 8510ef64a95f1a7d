"""From the network's maps to baselines: ridges, fragments, lines."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from manuscribe.segmentation.maps import STRIDE

Floats = npt.NDArray[np.floating[Any]]

RIDGE = 0.3
"""Probability of a baseline from which a cell may belong to one."""
SURE = 0.55
"""Mean probability that a whole line must have."""
SPLIT = 0.6
"""How much the probability of an end weighs against that of a baseline."""
CLOSE = 1.5
"""Gap, in heights of the writing, over which two fragments may be one line …"""
LEVEL = 0.22
"""… if the second is no further off the direction of the first than this, in heights …"""
BRIDGE = 0.12
"""… and the baseline's probability in the gap is this on the average …"""
PARTED = 0.8
"""… and no end in the gap is surer than this."""
SHORTEST = 0.2
"""A line is at least this long, in its own heights."""


@dataclass(frozen=True)
class FoundLine:
    """A baseline with the heights of the writing above and below it, all in pixels of the network's input.

    Attributes:
        baseline: N×2, from left to right, at least two points.
    """

    baseline: Floats
    ascender: float
    descender: float

    @property
    def height(self) -> float:
        """From the tops of the ascenders to the feet of the descenders."""
        return self.ascender + self.descender


@dataclass(frozen=True)
class _Fragment:
    """Cells of a ridge, one row for each column."""

    columns: npt.NDArray[np.intp]
    rows: Floats
    height: float

    def edge(self, side: int) -> tuple[Floats, Floats]:
        """The point at an end (0 left, -1 right) and the direction there, both in cells, rightwards."""
        reach = max(4, int(1.5 * self.height))
        part = slice(None, reach) if side == 0 else slice(-reach, None)
        x, y = self.columns[part].astype(np.float32), self.rows[part]
        slope = float(np.polyfit(x, y, 1)[0]) if len(x) > 3 else 0.0
        direction = np.array([1.0, np.clip(slope, -0.5, 0.5)], np.float32)
        return np.array([x[side], y[side]], np.float32), direction


def find_baselines(maps: Floats) -> list[FoundLine]:
    """Find the lines of a page.

    Args:
        maps: 4×H×W, see `maps.CHANNELS`.
    """
    baseline, end = (1 / (1 + np.exp(-np.clip(channel, -30, 30))) for channel in maps[:2])
    heights = np.exp(np.clip(maps[2:], 0, 7)) / STRIDE
    fragments = _fragments(baseline - SPLIT * end, baseline, heights.sum(axis=0))
    lines = _joined(fragments, baseline, end)
    found = (_line(line, baseline, heights) for line in lines)
    return [line for line in found if line is not None]


def _fragments(score: Floats, baseline: Floats, height: Floats) -> list[_Fragment]:
    """Connected ridges of the score: cells that no cell above or below them, within reach, surpasses."""
    peak = cv2.dilate(score, np.ones((5, 1), np.uint8))
    ridge = ((score >= peak) & (score > RIDGE)).astype(np.uint8)
    count, labels = cv2.connectedComponents(ridge, connectivity=8)
    rows, columns = np.nonzero(ridge)
    order = np.argsort(labels[rows, columns], kind="stable")
    rows, columns = rows[order], columns[order]
    starts = np.searchsorted(labels[rows, columns], np.arange(1, count + 1))
    pieces = (slice(a, b) for a, b in pairwise(starts))
    return [_fragment(rows[piece], columns[piece], baseline, height) for piece in pieces if np.ptp(columns[piece]) >= 2]


def _fragment(rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp], baseline: Floats, height: Floats) -> _Fragment:
    weights = baseline[rows, columns]
    first = columns.min()
    total = np.bincount(columns - first, weights)
    mean = np.bincount(columns - first, weights * rows) / np.maximum(total, 1e-6)
    filled = np.flatnonzero(total > 0)
    return _Fragment(filled + first, mean[filled].astype(np.float32), float(np.median(height[rows, columns])))


def _joined(fragments: list[_Fragment], baseline: Floats, end: Floats) -> list[_Fragment]:
    """Chain fragments that continue each other, the smallest gaps first."""
    links = []
    for i, j in _neighbours(fragments):
        cost = _gap(fragments[i], fragments[j], baseline, end)
        if cost is not None:
            links.append((cost, i, j))
    after: dict[int, int] = {}
    before: dict[int, int] = {}
    for _, i, j in sorted(links):
        if i not in after and j not in before:
            after[i], before[j] = j, i
    lines = []
    for first in range(len(fragments)):
        if first not in before:
            chain = [first]
            while chain[-1] in after:
                chain.append(after[chain[-1]])
            lines.append(_merge([fragments[k] for k in chain]))
    return lines


def _neighbours(fragments: list[_Fragment]) -> list[tuple[int, int]]:
    """Pairs of which the second starts not far to the right of where the first ends."""
    if not fragments:
        return []
    height = np.array([piece.height for piece in fragments])
    starts = np.array([(piece.columns[0], piece.rows[0]) for piece in fragments])
    ends = np.array([(piece.columns[-1], piece.rows[-1]) for piece in fragments])
    right, down = (starts[None] - ends[:, None]).transpose(2, 0, 1)
    close = (right > 0) & (right <= CLOSE * height[:, None]) & (np.abs(down) < height[:, None])
    return [(int(i), int(j)) for i, j in np.argwhere(close)]


def _gap(left: _Fragment, right: _Fragment, baseline: Floats, end: Floats) -> float | None:
    """How far `right` is from continuing `left`, in cells; `None` where it does not."""
    height = min(left.height, right.height)
    distance = right.columns[0] - left.columns[-1]
    if distance > CLOSE * height or left.height > 2.5 * right.height or right.height > 2.5 * left.height:
        return None
    (here, onward), (there, backward) = left.edge(-1), right.edge(0)
    ahead, back = here + onward * distance, there - backward * distance
    if min(abs(ahead[1] - there[1]), abs(back[1] - here[1])) > LEVEL * height + 1:
        return None
    across = np.linspace(here, there, int(distance) + 1).round().astype(int)
    x, y = across.T
    # The outermost cells are the fragments themselves.
    if (distance > 2 and baseline[y, x][1:-1].mean() < BRIDGE) or end[y, x].max() > PARTED:
        return None
    return float(distance + abs(ahead[1] - there[1]))


def _merge(chain: list[_Fragment]) -> _Fragment:
    columns = np.concatenate([piece.columns for piece in chain])
    rows = np.concatenate([piece.rows for piece in chain])
    return _Fragment(columns, rows, float(np.median([piece.height for piece in chain])))


def _line(fragment: _Fragment, baseline: Floats, heights: Floats) -> FoundLine | None:
    """Measure a line; `None` if it is a speck."""
    x, y = fragment.columns, fragment.rows.round().astype(int)
    ascender, descender = np.median(heights[:, y, x], axis=1)
    if baseline[y, x].mean() < SURE or len(x) < max(3.0, SHORTEST * (ascender + descender)):
        return None
    margin = np.array([[2, 0]])  # What the ends' strokes ate at each side.
    points = np.stack([x, fragment.rows], axis=1).astype(np.float32)
    points = np.vstack([points[:1] - margin, points, points[-1:] + margin]).astype(np.float32)
    corners = cv2.approxPolyDP(_smooth(points)[:, None], 0.6, False)[:, 0]
    return FoundLine((corners * STRIDE).astype(np.float32), float(ascender) * STRIDE, float(descender) * STRIDE)


def _smooth(points: Floats, reach: int = 4) -> Floats:
    """Moving average of the rows, so that the staircase of the cells goes."""
    padded = np.pad(points[:, 1], reach, mode="edge")
    kernel = np.full(2 * reach + 1, 1 / (2 * reach + 1), np.float32)
    return np.stack([points[:, 0], np.convolve(padded, kernel, mode="valid")], axis=1).astype(np.float32)
