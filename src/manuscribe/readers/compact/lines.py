"""How a line image becomes the compact network's input; the same for training and reading."""

import cv2
import numpy as np
from numpy.typing import NDArray

HEIGHT = 64
MAX_WIDTH = 8192
"""Pixels at height 64; no line of writing is longer, and a wider input would only cost memory."""


def scaled_width(height: int, width: int) -> int:
    """Width of a line that is scaled to the network's height: by its aspect ratio, from 1 to `MAX_WIDTH`."""
    return min(MAX_WIDTH, max(1, round(width * HEIGHT / height)))


def is_squeezed(height: int, width: int) -> bool:
    """Whether a line is so long that it has to be narrowed to `MAX_WIDTH`."""
    return width * HEIGHT / height > MAX_WIDTH + 1


def to_height(line: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Scale a grey H×W line to 64 pixels of height and `scaled_width` of width."""
    height, width = line.shape
    scaled = scaled_width(height, width)
    if (height, width) == (HEIGHT, scaled):
        return line
    shrink = cv2.INTER_AREA if height > HEIGHT or width > scaled else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(line, (scaled, HEIGHT), interpolation=shrink), dtype=np.uint8)


def to_ink(line: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Paper to 0 and ink to about 1, whatever the exposure; float32 of the same shape.

    The paper is the brightest tenth's limit, the ink the darkest hundredth's; a line without contrast stays near 0.
    """
    values = np.sort(line[::4, ::4], axis=None)
    paper = float(values[int(0.8 * (len(values) - 1))])
    ink = float(values[int(0.01 * (len(values) - 1))])
    return ((paper - line.astype(np.float32)) / max(paper - ink, 24.0)).clip(-0.5, 1.5)


def pad(ink: NDArray[np.float32], multiple: int) -> NDArray[np.float32]:
    """Add paper (0) on the right up to a multiple of `multiple` columns."""
    missing = -ink.shape[1] % multiple
    return np.pad(ink, ((0, 0), (0, missing)))
