"""Draws docs/images/transforms.png: what each transform of `manuscribe data augment` does to a line of the letter.

python examples/make_transforms.py
"""

from pathlib import Path

import matplotlib as mpl
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from manuscribe.datasets.augmentation.policy import GEOMETRIC, PHOTOMETRIC

HERE = Path(__file__).parent
LINE = (95, 215, 560, 325)
CELL, TITLE, GAP, TIMES = (300, 76), 180, 10, 3


def main() -> None:
    """Draw a row for each transform, the line itself first."""
    with Image.open(HERE / "letter.jpg") as letter:
        line = np.asarray(letter.convert("RGB").crop(LINE))
    transforms = {**GEOMETRIC, **PHOTOMETRIC}
    size = TITLE + TIMES * (CELL[0] + GAP), (1 + len(transforms)) * (CELL[1] + GAP)
    sheet = Image.new("RGB", size, "white")
    font = ImageFont.truetype(Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", 15)
    draw = ImageDraw.Draw(sheet)
    for row, name in enumerate(["the line itself", *transforms]):
        draw.text((GAP, row * (CELL[1] + GAP) + CELL[1] / 2 - 8), name, "black", font)
        for column in range(TIMES if row else 1):
            rng = np.random.default_rng((row, column))
            shown = Image.fromarray(transforms[name](line, rng) if row else line)
            shown.thumbnail(CELL, Image.Resampling.LANCZOS)
            sheet.paste(shown, (TITLE + column * (CELL[0] + GAP), row * (CELL[1] + GAP)))
    (HERE.parent / "docs" / "images").mkdir(exist_ok=True)
    sheet.quantize(48).save(HERE.parent / "docs" / "images" / "transforms.png", optimize=True)


if __name__ == "__main__":
    main()
