"""How well lines and pages are read that were scanned, photographed or cut out badly.

Run `python benchmarks/conditions.py`: line images and pages as they are, and changed as scanners, cameras and other
programs change them. What is lost by each change is the program's doing, not the hand's.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

import manuscribe
from manuscribe.datasets.labelled import LabelledLine
from manuscribe.datasets.lines import read_lines
from manuscribe.evaluation.metrics import character_error_rate
from manuscribe.evaluation.pages import PageScore, score_text
from manuscribe.images.opening import open_image
from manuscribe.options import validated
from manuscribe.reading.options import ReadingOptions
from manuscribe.reading.pages import PageReader
from report import percent, run, table, watched
from truth import TruePage, cleaned, read_pages

Pixels = NDArray[np.uint8]
Change = Callable[[Pixels], Pixels]

LINE_FILES = "../shared/data/lines/dev-*.parquet"


def main() -> str:
    """Read everything in every condition and make two tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", nargs="+", default=[LINE_FILES], help="default: %(default)s")
    parser.add_argument("--pages", type=Path, default=Path("../shared/data/pages/dev"), help="default: %(default)s")
    parser.add_argument("--every", type=int, default=4, help="take each n-th line and page (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0: all cores")
    options = parser.parse_args()
    lines, pages = read_lines(options.lines)[:: options.every], read_pages(options.pages)[:: options.every]
    reader = manuscribe.Reader("compact", threads=options.threads)
    found = [(name, _lines_read(reader, lines, change)) for name, change in watched(list(LINES.items()), "Lines")]
    page_reader = PageReader(validated(ReadingOptions, threads=options.threads))
    seen = [(name, _pages_read(page_reader, pages, change)) for name, change in watched(list(PAGES.items()), "Pages")]
    return "\n\n".join(
        [
            table((f"{len(lines)} lines", "CER"), [(name, percent(rate)) for name, rate in found]),
            table((f"{len(pages)} pages", "CER, whole text"), [(name, percent(rate)) for name, rate in seen]),
        ]
    )


def _lines_read(reader: manuscribe.Reader, lines: Sequence[LabelledLine], change: Change) -> float:
    images = [np.ascontiguousarray(change(line.pixels())) for line in lines]
    read = reader.read_lines(images)
    return character_error_rate((cleaned(line.text), one.text) for line, one in zip(lines, read, strict=True))


def _pages_read(reader: PageReader, pages: Sequence[TruePage], change: Change) -> float:
    score = PageScore()
    with TemporaryDirectory() as folder:
        file = Path(folder) / "page.png"
        for page in pages:
            Image.fromarray(np.ascontiguousarray(change(open_image(page.image)))).save(file, compress_level=1)
            score += score_text(page.text, "\n".join(line.text for line in reader.read(file).pages[0].lines))
    return score.character_error_rate


def _paper(image: Pixels) -> tuple[float, ...]:
    return tuple(float(tone) for tone in np.percentile(image.reshape(-1, *image.shape[2:]), 80, axis=0).reshape(-1))


def margins(share: float) -> Change:
    """Paper above and below, as a share of the height; what is negative is cut off."""

    def change(image: Pixels) -> Pixels:
        rows = round(share * len(image))
        if rows < 0:
            return image[-rows : len(image) + rows]
        return np.asarray(cv2.copyMakeBorder(image, rows, rows, 0, 0, cv2.BORDER_CONSTANT, value=_paper(image)))

    return change


def without_margins(image: Pixels) -> Pixels:
    """Cut off at the strokes."""
    ink = np.clip(_paper(image)[0] - image.astype(float), 0, None).sum(axis=1)
    rows = np.flatnonzero(ink > 0.06 * ink.max())
    return image[rows[0] : rows[-1] + 1]


def rotated(degrees: float) -> Change:
    """Turned by a few degrees, the image as much larger as it must be."""

    def change(image: Pixels) -> Pixels:
        height, width = image.shape[:2]
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
        cosine, sine = abs(matrix[0, 0]), abs(matrix[0, 1])
        size = int(height * sine + width * cosine), int(height * cosine + width * sine)
        matrix[:, 2] += size[0] / 2 - width / 2, size[1] / 2 - height / 2
        return np.asarray(cv2.warpAffine(image, matrix, size, flags=cv2.INTER_CUBIC, borderValue=_paper(image)))

    return change


def among_others(image: Pixels) -> Pixels:
    """Three quarters as large, with what reaches into the picture of the lines above and below."""
    height, width = image.shape
    small = cv2.resize(image, (max(8, width * 3 // 4), height * 3 // 4), interpolation=cv2.INTER_AREA)
    strip = np.full((5 * height, small.shape[1]), _paper(image)[0], np.uint8)
    for number in (-1, 0, 1):
        top = 2 * height + height // 8 + number * (height * 11 // 16)
        there = strip[top : top + len(small)]
        there[:] = np.minimum(there, np.roll(small, number * width // 3, axis=1))
    return strip[2 * height : 3 * height]


def shadowed(image: Pixels) -> Pixels:
    """Half as bright at the right as at the left."""
    light = np.linspace(1, 0.45, image.shape[1]).reshape(1, -1, *[1] * (image.ndim - 2))
    return np.asarray(image * light, np.uint8)


def compressed(image: Pixels) -> Pixels:
    """As a JPEG of quality 20."""
    return np.asarray(cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 20])[1], -1), np.uint8)


def black_and_white(image: Pixels) -> Pixels:
    """Without greys."""
    grey = image if image.ndim == 2 else np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
    black = np.asarray(cv2.threshold(grey, 0, 255, cv2.THRESH_OTSU)[1], np.uint8)
    return black if image.ndim == 2 else np.repeat(black[..., None], 3, axis=2)


def scaled(by: float) -> Change:
    """Smaller."""
    return lambda image: np.asarray(cv2.resize(image, None, fx=by, fy=by, interpolation=cv2.INTER_AREA), np.uint8)


def on_a_table(image: Pixels) -> Pixels:
    """With a dark table around it."""
    edge = round(0.15 * max(image.shape))
    return np.asarray(cv2.copyMakeBorder(image, *[edge] * 4, cv2.BORDER_CONSTANT, value=(30, 25, 20)), np.uint8)


ALIKE: dict[str, Change] = {
    "shadow from right to left": shadowed,
    "JPEG of quality 20": compressed,
    "black and white only": black_and_white,
    "negative": lambda image: 255 - image,
}
LINES: dict[str, Change] = {
    "as they are": lambda image: image,
    "margins of 15 % of the height": margins(0.15),
    "margins of 30 %": margins(0.3),
    "margins of 60 %": margins(0.6),
    "no margins": without_margins,
    "15 % cut off above and below": margins(-0.15),
    "turned by 2 degrees": rotated(2),
    "turned by 4 degrees": rotated(-4),
    "smaller, parts of other lines above and below": among_others,
    "half as many pixels a side": scaled(0.5),
    **ALIKE,
}
PAGES: dict[str, Change] = {
    "as they are": lambda image: image,
    "turned by 5 degrees": rotated(-5),
    "turned by 15 degrees": rotated(15),
    "on its side": lambda image: np.rot90(image),
    "on its head": lambda image: np.rot90(image, 2),
    "on a dark table": on_a_table,
    "half as many pixels a side": scaled(0.5),
    "a third": scaled(1 / 3),
    **ALIKE,
}

if __name__ == "__main__":
    run("Conditions", main)
