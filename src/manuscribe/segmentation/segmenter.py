"""The embedded segmenter: a page image to its regions and lines."""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from manuscribe.document.model import Line, Page, Polygon, Region
from manuscribe.engines.openvino import OpenVinoModel
from manuscribe.models.files import ModelFile, embedded
from manuscribe.segmentation.maps import LONG_SIDE, prepare
from manuscribe.segmentation.order import Box, reading_order
from manuscribe.segmentation.polygons import line_polygons
from manuscribe.segmentation.ridges import FoundLine, find_baselines

Floats = npt.NDArray[np.floating[Any]]

USUAL_HEIGHT = 48
"""Median height of the writing, in pixels of the network's input, on the pages it was trained on."""
COMFORT = (26, 76)
"""Outside of these heights a page is looked at again, scaled so that its writing has the usual height."""
SIDES = (320, 2816)
"""How far that may change the longer side of the network's input."""

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
        pixels, scale, lines = self._look(image)
        lines = [line for line in lines if not _cut_off(line, width * scale)]
        polygons = line_polygons(pixels, lines)
        limits = np.array([width, height], np.float32)
        areas = [_on_page(polygon / scale, limits) for polygon in polygons]
        feet = [_on_page(line.baseline / scale, limits) for line in lines]
        regions: list[Region] = []
        number = 0
        for group in reading_order(_boxes(lines)):
            members = [Line(id=f"l{number + k}", polygon=areas[i], baseline=feet[i]) for k, i in enumerate(group.lines)]
            number += len(members)
            outline = _hull([areas[i] for i in group.lines])
            regions.append(Region(tuple(members), f"r{len(regions)}", group.kind, outline))
        return Page(width, height, tuple(regions))

    def _look(self, image: npt.NDArray[np.uint8]) -> tuple[Floats, float, list[FoundLine]]:
        """Find lines, at a second scale if the writing is unusually large or small for its page.

        The idea of choosing the scale by a first look is ParseNet's, too.
        """
        pixels, scale = prepare(image)
        lines = find_baselines(self._model(pixels)[0][0])
        side = _better_side(lines, native=max(image.shape[:2]))
        if side is not None:
            pixels, scale = prepare(image, side)
            lines = find_baselines(self._model(pixels)[0][0])
        return pixels[0, 0], scale, lines


def _better_side(lines: list[FoundLine], native: int) -> int | None:
    """The longer side at which the writing would have its usual height, if that is another one."""
    if not lines:
        return None
    height = float(np.median([line.height for line in lines]))
    if COMFORT[0] <= height <= COMFORT[1]:
        return None
    side = int(np.clip(LONG_SIDE * USUAL_HEIGHT / height, *SIDES))
    # Enlarging the image itself would show nothing new.
    side = min(side, max(native, LONG_SIDE))
    return side if side != LONG_SIDE else None


def _cut_off(line: FoundLine, width: float) -> bool:
    left, right = line.baseline[0, 0], line.baseline[-1, 0]
    at_edge = left < 0.25 * line.height or right > width - 0.25 * line.height
    return bool(at_edge and right - left < CUT_OFF * line.height)


def _on_page(points: Floats, limits: Floats) -> Polygon:
    clipped = np.clip(points, 0, limits).astype(np.float64).round(1)
    return tuple(map(tuple, clipped.tolist()))


def _hull(areas: list[Polygon]) -> Polygon:
    corners = np.array([point for area in areas for point in area], np.float32)
    return tuple((float(x), float(y)) for x, y in cv2.convexHull(corners)[:, 0])


def _boxes(lines: list[FoundLine]) -> list[Box]:
    """The lines as boxes on a page turned by their usual slope, which long lines say best."""
    if not lines:
        return []
    runs = np.array([line.baseline[-1] - line.baseline[0] for line in lines])
    order = np.argsort(slopes := runs[:, 1] / runs[:, 0])
    half = np.searchsorted(np.cumsum(runs[order, 0]), runs[:, 0].sum() / 2)
    slope = float(slopes[order[half]])
    boxes = []
    for line in lines:
        x, y = line.baseline.T
        level = y - slope * x
        base = float(np.trapezoid(level, x) / (x[-1] - x[0]))
        boxes.append(Box(float(x[0]), float(x[-1]), base, line.height))
    return boxes
