"""The same pages and lines through other programs: error rates and times in one table.

Run `python benchmarks/peers.py`. The engines take turns on every image, with the same number of threads, and who
is first changes from image to image. Tesseract (`apt-get install tesseract-ocr tesseract-ocr-fra`) starts a process
for each image, which its times include; how long that takes is said below the table. To compare with another
program write a function that returns an `Engine` and name it in `ENGINES`. Needs the extra `train`, which reads the
parquet files of lines.
"""

import argparse
import csv
import io
import os
import shutil
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from manuscribe.datasets.lines import LabelledLine, read_lines
from manuscribe.document import Line
from manuscribe.errors import ModelError, UsageError
from manuscribe.evaluation.metrics import character_error_rate, word_error_rate
from pages import COLUMNS, PageResult, measure, rows
from report import median_and_most, percent, run, table, watched
from truth import TruePage, cleaned, read_pages


@dataclass(frozen=True, slots=True)
class Engine:
    """A program that reads.

    Attributes:
        name: With its version.
        read_page: An image file to lines with polygons, in reading order.
        read_line: An image file of one line to its text.
        note: What a reader of the table should know.
    """

    name: str
    read_page: Callable[[Path], Sequence[Line]]
    read_line: Callable[[Path], str]
    note: str = ""


def manuscribe_engine(threads: int, language: str) -> Engine:  # noqa: ARG001  it is not told the language
    """This package, all its characters allowed."""
    from manuscribe import Reader, __version__
    from manuscribe.reading.options import ReadingOptions
    from manuscribe.reading.pages import PageReader

    pages, lines = PageReader(ReadingOptions(threads=threads)), Reader("compact", threads=threads)
    return Engine(
        f"manuscribe {__version__}",
        lambda image: pages.read(image).pages[0].lines,
        lambda image: lines.read_lines([image])[0].text,
    )


def tesseract_engine(threads: int, language: str) -> Engine:
    """Tesseract's own program, with the page segmentation that it takes by itself.

    Raises:
        ModelError: It is not installed, or not for this language.
    """
    program = shutil.which("tesseract")
    remedy = f"Install it: apt-get install tesseract-ocr tesseract-ocr-{language}"
    if program is None:
        raise ModelError("There is no program named tesseract.", remedy)
    environment = {**os.environ, "OMP_THREAD_LIMIT": str(threads)}

    def call(*arguments: str) -> str:
        return subprocess.run([program, *arguments], env=environment, capture_output=True, text=True, check=True).stdout

    if language not in call("--list-langs").split():
        raise ModelError(f"Tesseract is not installed for the language '{language}'.", remedy)
    version = call("--version").split()[1]
    with tempfile.TemporaryDirectory() as folder:
        start = _start(lambda image: call(str(image), "-", "-l", language, "--psm", "7"), Path(folder))
    return Engine(
        f"tesseract {version}",
        lambda image: tesseract_lines(call(str(image), "-", "-l", language, "tsv")),
        lambda image: " ".join(call(str(image), "-", "-l", language, "--psm", "7").split()),
        f"Tesseract is told the language {language}; {1000 * start:.0f} ms of its time go into starting its process.",
    )


ENGINES: dict[str, Callable[[int, str], Engine]] = {
    "manuscribe": manuscribe_engine,
    "tesseract": tesseract_engine,
}


def tesseract_lines(table_text: str) -> list[Line]:
    """The lines of Tesseract's TSV output, their boxes as polygons; those without a word are left out."""
    boxes: dict[tuple[str, ...], tuple[int, ...]] = {}
    words: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for row in csv.DictReader(io.StringIO(table_text), delimiter="\t", quoting=csv.QUOTE_NONE):
        key = tuple(row[name] for name in ("block_num", "par_num", "line_num"))
        if row["level"] == "4":
            boxes[key] = tuple(int(row[name]) for name in ("left", "top", "width", "height"))
        elif row["level"] == "5" and (row["text"] or "").strip():
            words[key].append(row["text"])
    return [Line(" ".join(words[key]), polygon=_corners(*box)) for key, box in boxes.items() if words[key]]


