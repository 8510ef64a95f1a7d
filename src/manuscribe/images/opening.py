"""Opening image files: every usual kind, turned upright, as RGB, and nothing that would harm us.

Files come from anywhere. Their kind is told by their first bytes and only its decoder is asked; the number
of pixels is checked in the header, before memory is taken for them. Pillow's own limit is one global for the
whole process, so the decoders are called directly rather than through `Image.open`.
"""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import BmpImagePlugin, Image, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin

from manuscribe.errors import InputError, UsageError
from manuscribe.images.colour import Pixels, to_rgb

PIXEL_LIMIT = 200_000_000
BYTE_LIMIT = 1 << 30
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp"})
_USE_IMAGES = "Give a JPEG, PNG, TIFF, WebP or BMP image."
_ORIENTATION_TAG = 274


@dataclass(frozen=True, slots=True)
class _Kind:
    suffix: str
    magic: bytes
    decoder: Callable[[BinaryIO], Image.Image]


_KINDS = (
    _Kind(".jpg", b"\xff\xd8\xff", JpegImagePlugin.JpegImageFile),
    _Kind(".png", b"\x89PNG\r\n\x1a\n", PngImagePlugin.PngImageFile),
    _Kind(".tif", b"II*\0", TiffImagePlugin.TiffImageFile),
    _Kind(".tif", b"MM\0*", TiffImagePlugin.TiffImageFile),
    _Kind(".tif", b"II+\0", TiffImagePlugin.TiffImageFile),
    _Kind(".tif", b"MM\0+", TiffImagePlugin.TiffImageFile),
    _Kind(".webp", b"RIFF", WebPImagePlugin.WebPImageFile),
    _Kind(".bmp", b"BM", BmpImagePlugin.BmpImageFile),
)

_UPRIGHT: dict[int, Callable[[Pixels], Pixels]] = {
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: pixels.swapaxes(0, 1)[:, ::-1],
    7: lambda pixels: pixels.swapaxes(0, 1)[::-1, ::-1],
    8: lambda pixels: pixels.swapaxes(0, 1)[::-1],
}
"""How to turn an image upright, by its EXIF orientation (CIPA DC-008, tag 274)."""


def open_image(path: Path | str, pixel_limit: int = PIXEL_LIMIT) -> Pixels:
    """Read an image file; of a TIFF with several pages, the first.

    Args:
        path: A JPEG, PNG, TIFF, WebP or BMP file.
        pixel_limit: Images with more pixels are refused before they are decoded.

    Returns:
        RGB pixels, height × width × 3, C-contiguous, with the EXIF orientation applied.

    Raises:
        InputError: The file is missing, unreadable, no such image, damaged or too large.
    """
    path = Path(path)
    _check_file(path)
    try:
        with path.open("rb") as file:
            return _decode(file, str(path), pixel_limit)
    except PermissionError as error:
        raise InputError(f"{path} may not be read.", "Change its permissions.") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.", "Check the disk.") from error


def decode_image(data: bytes, name: str, pixel_limit: int = PIXEL_LIMIT) -> Pixels:
    """Decode the bytes of an image file; see `open_image`.

    Args:
        name: What to call it in errors.
    """
    return _decode(BytesIO(data), name, pixel_limit)


def suffix_of(data: bytes) -> str:
    """What a file of these bytes should end in, e.g. `".png"`; empty for what is no image of a known kind."""
    kind = _kind_of(data)
    return kind.suffix if kind else ""


def to_array(image: Path | str | Image.Image | Pixels) -> Pixels:
    """Bring any image that the API accepts to RGB pixels, height × width × 3, C-contiguous.

    Args:
        image: A path, a PIL image, or uint8 pixels (height × width grey, or height × width × 3 RGB).

    Raises:
        InputError: The file or the PIL image cannot be decoded.
        UsageError: An array has another shape or type, or no pixels.
    """
    if isinstance(image, str | Path):
        return open_image(image)
    if isinstance(image, Image.Image):
        return _pixels_of(image, "the given PIL image", PIXEL_LIMIT)
    if not isinstance(image, np.ndarray):
        raise UsageError(f"An image cannot be a {type(image).__name__}.", "Pass a path, a PIL image or a uint8 array.")
    return _checked(image)


