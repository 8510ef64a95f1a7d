"""What goes into the segmenter's network and what comes out: the contract of training and use."""

import cv2
import numpy as np
import numpy.typing as npt

LONG_SIDE = 1408
"""Pixels of a page's longer side when the network sees it."""
STRIDE = 2
"""Pixels of the network's input for one cell of its maps, both ways."""
MULTIPLE = 32
"""The input's sides are multiples of this (the depth of the network's pyramid)."""
CHANNELS = ("baseline", "end", "ascender", "descender")
"""Logits of being on a baseline and near an end of one; logarithms of the heights above and below it."""


def prepare(image: npt.NDArray[np.uint8], long_side: int = LONG_SIDE) -> tuple[npt.NDArray[np.float32], float]:
    """Scale a page for the network.

    Args:
        image: H×W grey or H×W×3 RGB.
        long_side: Its longer side in the network's eyes.

    Returns:
        The network's input, 1×1×H'×W' in [0, 1], padded at the right and the foot with the page's own edge;
        and the pixels of it for one of `image`.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) if image.ndim == 3 else image
    height, width = grey.shape
    scale = long_side / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    scaled = cv2.resize(grey, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    padding = [(-side) % MULTIPLE for side in scaled.shape]
    padded = np.pad(scaled, [(0, pad) for pad in padding], mode="edge")
    return (padded / np.float32(255)).astype(np.float32)[None, None], scale
