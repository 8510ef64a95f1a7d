"""The embedded segmenter: a page image to its regions and lines."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from manuscribe.document.model import Line, Page, Polygon, Region
from manuscribe.engines.openvino import OpenVinoModel
from manuscribe.models.files import ModelFile, embedded
from manuscribe.segmentation.boxes import Box
from manuscribe.segmentation.levelling import LEVEL, SLOPING, View, angle_of, slope_of
from manuscribe.segmentation.maps import LONG_SIDE, prepare
from manuscribe.segmentation.order import reading_order
from manuscribe.segmentation.polygons import line_polygons
from manuscribe.segmentation.ridges import FoundLine, find_baselines

Floats = npt.NDArray[np.floating[Any]]

USUAL_HEIGHT = 48
"""Median height of the writing, in pixels of the network's input, on the pages it was trained on."""
COMFORT = (26, 76)
"""Outside of these heights a page is looked at again, scaled so that its writing has the usual height."""
SMALLEST_SIDE, PIXELS = 320, 5_600_000
"""How far that may change the network's input: its longer side is no smaller, its pixels are no more."""
SPARSE = 1.5
"""How long all lines are together, in longer sides of the page, where there may be others of another size."""
FURTHER = (LONG_SIDE // 4, LONG_SIDE // 2, 2 * LONG_SIDE)
"""Longer sides at which they are looked for."""
PIECE = 3.0
"""Heights up to which a line may be a stroke of a letter that is far too large."""
LEAST_SHARE = 0.25
"""What must be found of them at least, in longer sides of the page."""
LONGER = 1.2
"""Times as long lines must be for a page to be turned until they are level."""

CUT_OFF = 1.5
"""Pieces of lines at the image's left and right edge are left out if they are shorter than this, in heights:
what is seen of the facing page is no text."""


class Segmenter:
    """Finds lines of handwriting: level, slanted or curved, from left to right.

    Args:
        model: A graph as `training.segmenter.export` writes it, with its card; by default the one in the package.
        threads: CPU threads; 0 takes all cores.

    Attributes:
        name: `"segmenter"`.
        version: The version of the weights.

    Raises:
        ModelError: The weights or their card are missing or damaged.
    """

    name = "segmenter"

    def __init__(self, model: ModelFile | None = None, threads: int = 0) -> None:
        model = model or embedded("segmenter")
        self._model = OpenVinoModel(model.path, threads)
        self.version = model.version

    def segment(self, image: npt.NDArray[np.uint8]) -> Page:
        """Find the lines of a page.

        Args:
            image: H×W grey or H×W×3 RGB.

        Returns:
            A page with regions and lines in reading order, polygons and baselines in pixels of `image`;
            without regions if nothing is written on it.
        """
        height, width = image.shape[:2]
        view, look = self._level(image)
        scale, edge = look.scale, view.image.shape[1] * look.scale
        lines = [line for line in look.lines if view.is_turned or not _cut_off(line, edge)]
        polygons = line_polygons(look.pixels, lines)
        limits = np.array([width, height], np.float32)
        areas = [_within(view.on_page(polygon / scale), limits) for polygon in polygons]
        feet = [_within(view.on_page(line.baseline / scale), limits) for line in lines]
        regions: list[Region] = []
        number = 0
        for group in reading_order(_boxes(lines)):
            members = [Line(id=f"l{number + k}", polygon=areas[i], baseline=feet[i]) for k, i in enumerate(group.lines)]
            number += len(members)
            outline = _hull([areas[i] for i in group.lines])
            regions.append(Region(tuple(members), f"r{len(regions)}", group.kind, outline))
        return Page(width, height, tuple(regions))

    def _level(self, image: npt.NDArray[np.uint8]) -> tuple[View, "_Look"]:
        """Look at a page, turned if its lines are longer then."""
        view, look = View.of(image), self._look(image)
        if look.share >= SPARSE and abs(slope_of(look.lines)) < SLOPING:
            return view, look
        if abs(angle := angle_of(image)) < LEVEL:
            return view, look
        level = View.turned(image, angle)
        other = self._look(level.image)
        return (level, other) if other.length > LONGER * look.length else (view, look)

    def _look(self, image: npt.NDArray[np.uint8]) -> "_Look":
        """Find lines, at a second scale if the writing is unusually large or small for its page.

        The idea of choosing the scale by a first look is ParseNet's, too. Where that shows next to nothing, the writing
        may be far too small, as on scrolls, or far too large, as in clips: then there are further first looks.
        """
        largest = _largest_side(image)
        look = self._look_at(image, LONG_SIDE)
        if look.share < SPARSE:
            others = [self._look_at(image, side) for side in FURTHER if side < LONG_SIDE or side <= largest]
            fullest = max(others, key=lambda other: other.share)
            if fullest.share > 2 * look.share + LEAST_SHARE:
                look = fullest
        side = _better_side(look, largest)
        return look if side is None else self._look_at(image, side)

    def _look_at(self, image: npt.NDArray[np.uint8], side: int) -> "_Look":
        pixels, scale = prepare(image, side)
        return _Look(pixels[0, 0], side, scale, find_baselines(self._model(pixels)[0][0]))


@dataclass(frozen=True, slots=True, eq=False)
class _Look:
    """What was seen of an image.

    Attributes:
        pixels: The network's input, H×W.
        side: Its longer side, without padding.
        scale: Pixels of it for one of the image.
    """

    pixels: Floats
    side: int
    scale: float
    lines: list[FoundLine]

    @property
    def length(self) -> float:
        """Of the usual line, in shares of the image's diagonal; long ones count for more."""
        lengths = np.array([line.baseline[-1, 0] - line.baseline[0, 0] for line in self.lines])
        return float(np.square(lengths).sum() / max(1.0, lengths.sum()) / np.hypot(*self.pixels.shape))

    @property
    def share(self) -> float:
        """How long all lines are together, pieces left out, in longer sides of the image."""
        lengths = ((float(line.baseline[-1, 0] - line.baseline[0, 0]), line.height) for line in self.lines)
        return sum(length for length, height in lengths if length > PIECE * height) / self.side


def _largest_side(image: npt.NDArray[np.uint8]) -> int:
    """The longer side up to which it is worth enlarging an image, and affordable."""
    long, short = max(image.shape[:2]), min(image.shape[:2])
    # More than its own pixels would show nothing new.
    return int(max(LONG_SIDE, min(long, (PIXELS * long / short) ** 0.5)))


def _better_side(look: _Look, largest: int) -> int | None:
    """The longer side at which the writing would have its usual height, if that is another one."""
    if not look.lines:
        return None
    height = float(np.median([line.height for line in look.lines]))
    if COMFORT[0] <= height <= COMFORT[1]:
        return None
    side = int(np.clip(look.side * USUAL_HEIGHT / height, SMALLEST_SIDE, largest))
    return side if side != look.side else None


def _cut_off(line: FoundLine, width: float) -> bool:
    left, right = line.baseline[0, 0], line.baseline[-1, 0]
    at_edge = left < 0.25 * line.height or right > width - 0.25 * line.height
    return bool(at_edge and right - left < CUT_OFF * line.height)


def _within(points: Floats, limits: Floats) -> Polygon:
    clipped = np.clip(points, 0, limits).astype(np.float64).round(1)
    return tuple(map(tuple, clipped.tolist()))


def _hull(areas: list[Polygon]) -> Polygon:
    corners = np.array([point for area in areas for point in area], np.float32)
    return tuple((float(x), float(y)) for x, y in cv2.convexHull(corners)[:, 0])


def _boxes(lines: list[FoundLine]) -> list[Box]:
    """The lines as boxes on a page turned by their usual slope."""
    if not lines:
        return []
    angle = np.arctan(slope_of(lines))
    cosine, sine = np.cos(angle), np.sin(angle)
    boxes = []
    for line in lines:
        x, y = line.baseline.T
        across, down = x * cosine + y * sine, y * cosine - x * sine
        base = float(np.trapezoid(down, x) / (x[-1] - x[0]))
        boxes.append(Box(float(across.min()), float(across.max()), base, line.height))
    return boxes
