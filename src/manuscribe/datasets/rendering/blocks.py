"""Words, lines and short paragraphs rendered cleanly from fonts, with the place of every character.

They are for models that are measured, not for models that are to read real hands: those learn from `synthetic`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from manuscribe.datasets.rendering.hands import font

_SIZE = 40  # of the font, in pixels
_ROW = 64  # pixels from baseline to baseline
_ABOVE = 44  # of a row's pixels over its baseline
_SIDE = (4, 16)  # pixels of margin at each end


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """An image of some lines, uint8 grey, and where their characters are.

    Attributes:
        lines: Of equal height, one under the other, filling the image.
        edges: For each line where each character begins and ends, as shares of the image's width, N×2.
    """

    image: NDArray[np.uint8]
    lines: tuple[str, ...]
    edges: tuple[NDArray[np.float64], ...]

    @property
    def text(self) -> str:
        """The lines with a line break between two."""
        return "\n".join(self.lines)


def draw_block(lines: Sequence[str], face: Path, rng: np.random.Generator) -> Block:
    """Some lines in a font, with a little of a pen's unrest: slant, width, ink and paper."""
    letters = font(face, _SIZE)
    starts = rng.integers(*_SIDE, len(lines))
    ends = [start + letters.getlength(line) for start, line in zip(starts, lines, strict=True)]
    slant = float(np.clip(rng.normal(0, 0.06), -0.15, 0.15))
    reach = abs(slant) * _ROW
    width = int(max(ends) + rng.integers(*_SIDE) + reach) + 1
    strip = Image.new("L", (width, _ROW * len(lines)), 0)
    drawing = ImageDraw.Draw(strip)
    for number, (start, line) in enumerate(zip(starts, lines, strict=True)):
        drawing.text((start, number * _ROW + _ABOVE), line, fill=255, font=letters, anchor="ls")
    ink = _slanted(np.asarray(strip, np.float32) / np.float32(255), slant)
    edges = tuple(_edges(line, int(start), letters) / width for start, line in zip(starts, lines, strict=True))
    paper, pen = rng.uniform(205, 250), rng.uniform(20, 90)
    grey = paper - (paper - pen) * ink + rng.normal(0, rng.uniform(1, 6), ink.shape)
    return Block(np.clip(grey, 0, 255).astype(np.uint8), tuple(lines), edges)


def _slanted(ink: NDArray[np.float32], slant: float) -> NDArray[np.float32]:
    """Each row sheared about its own baseline."""
    rows = []
    for row in np.split(ink, len(ink) // _ROW):
        matrix = np.array([[1, -slant, slant * _ABOVE], [0, 1, 0]], np.float32)
        rows.append(cv2.warpAffine(row, matrix, (row.shape[1], _ROW)))
    return np.concatenate(rows).astype(np.float32)


def _edges(line: str, start: int, letters: ImageFont.FreeTypeFont) -> NDArray[np.float64]:
    lengths = np.array([letters.getlength(line[:n]) for n in range(len(line) + 1)], np.float64)
    return start + np.stack([lengths[:-1], lengths[1:]], axis=1)
