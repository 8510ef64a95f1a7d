"""Draws letter.jpg: the text of letter.txt in a handwriting font, on paper as a camera sees it.

The picture is ours, and so is the text. Any handwriting font does; the page that ships was drawn with
La Belle Aurore (SIL Open Font License 1.1, which does not cover pictures drawn with the font).

    python examples/make_letter.py --font la-belle-aurore.ttf
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

HERE = Path(__file__).parent
WIDTH, HEIGHT = 1240, 1600
LEFT, TOP, PITCH = 110, 185, 76
PAPER, INK = (226, 214, 188), (52, 42, 48)

Plane = NDArray[np.float32]


def main() -> None:
    """Draw the letter with the font that is named on the command line."""
    parser = argparse.ArgumentParser(description="Draw examples/letter.jpg.")
    parser.add_argument("--font", type=Path, required=True, help="A handwriting font, TTF or OTF.")
    parser.add_argument("--size", type=int, default=52, help="Size of the writing in pixels.")
    parser.add_argument("--out", type=Path, default=HERE / "letter.jpg")
    arguments = parser.parse_args()
    rng = np.random.default_rng(1887)
    font = ImageFont.truetype(str(arguments.font), arguments.size)
    ink = bend(write((HERE / "letter.txt").read_text(encoding="utf-8"), font, rng), rng)
    page = (on_paper(press(ink, rng), rng) * 255).clip(0, 255).astype(np.uint8)
    Image.fromarray(page).save(arguments.out, quality=82, optimize=True)


def write(text: str, font: ImageFont.FreeTypeFont, rng: np.random.Generator) -> Plane:
    """The ink of the whole text, 0 to 1: the date at the right, paragraphs indented, the signature at the right."""
    sheet = Image.new("L", (WIDTH, HEIGHT))
    paragraphs = [paragraph.splitlines() for paragraph in text.strip().split("\n\n")]
    y = float(TOP)
    for number, lines in enumerate(paragraphs):
        for line_number, line in enumerate(lines):
            aside = number in (0, len(paragraphs) - 1)
            width = font.getlength(line)
            left = WIDTH - 110 - width - 40 * (len(lines) - 1 - line_number) if aside else LEFT
            indent = 60 if number == 2 and line_number == 0 else 0
            write_line(sheet, line, (left + indent + rng.normal(0, 5), y + rng.normal(0, 2)), font, rng)
            y += PITCH
        y += PITCH * 0.3
    return np.asarray(sheet, dtype=np.float32) / np.float32(255)


def write_line(
    sheet: Image.Image,
    line: str,
    start: tuple[float, float],
    font: ImageFont.FreeTypeFont,
    rng: np.random.Generator,
) -> None:
    """Write word by word: no two of them sit on the line, lean or are sized exactly alike."""
    x, y = start
    climb = rng.normal(-0.008, 0.004)
    for word in line.split():
        size = font.size * rng.normal(1, 0.02)
        pen = font.font_variant(size=size)
        box = Image.new("L", (int(pen.getlength(word)) + 160, int(size * 3)))
        ImageDraw.Draw(box).text((80, size * 2), word, font=pen, fill=int(rng.uniform(215, 255)), anchor="ls")
        box = box.rotate(rng.normal(0, 0.5), resample=Image.Resampling.BICUBIC, center=(80, size * 2))
        sheet.paste(255, (round(x - 80), round(y - size * 2 + rng.normal(0, 1.2))), box)
        step = pen.getlength(word) + size * rng.uniform(0.3, 0.42)
        x, y = x + step, y + climb * step


def bend(ink: Plane, rng: np.random.Generator) -> Plane:
    """The unsteady hand and the sheet that does not lie flat, as a smooth displacement."""
    x, y = np.meshgrid(np.arange(WIDTH, dtype=np.float32), np.arange(HEIGHT, dtype=np.float32))
    dx = cloud(rng, 40, 1.6) + cloud(rng, 6, 5) + 0.015 * (y - HEIGHT / 2)
    dy = cloud(rng, 40, 1.2) + cloud(rng, 5, 6)
    return np.asarray(cv2.remap(ink, x + dx, y + dy, cv2.INTER_LINEAR), dtype=np.float32)


def press(ink: Plane, rng: np.random.Generator) -> Plane:
    """Thicker and thinner strokes, and ink that runs a little into the paper."""
    thick = cv2.dilate(ink, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3)))
    share = (0.45 + cloud(rng, 30, 0.25)).clip(0, 1)
    strokes = cv2.GaussianBlur(ink * (1 - share) + thick * share, (0, 0), 0.8)
    return np.asarray((strokes * (0.92 + cloud(rng, 50, 0.12))).clip(0, 1), dtype=np.float32)


def on_paper(ink: Plane, rng: np.random.Generator) -> Plane:
    """Put the ink on yellowed paper with stains, grain, a fold, the back shining through and light from one side."""
    tone = 1 + cloud(rng, 5, 0.025) + cloud(rng, 25, 0.012) + rng.normal(0, 0.018, ink.shape).astype(np.float32)
    rows, columns = np.arange(HEIGHT, dtype=np.float32)[:, None], np.arange(WIDTH, dtype=np.float32)[None]
    fold = HEIGHT * 0.505 + 4 * np.sin(columns / 300)
    tone += 0.045 * np.exp(-(((rows - fold + 5) / 5) ** 2)) - 0.08 * np.exp(-(((rows - fold) / 3) ** 2))
    tone *= 1.08 - 0.14 * columns / WIDTH - 0.05 * rows / HEIGHT
    back = cv2.GaussianBlur(np.roll(ink[:, ::-1], 34, axis=0), (0, 0), 2.2)
    tone *= 1 - 0.055 * back
    paper = tone[..., None] * np.array(PAPER, np.float32) / 255
    cover = 0.9 * ink[..., None]
    page = paper * (1 - cover) + cover * np.array(INK, np.float32) / 255
    return np.asarray(cv2.GaussianBlur(page, (0, 0), 0.6), dtype=np.float32)


def cloud(rng: np.random.Generator, cells: int, size: float) -> Plane:
    """Smooth noise over the page with about `cells` bumps across, of standard deviation `size` at its nodes."""
    coarse = rng.normal(0, size, (cells * HEIGHT // WIDTH + 1, cells)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC), dtype=np.float32)


if __name__ == "__main__":
    main()
