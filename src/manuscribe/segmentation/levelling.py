"""Pages whose lines slope are turned until they are level, and what was found is put back onto the image."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import cv2
import numpy as np
import numpy.typing as npt

from manuscribe.segmentation.ridges import FoundLine

Floats = npt.NDArray[np.floating[Any]]

SLOPING = 0.05
"""Rise over run from which on lines may be pieces of steeper ones: of those the network sees only flat parts."""
LEVEL = 3.0
"""Degrees that do no harm."""
STEEPEST, STEP, FINE = 44, 2.0, 0.5
"""Degrees that are tried both ways, first in steps, then in finer ones about the best."""
SMALL = 400
"""Pixels of the longer side of the image on which they are tried."""
PIXELS, SIDE = 16_000_000, 16_384
"""What a turned view has at most, and its longer side: a scroll needs far more room when it is turned."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """An image, perhaps turned.

    Attributes:
        image: H×W grey or H×W×3 RGB; what lies beyond the page has its usual tone.
        matrix: From places of the page to those of `image`, 2×3.
    """

    image: npt.NDArray[np.uint8]
    matrix: npt.NDArray[Any]

    @classmethod
    def of(cls, image: npt.NDArray[np.uint8]) -> Self:
        """As it is."""
        return cls(image, np.eye(2, 3))

    @property
    def is_turned(self) -> bool:
        """Whether it shows more than the page."""
        return bool(self.matrix[0, 1])

    @classmethod
    def turned(cls, page: npt.NDArray[np.uint8], angle: float) -> Self:
        """The page turned so that what rises to the right by so many degrees is level."""
        room = _room(page.shape, angle)
        scale = min(1.0, (PIXELS / room.prod()) ** 0.5, SIDE / room.max())
        height, width = (max(1, round(side * scale)) for side in page.shape[:2])
        small = page if scale == 1 else cv2.resize(page, (width, height), interpolation=cv2.INTER_AREA)
        size = np.ceil(_room(small.shape, angle)).astype(int).tolist()
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -angle, 1)
        matrix[:, 2] += (size[0] - width) / 2, (size[1] - height) / 2
        paper = np.median(small[::8, ::8].reshape(-1, *page.shape[2:]), axis=0).reshape(-1).tolist()
        turned = cv2.warpAffine(small, matrix, size, flags=cv2.INTER_LINEAR, borderValue=paper)
        matrix[:, :2] *= width / page.shape[1], height / page.shape[0]
        return cls(np.asarray(turned, np.uint8), matrix)

    def on_page(self, points: Floats) -> Floats:
        """Points of the view, N×2, on the page."""
        inverse = cv2.invertAffineTransform(self.matrix)
        return np.asarray(points @ inverse[:, :2].T + inverse[:, 2])


def slope_of(lines: Sequence[FoundLine]) -> float:
    """The usual slope of lines, rise over run, downwards; long ones say it best. At least one line."""
    runs = np.array([line.baseline[-1] - line.baseline[0] for line in lines])
    order = np.argsort(slopes := runs[:, 1] / runs[:, 0])
    half = np.searchsorted(np.cumsum(runs[order, 0]), runs[:, 0].sum() / 2)
    return float(slopes[order[half]])


def angle_of(page: npt.NDArray[np.uint8]) -> float:
    """By how many degrees writing rises to the right: seen along lines, rows with ink and those without differ most.

    Source: projection profiles (Postl, "Detection of linear oblique structures and skew scan in digitized documents",
    ICPR 1986).
    """
    grey = cv2.cvtColor(page, cv2.COLOR_RGB2GRAY) if page.ndim == 3 else page
    height, width = (max(1, round(side * SMALL / max(grey.shape))) for side in grey.shape)
    small = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
    ink = np.maximum(cv2.GaussianBlur(small, (0, 0), SMALL / 40) - small, 0)
    best = _best(ink, np.arange(-STEEPEST, STEEPEST + STEP, STEP))
    return _best(ink, np.arange(best - STEP, best + STEP, FINE))


def _room(shape: tuple[int, ...], angle: float) -> Floats:
    """Width and height that an image of a shape needs when it is turned."""
    height, width = shape[:2]
    cosine, sine = abs(np.cos(np.radians(angle))), abs(np.sin(np.radians(angle)))
    return np.array([width * cosine + height * sine, width * sine + height * cosine])


def _best(ink: Floats, angles: Floats) -> float:
    """The angle with the greatest contrast; on blank paper the smallest."""
    return float(max(angles, key=lambda angle: (_contrast(ink, float(angle)), -abs(angle))))


def _contrast(ink: Floats, angle: float) -> float:
    height, width = ink.shape
    side = int(np.hypot(height, width)) + 1
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -angle, 1)
    matrix[:, 2] += (side - width) / 2, (side - height) / 2
    rows = cv2.warpAffine(ink, matrix, (side, side)).sum(axis=1)
    return float(np.square(np.diff(rows)).sum())
