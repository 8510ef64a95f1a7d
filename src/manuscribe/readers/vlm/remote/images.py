"""Images as they are sent: no larger than the model can use, as data URLs."""

from base64 import b64encode
from io import BytesIO

import cv2
import numpy as np
from PIL import Image

from manuscribe.readers.vlm.answers import Pixels

SIZES = ("2048", "1536", "1024")
"""Names of sizes: pixels on the longest side."""

_LOWEST = 64  # pixels; a long line is not made lower than this, at which lines are cut
_STRETCH = 4  # times its size that a long line has at most
_EXACT = 1 << 20  # pixels up to which an image is sent as PNG


def data_url(image: Pixels, size: str) -> str:
    """The image as RGB, scaled down if it is larger than the size: PNG for words and lines, JPEG for pages."""
    picture = Image.fromarray(_scaled(image, int(size))).convert("RGB")
    file = BytesIO()
    if picture.width * picture.height <= _EXACT:
        picture.save(file, "PNG")
        kind = "png"
    else:
        # Colour as fine as brightness: ink is told from paper by it.
        picture.save(file, "JPEG", quality=95, subsampling=0)
        kind = "jpeg"
    return f"data:image/{kind};base64,{b64encode(file.getvalue()).decode('ascii')}"


def _scaled(image: Pixels, size: int) -> Pixels:
    height, width = image.shape[:2]
    longest, shortest = max(height, width), min(height, width)
    scale = min(1.0, max(size / longest, min(_LOWEST / shortest, _STRETCH * size / longest)))
    image = np.ascontiguousarray(image)
    if scale == 1.0:
        return image
    wanted = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(image, wanted, interpolation=cv2.INTER_AREA), np.uint8)