def find_images(paths: Iterable[Path | str]) -> list[Path]:
    """List the images that the given files and folders stand for.

    A file is taken whatever its name. A folder gives the images directly in it, known by their suffix and
    sorted by name; folders within it and hidden files are left out. What is named twice is listed once.

    Raises:
        InputError: A path does not exist, or a folder cannot be listed or holds no image.
    """
    found: dict[str, Path] = {}
    for path in map(Path, paths):
        for image in _images_in(path) if path.is_dir() else [_existing(path)]:
            found.setdefault(os.path.abspath(image), image)  # noqa: PTH100  `..` resolved, links kept
    return list(found.values())


def _existing(path: Path) -> Path:
    try:
        path.stat()
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist.", "Check the path.") from error
    except OSError as error:
        raise InputError(f"{path} cannot be reached: {error.strerror}.", "Check the path.") from error
    return path


def _images_in(folder: Path) -> list[Path]:
    try:
        files = sorted(file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES)
    except OSError as error:
        raise InputError(
            f"The folder {folder} cannot be listed: {error.strerror}.", "Change its permissions."
        ) from error
    images = [file for file in files if file.is_file() and not file.name.startswith(".")]
    if not images:
        raise InputError(
            f"The folder {folder} holds no images ({', '.join(sorted(SUFFIXES))}).", "Name another folder."
        )
    return images


def _check_file(path: Path) -> None:
    _existing(path)
    if path.is_dir():
        raise InputError(f"{path} is a folder, not an image.", "Name a file in it.")
    if not path.is_file():
        raise InputError(f"{path} is not a regular file.", "Copy its content to a file first.")
    size = path.stat().st_size
    if size == 0:
        raise InputError(f"{path} is empty.", "Copy or scan it again.")
    if size > BYTE_LIMIT:
        raise InputError(f"{path} is larger than {BYTE_LIMIT >> 20} MiB.", "Save it compressed or smaller.")


def _kind_of(start: bytes) -> _Kind | None:
    return next((kind for kind in _KINDS if start.startswith(kind.magic)), None)


def _decode(file: BinaryIO, name: str, pixel_limit: int) -> Pixels:
    start = file.read(16)
    file.seek(0, os.SEEK_SET)
    kind = _kind_of(start)
    if kind is None:
        raise InputError(f"{name} is not an image of a known kind.", _USE_IMAGES)
    try:
        image = kind.decoder(file)
    except Exception as error:  # Decoders raise anything on damaged bytes.
        raise InputError(f"{name} is damaged or of an unknown kind: {_reason(error)}.", _USE_IMAGES) from error
    with image:
        return _pixels_of(image, name, pixel_limit)


def _pixels_of(image: Image.Image, name: str, pixel_limit: int) -> Pixels:
    width, height = image.size
    if width <= 0 or height <= 0:
        raise InputError(f"{name} has no pixels ({width} × {height}).", "Scan it again.")
    if width * height > pixel_limit:
        raise InputError(
            f"{name} has {width} × {height} pixels, more than the limit of {pixel_limit:,}.",
            "Save it smaller or cut it into pages.",
        )
    try:
        image.load()
        pixels = to_rgb(image)
    except MemoryError as error:
        raise InputError(f"{name} is too large for this machine's memory.", "Save it smaller.") from error
    except Exception as error:  # Decoders raise anything on damaged bytes.
        raise InputError(f"{name} is truncated or damaged: {_reason(error)}.", "Copy or scan it again.") from error
    turn = _UPRIGHT.get(_orientation(image))
    return np.ascontiguousarray(turn(pixels) if turn else pixels)


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION_TAG, 1))
    except Exception:  # noqa: BLE001  broken EXIF data must not cost the page
        return 1


def _checked(array: Pixels) -> Pixels:
    fits = array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3)
    if array.dtype != np.uint8 or not fits or array.size == 0:
        raise UsageError(
            f"An image array of shape {array.shape} and type {array.dtype} cannot be read.",
            "Pass uint8 pixels of shape (height, width) or (height, width, 3).",
        )
    if array.ndim == 2:
        array = np.repeat(array[..., None], 3, axis=2)
    return np.ascontiguousarray(array)


def _reason(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
