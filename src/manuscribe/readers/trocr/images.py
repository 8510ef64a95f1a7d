"""Line images as a checkpoint's encoder wants them: exactly what its image processor makes of them."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from manuscribe.readers.trocr.configuration import Preprocessing

Fit = Literal["squash", "pad"]
"""How a line comes into the encoder's frame: its proportions given up, as all published checkpoints were trained, or
kept, with paper around it."""


def prepare(line: NDArray[np.uint8], settings: Preprocessing, fit: Fit = "squash") -> NDArray[np.float32]:
    """A line (uint8, H×W grey or H×W×3 RGB) as the encoder's input, 3×height×width."""
    image = Image.fromarray(line).convert("RGB")
    image = _padded(image, settings) if fit == "pad" else _resized(image, settings.size, settings)
    if settings.crop:
        image = _cropped(image, *settings.crop)
    pixels: NDArray[np.float32] = np.asarray(image, np.float32)
    if settings.do_rescale:
        pixels = pixels * np.float32(settings.rescale_factor)
    if settings.do_normalize:
        mean, deviation = (np.array(values, np.float32) for values in (settings.image_mean, settings.image_std))
        pixels = (pixels - mean) / deviation
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _resized(image: Image.Image, size: tuple[int, int], settings: Preprocessing) -> Image.Image:
    return image.resize((size[1], size[0]), Image.Resampling(settings.resample))


def _padded(image: Image.Image, settings: Preprocessing) -> Image.Image:
    height, width = settings.size
    scale = min(height / image.height, width / image.width)
    inner = (max(1, round(image.height * scale)), max(1, round(image.width * scale)))
    paper = tuple(int(value) for value in np.median(np.asarray(image).reshape(-1, 3), axis=0))
    framed = Image.new("RGB", (width, height), paper)
    framed.paste(_resized(image, inner, settings), (0, (height - inner[0]) // 2))
    return framed


def _cropped(image: Image.Image, height: int, width: int) -> Image.Image:
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))
