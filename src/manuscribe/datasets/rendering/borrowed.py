"""Cyrillic written in the hands of Latin fonts.

Few handwriting fonts have Cyrillic letters, hundreds have Latin ones, and in running handwriting most letters of
both are the same strokes: и is u, т is m, п is n, д is g, ш is a turned m, я a mirrored R. So a Latin hand
lends its strokes to a Russian or Ukrainian text; where a letter has several shapes, a line keeps to one of them, as a
writer does.
"""

import re
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from manuscribe.datasets.rendering.hands import DRAWN, Ink, font

# Shapes of a letter, parted by blanks. A shape is glyphs side by side; after '/' the next lies over the one before.
# Before a glyph: < mirrored, @ turned upside down, ~ flipped top to bottom, . shrunk to a small letter's height,
# ^ grown to a capital's, _ lowered to stand below the line.
_SHAPES = {
    "а": "a", "б": "6", "в": "b .B", "г": "<s r", "д": "g g .D", "е": "e", "ё": "ë", "ж": "x/ı .X/ı", "з": "_3 .3",
    "и": "u", "й": "ŭ", "к": ".K k", "л": "@v", "м": "@w .M", "н": ".H", "о": "o", "п": "n", "р": "p", "с": "c",
    "т": "m m .T", "у": "y", "ф": "o/p .O/l", "х": "x", "ц": "u_,", "ч": ".4 @h", "ш": "@m", "щ": "@m_,", "ъ": ".b",
    "ы": ".bı", "ь": ".b", "э": "<c/- <e", "ю": "ı-o", "я": "<.R", "і": "i", "ї": "ï", "є": "c/- .E", "ґ": "r'",
    "А": "A ^a", "Б": "5", "В": "B", "Г": "~L", "Д": "D", "Е": "E", "Ё": "Ë", "Ж": "X/I", "З": "3", "И": "<N ^u",
    "Й": "Ŭ", "К": "K", "Л": "@V", "М": "M", "Н": "H", "О": "O", "П": "^n", "Р": "P", "С": "C", "Т": "T ^m",
    "У": "Y ^y", "Ф": "O/I", "Х": "X", "Ц": "U_,", "Ч": "4", "Ш": "W @M", "Щ": "W_,", "Ъ": "b", "Ы": "bI", "Ь": "b",
    "Э": "<C/-", "Ю": "I-O", "Я": "<R", "І": "I", "Ї": "Ï", "Є": "C/-", "Ґ": "~L'",
}  # fmt: skip
_TIGHT = 0.85  # glyphs that make one letter stand closer than letters do
_PIECE = re.compile(r"(/?)([<@~.^_]*)(.)")
_MOVES = "/<@~.^_ "
LENT = frozenset("".join(_SHAPES.values())) - set(_MOVES)
"""What a font must have to lend its hand."""
SHAPED = frozenset(_SHAPES)
"""The letters that can be borrowed."""
BORROWERS = ("ru", "uk")
"""The languages that borrow."""


def can_lend(characters: frozenset[str]) -> bool:
    """Whether a font with these characters can write Cyrillic in its hand."""
    return characters >= LENT


class BorrowedHand:
    """A writer of Cyrillic whose strokes a Latin font lends.

    Args:
        path: The font, which `can_lend`.
        habit: Which of its shapes each letter takes.
    """

    def __init__(self, path: Path, habit: int) -> None:
        self._path, self._habit = path, habit
        self.space = font(path, DRAWN).getlength(" ")

    def word(self, text: str) -> tuple[Ink, float]:
        """See `Hand.word`; what is neither Russian nor Ukrainian the font writes itself."""
        letters = [_letter(self._path, self._shape(letter)) for letter in text]
        strip = np.zeros((3 * DRAWN, 4 * DRAWN + sum(advance for _, advance in letters)), np.float32)
        x = 0
        for ink, advance in letters:
            place = strip[:, x : x + ink.shape[1]]
            np.maximum(place, ink[:, : place.shape[1]], out=place)
            x += advance
        return strip, float(x)

    def _shape(self, letter: str) -> str:
        shapes = _SHAPES.get(letter, "").split()
        return shapes[self._habit % len(shapes)] if shapes else letter


@lru_cache(maxsize=4096)
def _letter(path: Path, shape: str) -> tuple[Ink, int]:
    """A letter's strip, with its origin at column `DRAWN`, and its advance."""
    pieces = _PIECE.findall(shape) if len(shape) > 1 else [("", "", shape)]
    whole = np.zeros((3 * DRAWN, 6 * DRAWN), np.float32)
    origin, start, advance = 0, 0, 0
    for over, moves, glyph in pieces:
        ink, width = _moved(path, glyph, moves)
        at = max(0, start + (advance - width) // 2) if over else origin
        place = whole[:, at : at + ink.shape[1]]
        np.maximum(place, ink[:, : place.shape[1]], out=place)
        if not over:
            start, advance = origin, width
            origin += width if len(pieces) == 1 else round(_TIGHT * width)
    inked = np.flatnonzero(whole.any(axis=0))
    return whole[:, : (int(inked[-1]) + 1 if len(inked) else DRAWN)].copy(), origin


def _moved(path: Path, glyph: str, moves: str) -> tuple[Ink, int]:
    """A glyph's strip, origin at column `DRAWN`, with its moves made, and its advance."""
    small, tall = _heights(path)
    grown = 1.0
    if "." in moves:
        grown = small / tall
    elif "^" in moves:
        grown = tall / small
    face = font(path, max(4, round(DRAWN * min(grown, 1.6))))
    advance = max(1, round(face.getlength(glyph)))
    strip = Image.new("L", (2 * DRAWN + advance, 3 * DRAWN), 0)
    ImageDraw.Draw(strip).text((DRAWN, 2 * DRAWN), glyph, fill=255, font=face, anchor="ls")
    ink = np.asarray(strip, dtype=np.float32) / 255.0
    if "<" in moves or "@" in moves:
        ink = ink[:, ::-1]
    if "~" in moves or "@" in moves:  # about the middle of the letter's height
        height = tall if glyph.isupper() or "h" in glyph else small
        ink = np.roll(ink[::-1], 2 * (2 * DRAWN) - height - 3 * DRAWN + 1, axis=0)
        if glyph == "h":
            ink = np.roll(ink, tall - small, axis=0)
    if "_" in moves:
        ink = np.roll(ink, tall - small if glyph.isdigit() else max(1, small // 6), axis=0)
    return ink, advance


@lru_cache(maxsize=512)
def _heights(path: Path) -> tuple[int, int]:
    """Heights of small letters and of capitals, in pixels."""
    face = font(path, DRAWN)
    small, tall = (-face.getbbox(glyph, anchor="ls")[1] for glyph in ("x", "H"))
    small = max(2, int(small))
    return small, max(small, int(tall))