def _corners(left: int, top: int, width: int, height: int) -> tuple[tuple[float, float], ...]:
    right, bottom = left + width, top + height
    return ((left, top), (right, top), (right, bottom), (left, bottom))


def _start(read: Callable[[Path], Any], folder: Path) -> float:
    """Least seconds that a program takes for an image with nothing in it."""
    blank = folder / "blank.png"
    cv2.imwrite(str(blank), np.full((64, 64), 255, np.uint8))
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        read(blank)
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def main() -> str:
    """Let the engines take turns and make the tables."""
    options = _parser().parse_args()
    engines = [ENGINES[name](options.threads, options.language) for name in options.engines]
    parts = []
    if not options.lines_only:
        parts.append(compare_pages(engines, _some(read_pages(options.pages), options.count)))
    if not options.pages_only:
        parts.append(compare_lines(engines, _some(read_lines([options.lines]), options.count)))
    return "\n\n".join([*parts, *(engine.note for engine in engines if engine.note)])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=Path, default=Path("../shared/data/pages/dev"), help="default: %(default)s")
    parser.add_argument("--lines", default="../shared/data/lines/dev-*.parquet", help="default: %(default)s")
    parser.add_argument("--engines", nargs="+", choices=sorted(ENGINES), default=list(ENGINES))
    parser.add_argument("--language", default="fra", help="what Tesseract is told (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="of each engine (default: %(default)s)")
    parser.add_argument("--count", type=int, default=0, help="only so many pages and lines, evenly chosen; 0: all")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--pages-only", action="store_true")
    only.add_argument("--lines-only", action="store_true")
    return parser


def _some(items: Sequence[Any], count: int) -> Sequence[Any]:
    if count < 0:
        raise UsageError("--count must not be negative.", "Use 0 for all.")
    return items if not count or count >= len(items) else [items[i * len(items) // count] for i in range(count)]


def _turns(engines: Sequence[Engine], number: int) -> Sequence[Engine]:
    first = number % len(engines)
    return [*engines[first:], *engines[:first]]


def compare_pages(engines: Sequence[Engine], pages: Sequence[TruePage]) -> str:
    """The table of the pages, a row for each source and engine."""
    results: dict[str, list[PageResult]] = {engine.name: [] for engine in engines}
    for number, page in enumerate(watched(pages, "Pages")):
        for engine in _turns(engines, number):
            results[engine.name].append(measure(page, engine.read_page))
    by_engine = [rows(some, name) for name, some in results.items()]
    return table(COLUMNS, [row for together in zip(*by_engine, strict=True) for row in together])


def compare_lines(engines: Sequence[Engine], lines: Sequence[LabelledLine]) -> str:
    """The table of the lines, a row for each engine."""
    pairs: dict[str, list[tuple[str, str]]] = {engine.name: [] for engine in engines}
    seconds: dict[str, list[float]] = {engine.name: [] for engine in engines}
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "line.png"
        for number, line in enumerate(watched(lines, "Lines")):
            cv2.imwrite(str(image), line.pixels())
            for engine in _turns(engines, number):
                started = time.perf_counter()
                text = engine.read_line(image)
                seconds[engine.name].append(1000 * (time.perf_counter() - started))
                pairs[engine.name].append((cleaned(line.text), text))
    columns = ("engine", "lines", "CER", "WER", "ms a line (median)", "(most)")
    return table(columns, [_line_row(name, pairs[name], seconds[name]) for name in pairs])


def _line_row(name: str, pairs: Sequence[tuple[str, str]], milliseconds: Sequence[float]) -> tuple[str, ...]:
    rates = percent(character_error_rate(pairs)), percent(word_error_rate(pairs))
    return (name, str(len(pairs)), *rates, *median_and_most(milliseconds, digits=0))


if __name__ == "__main__":
    run("Beside other programs", main)
