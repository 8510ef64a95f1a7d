"""Renders the images in `rendered/`: `python examples/make_rendered.py FONTS`, FONTS having Patrick Hand and Handlee.

They are in the manner of what `deepseek-tiny` learnt from; these very texts are among those that its recipe holds out.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from manuscribe.datasets.rendering.blocks import draw_block

TEXTS = {"word": ["evening"], "line": ["six candles"], "paragraph": ["one old box", "and two rings"]}
FACES = {"word": "handlee", "line": "patrick-hand", "paragraph": "patrick-hand"}


def main() -> None:
    """Draw each of them."""
    fonts, folder = Path(sys.argv[1]), Path(__file__).parent / "rendered"
    folder.mkdir(exist_ok=True)
    for number, (level, lines) in enumerate(TEXTS.items()):
        block = draw_block(lines, fonts / f"{FACES[level]}.ttf", np.random.default_rng(number))
        Image.fromarray(block.image).save(folder / f"{level}.png")


if __name__ == "__main__":
    main()
