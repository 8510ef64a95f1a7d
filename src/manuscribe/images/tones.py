"""What scanners did to tones: negatives, as microfilms and blueprints are, and scans in black and white only."""

import cv2
import numpy as np

from manuscribe.images.colour import Pixels

_LONG_SIDE = 1000  # pixels that are enough to tell
_SURROUNDINGS = 31  # of them around each one: what is larger than writing does not count
_FLAT = 4.0  # standard deviation of tones that paper has by itself
_TWO_TONES = 0.995  # share of its pixels that an image has of two tones if it has no others worth mentioning
_CLEARLY = 0.2  # of 349 pages, with a dark table around them or without, and 1,275 lines, none leans by more than -0.2


def is_negative(image: Pixels) -> bool:
    """Whether the strokes are lighter than what is around them.

    Writing covers less than half of its surroundings, so that tones, compared with theirs, lean towards its side.

    Args:
        image: uint8, H×W grey or H×W×3 RGB.
    """
    grey = _grey(image)
    scale = _LONG_SIDE / max(grey.shape)
    if scale < 1:
        grey = np.asarray(cv2.resize(grey, _scaled(grey, scale), interpolation=cv2.INTER_AREA), np.uint8)
    grey = grey.astype(np.float32)
    beside = grey - cv2.blur(grey, (_SURROUNDINGS, _SURROUNDINGS))
    height, width = grey.shape
    tiles = max(1, width // _SURROUNDINGS), max(1, height // _SURROUNDINGS)
    squares = beside * beside  # powers by `**` take ten times as long
    variance, third = (cv2.resize(x, tiles, interpolation=cv2.INTER_AREA) for x in (squares, squares * beside))
    # Tile by tile: one edge between page and table would outweigh all the writing.
    variance = np.maximum(variance, _FLAT**2)
    return float((third / variance).sum()) > _CLEARLY * float(np.sqrt(variance).sum())


def softened(image: Pixels, blur: float) -> Pixels:
    """The image with soft edges if it has two tones only; otherwise as it is.

    Readers and segmenter learnt from scans with greys. Steps from black to white look like other strokes to them.

    Args:
        image: uint8, H×W grey or H×W×3 RGB.
        blur: Standard deviation in pixels.
    """
    tones = np.sort(cv2.calcHist([_grey(image)], [0], None, [256], [0, 256]).ravel())
    if tones[-2:].sum() < _TWO_TONES * tones.sum():
        return image
    return np.asarray(cv2.GaussianBlur(image, (0, 0), blur), np.uint8)


def _grey(image: Pixels) -> Pixels:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8) if image.ndim == 3 else image


def _scaled(image: Pixels, scale: float) -> tuple[int, int]:
    return max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
