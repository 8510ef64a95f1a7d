"""Who writes rendered lines: fonts, as hands."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np
from fontTools.ttLib import TTFont, TTLibError
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, features

from manuscribe.errors import InputError
from manuscribe.text.charset import LANGUAGES

Ink = NDArray[np.float32]
"""H×W, 0 where there is paper, 1 where there is full ink."""

DRAWN = 44
"""Font size in pixels at which words are drawn before they are scaled to the line's height."""


@dataclass(frozen=True, slots=True)
class Face:
    """A font file, the characters it has, and the language it is kept to, if it is to one."""

    path: Path
    characters: frozenset[str]
    language: str | None = None


def load_faces(folder: Path) -> list[Face]:
    """The fonts of a folder, sorted by name; those in a folder within that is named for a language are kept to it.

    So is German handwriting in `de/`, in which nobody wrote French.

    Raises:
        InputError: The folder has no usable font, or one whose letters cannot be joined here.
    """
    faces = [_face(path, None) for path in sorted(folder.glob("*.[to]tf"))]
    if not faces:
        raise InputError(f"No .ttf or .otf fonts in {folder}.", "Name a folder with handwriting fonts.")
    return faces + [_face(path, name) for name in LANGUAGES for path in sorted((folder / name).glob("*.[to]tf"))]


def _face(path: Path, language: str | None) -> Face:
    try:
        with path.open("rb") as file, TTFont(file, lazy=True) as font:
            if language and "GSUB" in font and not features.check("raqm"):
                raise InputError(
                    f"The letters of {path.name} cannot be joined.", "Install FriBidi, or remove the font."
                )
            return Face(path, frozenset(map(chr, font.getBestCmap())), language)
    except TTLibError as error:
        raise InputError(f"{path} is not a font: {error}", "Remove it from the folder.") from error


class Hand(Protocol):
    """Whoever writes a line; `space` is the usual width between two words, in pixels."""

    space: float

    def word(self, text: str) -> tuple[Ink, float]:
        """A strip of 3 × `DRAWN` rows, its baseline at 2 × and its origin at column 1 × `DRAWN`; the word's advance."""
        ...


class FontHand:
    """A writer whose letters are a font's."""

    def __init__(self, path: Path) -> None:
        self._font = font(path, DRAWN)
        self.space = self._font.getlength(" ")

    def word(self, text: str) -> tuple[Ink, float]:
        """See `Hand.word`."""
        advance = self._font.getlength(text)
        strip = Image.new("L", (int(advance) + 3 * DRAWN, 3 * DRAWN), 0)
        ImageDraw.Draw(strip).text((DRAWN, 2 * DRAWN), text, fill=255, font=self._font, anchor="ls")
        return np.asarray(strip, dtype=np.float32) / 255.0, advance


@lru_cache(maxsize=1024)
def font(path: Path, size: int) -> ImageFont.FreeTypeFont:
    """A font at a size in pixels."""
    return ImageFont.truetype(str(path), size)
