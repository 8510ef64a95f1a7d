"""How an image is shown: whole at one size, or in tiles with a view of the whole; and the places that it takes.

Source: DeepSeek-OCR (arXiv 2510.18234), section 3.2; the choice of tiles is InternVL's (arXiv 2404.16821, section 3.2).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from manuscribe.errors import UsageError

PATCH = 64
"""Pixels of a side that become one place: patches of 16, compressed four times."""
_STRETCHED = 640  # sizes up to this one give up an image's proportions
_LARGEST = 2048
_GREY = (127, 127, 127)


@dataclass(frozen=True, slots=True)
class Mode:
    """A size at which images are seen.

    Attributes:
        base: Side of the whole view, pixels, a multiple of `PATCH`.
        tile: Side of tiles; 0 for none.
        most: Tiles at most.
    """

    base: int
    tile: int = 0
    most: int = 6


MODES = {
    "gundam": Mode(1024, tile=640),
    "large": Mode(1280),
    "base": Mode(1024),
    "small": Mode(640),
    "tiny": Mode(512),
}
"""The published modes, the usual one first, which has the most places."""


@dataclass(frozen=True, slots=True, eq=False)
class Views:
    """An image, ready to be seen.

    Attributes:
        whole: 3×S×S, from -1 to 1.
        tiles: T×3×s×s, row by row; `None` without.
        grid: Columns and rows of tiles; 1 and 1 without.
        places: Places that all of it takes among the tokens.
    """

    whole: NDArray[np.float32]
    tiles: NDArray[np.float32] | None
    grid: tuple[int, int]
    places: int


def mode_of(size: str) -> Mode:
    """The mode of that name; a number is the side of a whole view in pixels.

    Raises:
        UsageError: There is no such mode, or the number is no multiple of `PATCH`, or too large.
    """
    if size in MODES:
        return MODES[size]
    if size.isascii() and size.isdecimal() and int(size) % PATCH == 0 and 0 < int(size) <= _LARGEST:
        return Mode(int(size))
    raise UsageError(
        f"DeepSeek-OCR has no size '{size}'.", f"Use {', '.join(MODES)}, or pixels, a multiple of {PATCH}."
    )


def show(image: NDArray[np.uint8], mode: Mode) -> Views:
    """Prepare an image, H×W×3 RGB or H×W grey, to be seen in a mode."""
    picture = Image.fromarray(image).convert("RGB")
    grid = grid_of(picture.width, picture.height, mode)
    places = places_of(picture.width, picture.height, mode)
    if not mode.tile and mode.base <= _STRETCHED:
        return Views(_values(picture.resize((mode.base, mode.base))), None, grid, places)
    whole = ImageOps.pad(picture, (mode.base, mode.base), color=_GREY)
    tiles = None if grid == (1, 1) else _tiles(picture, mode.tile, grid)
    return Views(_values(whole), tiles, grid, places)


def places_of(width: int, height: int, mode: Mode) -> int:
    """The places that an image of so many pixels takes: its grids, a newline for each of their rows, the separator."""
    side = mode.base // PATCH
    places = (side + 1) * side + 1
    columns, rows = grid_of(width, height, mode)
    if columns * rows > 1:
        each = mode.tile // PATCH
        places += (each * columns + 1) * each * rows
    return places


def grid_of(width: int, height: int, mode: Mode) -> tuple[int, int]:
    """Columns and rows of tiles: proportions nearest to the image's; 1 and 1 for one that is not larger than a tile.

    Of two grids with the same proportions the one with more tiles is taken if the image has pixels for half of them.
    """
    if not mode.tile or max(width, height) <= mode.tile:
        return 1, 1
    most = range(1, mode.most + 1)
    grids = [(columns, rows) for columns in most for rows in most if 2 <= columns * rows <= mode.most]
    best, least = (1, 1), float("inf")
    for grid in sorted(grids, key=lambda grid: grid[0] * grid[1]):
        off = abs(width / height - grid[0] / grid[1])
        if off < least or (off == least and width * height > mode.tile**2 * grid[0] * grid[1] / 2):
            best, least = grid, off
    return best


def _tiles(picture: Image.Image, side: int, grid: tuple[int, int]) -> NDArray[np.float32]:
    columns, rows = grid
    whole = _values(picture.resize((side * columns, side * rows)))
    split = whole.reshape(3, rows, side, columns, side).transpose(1, 3, 0, 2, 4)
    return np.ascontiguousarray(split.reshape(-1, 3, side, side))


def _values(picture: Image.Image) -> NDArray[np.float32]:
    return np.ascontiguousarray(np.asarray(picture, np.float32).transpose(2, 0, 1) / 127.5 - 1)
