"""A picture of some of a data set's lines, each over its text: the first thing to look at."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from manuscribe.datasets.labelled import LabelledLine
from manuscribe.errors import InputError, OutputError, UsageError
from manuscribe.images.opening import SUFFIXES

_LINE = (700, 64)  # pixels that a line has at most
_TEXT, _MARGIN = 22, 12
_PAPER, _INK, _ALARM = (255, 255, 255), (40, 40, 40), (180, 0, 0)


def contact_sheet(lines: Sequence[LabelledLine], count: int = 40, seed: int = 0, columns: int = 2) -> Image.Image:
    """Lines drawn at random, in the order of the data set; what cannot be opened is said in red."""
    chosen = sorted(np.random.default_rng(seed).permutation(len(lines))[:count])
    rows = -(-len(chosen) // columns)
    cell = (_LINE[0] + _MARGIN, _LINE[1] + _TEXT + _MARGIN)
    sheet = Image.new("RGB", (max(1, columns * cell[0] + _MARGIN), max(1, rows * cell[1] + _MARGIN)), _PAPER)
    draw, font = ImageDraw.Draw(sheet), _font()
    for place, number in enumerate(chosen):
        left, top = _MARGIN + place // rows * cell[0], _MARGIN + place % rows * cell[1]
        _show(lines[number], (left, top), sheet, draw, font)
    return sheet


def save_contact_sheet(lines: Sequence[LabelledLine], path: Path, count: int, seed: int) -> None:
    """Draw a contact sheet into a file.

    Raises:
        UsageError: The file's suffix is that of no picture.
        OutputError: It cannot be written.
    """
    sheet = contact_sheet(lines, count, seed)
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{path} is no name for a picture.", "Let it end in .png.")
    try:
        sheet.save(path)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}.", "Name another file.") from error


def _show(
    line: LabelledLine, at: tuple[int, int], sheet: Image.Image, draw: ImageDraw.ImageDraw, font: ImageFont.FreeTypeFont
) -> None:
    about = " · ".join(part for part in (line.split, line.label if line.label != "text" else "", line.group) if part)
    try:
        image = Image.fromarray(line.rgb())
    except InputError as error:
        draw.text(at, error.problem, _ALARM, font)
    else:
        image.thumbnail(_LINE, Image.Resampling.LANCZOS)
        sheet.paste(image, at)
    written = " ".join(line.text.split())[:200]
    text = f"{written}   [{about}]" if about else written
    while len(text) > 8 and draw.textlength(text, font) > _LINE[0]:
        text = text[:-2].rstrip("…") + "…"
    draw.text((at[0], at[1] + _LINE[1] + 1), text, _INK, font)


def _font() -> ImageFont.FreeTypeFont:
    import matplotlib  # its font has the letters of all scripts that we train on

    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", 14)
