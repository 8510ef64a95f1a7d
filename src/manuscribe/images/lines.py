"""Cutting a line of writing out of its page, straightened along its baseline, and finding the way back."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from manuscribe.document.model import Line, Point, Polygon
from manuscribe.errors import InputError

Floats = npt.NDArray[np.float64]
Grey = npt.NDArray[np.uint8]

MARGIN = 0.03
"""Paper kept above and below the polygon, as a share of its height, so that no letter touches the edge."""
SIDE = 0.04
"""The same before and after the line, as a share of the crop's height."""
BASELINE_AT = 0.72
"""Where letters stand in a polygon without a baseline, as a share of its height from the top."""
PAPER_TONE = 85
"""Percentile of the tones inside the polygon that counts as paper."""
LONGEST = 8192
"""Crops are not wider than this; longer lines are compressed."""


@dataclass(frozen=True)
class Crop:
    """A straightened line.

    Attributes:
        pixels: H×W grey; what is outside the line's polygon is painted in the paper's tone.
        feet: W×2, where the baseline runs on the page under each column.
        normals: W×2, unit vectors across the baseline, downwards.
        above: Page pixels between the top of the crop and the baseline.
        scale: Crop pixels for one page pixel.
    """

    pixels: Grey
    feet: Floats
    normals: Floats
    above: float
    scale: float

    def to_page(self, points: Sequence[Point]) -> Polygon:
        """The points of the page seen at points (x, y) of the crop; beyond its sides the last column counts."""
        x, y = np.array(points, np.float64).reshape(-1, 2).T
        columns = np.arange(len(self.feet))
        foot, normal = (
            np.stack([np.interp(x, columns, along[:, axis]) for axis in (0, 1)], axis=1)
            for along in (self.feet, self.normals)
        )
        across = (y / self.scale - self.above)[:, None]
        return tuple(map(tuple, (foot + across * normal).tolist()))

    def locate(self, start: float, end: float) -> Polygon:
        """The polygon on the page of the columns from `start` to `end`, over the whole height of the crop."""
        height, columns = float(len(self.pixels)), (start, (start + end) / 2, end)
        return self.to_page([(x, 0.0) for x in columns] + [(x, height) for x in columns[::-1]])


def cut_line(image: npt.NDArray[np.uint8], line: Line, height: int = 64) -> Grey:
    """Cut a line as the reader wants it; see `crop_line`."""
    return crop_line(image, line, height).pixels


def crop_line(image: npt.NDArray[np.uint8], line: Line, height: int = 64) -> Crop:
    """Cut a line out of its page and straighten it along its baseline.

    Args:
        image: The page, H×W grey or H×W×3 RGB.
        line: Its polygon and baseline, in pixels of `image`. Without a baseline a level one is assumed.
        height: Height of the crop in pixels; its width follows.

    Raises:
        InputError: The line has no polygon, or none of it is on the page.
    """
    polygon = np.array(line.polygon or (), np.float64).reshape(-1, 2)
    if len(polygon) < 3:
        raise InputError(f"Line {line.id!r} has no polygon to cut it out by.", "Segment the page first.")
    baseline = np.array(line.baseline or _level(polygon), np.float64)
    baseline, above, below = _reach(baseline, polygon)
    extent = (above + below) * (1 + 2 * MARGIN)
    above += (above + below) * MARGIN
    baseline = _prolonged(baseline, SIDE * extent, SIDE * extent)
    length = float(np.linalg.norm(np.diff(baseline, axis=0), axis=1).sum())
    width = int(np.clip(round(length * height / extent), 1, LONGEST))
    feet, normals = _axis(baseline, width, smooth=extent / 2)
    across = np.arange(height)[:, None, None] * (extent / height) - above
    grid = feet[None] + across * normals[None]
    pixels = _sample(image, polygon, grid, length / width)
    return Crop(pixels, feet, normals, above, height / extent)


def _level(polygon: Floats) -> tuple[Point, Point]:
    (left, top), (right, foot) = polygon.min(axis=0), polygon.max(axis=0)
    y = top + BASELINE_AT * (foot - top)
    return (left, y), (max(right, left + 1), y)


def _reach(baseline: Floats, polygon: Floats) -> tuple[Floats, float, float]:
    """Prolong the baseline to the polygon's ends; how far the polygon reaches above and below it."""
    if len(baseline) < 2 or not np.ptp(baseline, axis=0).any():
        baseline = np.array(_level(polygon))
    along = _direction(baseline)
    across = np.array([-along[1], along[0]])
    edge = _dense(polygon)
    edge_along, base_along = edge @ along, baseline @ along
    before = max(0.0, base_along[0] - edge_along.min())
    after = max(0.0, edge_along.max() - base_along[-1])
    order = np.argsort(base_along, kind="stable")
    offset = edge @ across - np.interp(edge_along, base_along[order], (baseline @ across)[order])
    above, below = max(0.0, -float(offset.min())), max(0.0, float(offset.max()))
    if above + below < 1:
        above = 1.0
    return _prolonged(baseline, before, after), above, below


