"""Line images as a checkpoint's encoder wants them: exactly what its image processor makes of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from manuscribe.readers.trocr.configuration import Configuration, EncoderConfig, Preprocessing

SQUEEZED = "squeezed: the line is longer than the encoder can take wide"
_MOST_PLACES = 4096  # of an image; the time grows with their square


@dataclass(frozen=True, slots=True)
class Images:
    """Lines as the encoder's input.

    Attributes:
        pixels: B×3×H×W.
        columns: How many columns of patches each line fills (B); nothing where all fill the frame.
    """

    pixels: NDArray[np.float32]
    columns: NDArray[np.int64] | None = None


def together(lines: Sequence[NDArray[np.uint8]], configuration: Configuration) -> Images:
    """Lines (uint8, H×W grey or H×W×3 RGB) side by side, each as the configuration's `fit` says."""
    settings, encoder = configuration.preprocessing, configuration.encoder
    if settings.fit != "wide":
        return Images(np.stack([prepare(line, settings) for line in lines]))
    columns = np.array([columns_of(line, encoder) for line in lines], np.int64)
    height, across = settings.size[0], encoder.patch_size[1]
    pixels = np.zeros((len(lines), 3, height, int(columns.max()) * across), np.float32)
    for frame, line, count in zip(pixels, lines, columns.tolist(), strict=True):
        width = count * across
        frame[:, :, :width] = prepare(line, settings.model_copy(update={"size": (height, width)}))
    return Images(pixels, columns)


def places_of(line: NDArray[np.uint8], configuration: Configuration) -> int:
    """Patches that a line will have."""
    encoder = configuration.encoder
    wide = configuration.preprocessing.fit == "wide"
    return encoder.grid[0] * (columns_of(line, encoder) if wide else encoder.grid[1])


def is_squeezed(line: NDArray[np.uint8], configuration: Configuration) -> bool:
    """Whether a wide line needs more columns than there may be, and loses its proportions."""
    encoder = configuration.encoder
    wide = configuration.preprocessing.fit == "wide"
    return wide and _wanted(line.shape[0], line.shape[1], encoder) > _most(encoder)


def columns_of(line: NDArray[np.uint8], encoder: EncoderConfig) -> int:
    """Columns of patches that a wide line keeps its proportions in, as far as there may be so many."""
    return min(max(1, _wanted(line.shape[0], line.shape[1], encoder)), _most(encoder))


def _wanted(height: int, width: int, encoder: EncoderConfig) -> int:
    down, across = encoder.patch_size
    return round(width / height * encoder.grid[0] * down / across)


def _most(encoder: EncoderConfig) -> int:
    return max(1, _MOST_PLACES // encoder.grid[0])


def prepare(line: NDArray[np.uint8], settings: Preprocessing) -> NDArray[np.float32]:
    """A line (uint8, H×W grey or H×W×3 RGB) as the encoder's input, 3×height×width."""
    image = Image.fromarray(line).convert("RGB")
    image = _padded(image, settings) if settings.fit == "pad" else _resized(image, settings.size, settings)
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
