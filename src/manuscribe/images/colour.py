"""Any colour mode of an image brought to 8-bit RGB, as a person would see it on white paper."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

BITS_TAG, PHOTOMETRIC_TAG = 258, 262
WHITE_IS_ZERO = 0
_WHITE_OF_12_BITS = 4095

Pixels = NDArray[np.uint8]


def to_rgb(image: Image.Image) -> Pixels:
    """Decode an image to RGB.

    Transparent parts become white paper, except in grey of more than 8 bits, which is scaled to 8 bits by its full
    range.

    Returns:
        Pixels of shape height × width × 3.
    """
    # First: made RGBA, deep grey would be clipped to white. What is transparent in it keeps its tone.
    if image.mode.startswith("I") or image.mode == "F":
        return np.repeat(_deep_grey(image)[..., None], 3, axis=2)
    if image.has_transparency_data:
        return _on_white_paper(image)
    # Pillow has already undone the inversion that Adobe's CMYK JPEGs carry.
    return np.asarray(image.convert("RGB"))


def _on_white_paper(image: Image.Image) -> Pixels:
    image = image.convert("RGBA")
    paper = Image.new("RGBA", image.size, "white")
    paper.alpha_composite(image)
    return np.asarray(paper.convert("RGB"))


def _deep_grey(image: Image.Image) -> Pixels:
    values: NDArray[Any] = np.asarray(image)
    if image.mode.startswith("I;16"):
        grey = (values >> (_bits(image, values) - 8)).astype(np.uint8)
        # Pillow inverts such scans in 8 bits, but not in 16.
        return 255 - grey if _white_is_zero(image) else grey
    values = np.clip(np.nan_to_num(values), 0, None)
    # Wider integers and floats do not say what white is: the smallest usual range that holds them is taken.
    ranges = (1, 255, _WHITE_OF_12_BITS, 65535) if image.mode == "F" else (255, _WHITE_OF_12_BITS, 65535)
    largest = float(values.max())
    white = next((white for white in ranges if largest <= white), largest)
    return (values * (255 / white)).astype(np.uint8)


def _bits(image: Image.Image, values: NDArray[Any]) -> int:
    """How many of 16 bits are used: as many as the file says, but fewer where a camera filled no more."""
    (bits, *_) = getattr(image, "tag_v2", {}).get(BITS_TAG, (16,))
    filled = int(values.max(initial=0)).bit_length()
    if bits == 16:
        return next(usual for usual in (8, 12, 16) if filled <= usual)
    return int(bits) if 8 <= bits < 16 else 16


def _white_is_zero(image: Image.Image) -> bool:
    tags = getattr(image, "tag_v2", {})
    return bool(tags.get(PHOTOMETRIC_TAG) == WHITE_IS_ZERO)