def _direction(baseline: Floats) -> Floats:
    chord = baseline[-1] - baseline[0]
    length = float(np.linalg.norm(chord))
    return np.asarray(chord / length if length else np.array([1.0, 0.0]))


def _prolonged(baseline: Floats, before: float, after: float) -> Floats:
    along = _direction(baseline)
    return np.vstack([baseline[0] - before * along, baseline[1:-1], baseline[-1] + after * along])


def _dense(polygon: Floats) -> Floats:
    """The polygon's edge with points between its corners, so that long sides count too."""
    share = np.linspace(0, 1, 8, endpoint=False)[:, None, None]
    return np.asarray((polygon + share * (np.roll(polygon, -1, axis=0) - polygon)).reshape(-1, 2))


def _axis(baseline: Floats, width: int, smooth: float) -> tuple[Floats, Floats]:
    """Points and normals of the baseline at equal distances, corners rounded over `smooth` page pixels."""
    steps = np.linalg.norm(np.diff(baseline, axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    at = (np.arange(width) + 0.5) * along[-1] / width
    feet = np.stack([np.interp(at, along, baseline[:, axis]) for axis in (0, 1)], axis=1)
    reach = int(min(smooth * width / max(along[-1], 1e-6), (width - 1) / 2))
    if reach:
        # Prolonged at both ends, so that the mean does not shorten the line.
        before = feet[0] + (feet[0] - feet[1 : reach + 1])[::-1]
        after = feet[-1] + (feet[-1] - feet[-reach - 1 : -1])[::-1]
        sums = np.cumsum(np.vstack([np.zeros((1, 2)), before, feet, after]), axis=0)
        feet = (sums[2 * reach + 1 :] - sums[: -2 * reach - 1]) / (2 * reach + 1)
    tangents = np.gradient(feet, axis=0) if width > 1 else (baseline[-1] - baseline[0])[None]
    tangents /= np.maximum(np.linalg.norm(tangents, axis=1, keepdims=True), 1e-9)
    return feet, np.stack([-tangents[:, 1], tangents[:, 0]], axis=1)


def _sample(image: npt.NDArray[np.uint8], polygon: Floats, grid: Floats, step: float) -> Grey:
    """Tones of the page at the points of `grid` (H×W×2), paper outside the polygon.

    Only the line's surroundings are looked at, shrunk first where a crop pixel covers several page pixels.
    """
    page_size = np.array(image.shape[1::-1])
    left, top = np.clip(np.floor(polygon.min(axis=0)).astype(int) - 2, 0, page_size)
    right, foot = np.clip(np.ceil(polygon.max(axis=0)).astype(int) + 3, 0, page_size)
    if left >= right or top >= foot:
        raise InputError("A line's polygon is not on its page.", "Check that image and layout belong together.")
    patch = image[top:foot, left:right]
    grey = np.array(cv2.cvtColor(patch, cv2.COLOR_RGB2GRAY) if patch.ndim == 3 else patch, np.uint8)
    mask = np.zeros(grey.shape, np.uint8)
    cv2.fillPoly(mask, [np.round(polygon - (left, top)).astype(np.int32)], 255)
    paper = _tone(grey, mask, PAPER_TONE) if mask.any() else int(np.median(grey))
    grey[mask == 0] = paper
    x, y = (grid[..., 0] - left).astype(np.float32), (grid[..., 1] - top).astype(np.float32)
    if step > 1.3:
        size = max(1, round(grey.shape[1] / step)), max(1, round(grey.shape[0] / step))
        x, y = (x + 0.5) * size[0] / grey.shape[1] - 0.5, (y + 0.5) * size[1] / grey.shape[0] - 0.5
        grey = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)
    return np.asarray(
        cv2.remap(grey, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=float(paper)),
        np.uint8,
    )


def _tone(grey: Grey, mask: Grey, percent: float) -> int:
    """A percentile of the tones where the mask is set."""
    ranks = cv2.calcHist([grey], [0], mask, [256], [0, 256]).cumsum(dtype=np.float64)
    place = (ranks[-1] - 1) * percent / 100
    low, high = np.searchsorted(ranks, [place // 1, place // 1 + 1], side="right").clip(max=255)
    return int(low + place % 1 * (high - low))
