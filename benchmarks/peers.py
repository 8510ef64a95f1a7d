"""The same pages and lines through other programs: error rates, times, memory and sizes.

Run `python benchmarks/peers.py`. The engines take turns on every image, with the same number of threads, and who
is first changes from image to image; each has a process of its own (see `engines.py`). Three tables: pages read,
lines read, baselines found (scored as in `segmentation.py`; times are from the file on). Tesseract
(`apt-get install tesseract-ocr tesseract-ocr-fra`) starts a process for each image, which its times include; how long
that takes is said below the tables. RapidOCR (`pip install rapidocr onnxruntime`) and kraken, which finds baselines
only, have environments of their own and take part if their Python is named. For another program see `worker.py`.
Needs the extra `train`, which reads the parquet files of lines.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import cv2

from engines import ENGINES, Engine, EngineFailedError, start
from manuscribe.datasets.labelled import LabelledLine
from manuscribe.datasets.lines import read_lines
from manuscribe.document import Line
from manuscribe.document.model import Polyline
from manuscribe.errors import InputError, ModelError, UsageError
from manuscribe.evaluation.baselines import BaselineScore, score_baselines
from manuscribe.evaluation.metrics import character_error_rate, word_error_rate
from manuscribe.formats.page_reading import read as read_page_xml
from pages import COLUMNS, PageResult, measure, rows
from report import median_and_most, percent, run, table, watched
from truth import TruePage, cleaned, read_pages

NEEDS = ("peak memory", "models")


def main() -> str:
    """Let the engines take turns and make the tables."""
    options = _options()
    # All data are looked for before anything is measured.
    tasks = {task: _some(DATA[task](options), options.count) for task in options.tasks}
    try:
        return "\n\n".join(_part(task, items, options) for task, items in tasks.items())
    except EngineFailedError as error:
        raise ModelError(str(error)) from error


def _part(task: str, items: Sequence[Any], options: argparse.Namespace) -> str:
    """A task's table with its notes."""
    with ExitStack() as stack:
        engines = [
            stack.enter_context(start(name, task, options.pythons[name], options.language, options.threads))
            for name in options.engines
            if task in ENGINES[name]
        ]
        return f"{COMPARE[task](engines, items)}\n\n{notes(engines)}"


def _options() -> argparse.Namespace:
    """The command line, with `pythons` for the engines and the `tasks` that at least one of them can do.

    Raises:
        UsageError: A number makes no sense, or the Python of an engine is not named.
    """
    options = _parser().parse_args()
    if options.count < 0:
        raise UsageError("--count must not be negative.", "Use 0 for all.")
    if options.threads < 1:
        raise UsageError("--threads must be at least 1.", "All engines get the same number.")
    elsewhere = {"rapidocr": options.rapidocr_python, "kraken": options.kraken_python}
    options.pythons = {name: elsewhere.get(name, sys.executable) for name in ENGINES}
    options.engines = options.engines or [name for name in ENGINES if options.pythons[name]]
    for name in options.engines:
        if not options.pythons[name]:
            raise UsageError(f"{name} has an environment of its own.", f"Name its Python with --{name}-python.")
    able = {task for name in options.engines for task in ENGINES[name]}
    options.tasks = [task for task in DATA if task in able and options.only in (None, task)]
    if not options.tasks:
        raise UsageError(f"None of the engines can do {options.only}.", "Name others with --engines.")
    return options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=Path, default=Path("../shared/data/pages/dev"), help="default: %(default)s")
    parser.add_argument("--lines", default="../shared/data/lines/dev-*.parquet", help="default: %(default)s")
    parser.add_argument("--engines", nargs="+", choices=ENGINES, help="default: all whose Python is known")
    parser.add_argument("--rapidocr-python", metavar="PATH", help="the Python of an environment with RapidOCR")
    parser.add_argument("--kraken-python", metavar="PATH", help="the Python of an environment with kraken")
    parser.add_argument("--language", default="fra", help="what Tesseract is told (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="of each engine (default: %(default)s)")
    parser.add_argument("--count", type=int, default=0, help="only so many pages and lines, evenly chosen; 0: all")
    only = parser.add_mutually_exclusive_group()
    for task in DATA:
        only.add_argument(f"--{task}-only", dest="only", action="store_const", const=task)
    return parser


def _some(items: Sequence[Any], count: int) -> Sequence[Any]:
    return items if not count or count >= len(items) else [items[i * len(items) // count] for i in range(count)]


def _turns(engines: Sequence[Engine], number: int) -> Sequence[Engine]:
    first = number % len(engines)
    return [*engines[first:], *engines[:first]]


def compare_pages(engines: Sequence[Engine], pages: Sequence[TruePage]) -> str:
    """The table of the pages, a row for each source and engine, and one of what the engines need."""
    results: dict[str, list[PageResult]] = {engine.name: [] for engine in engines}
    for number, page in enumerate(watched(pages, "Pages")):
        for engine in _turns(engines, number):
            results[engine.name].append(measure(page, engine.read))
    by_engine = [rows(some, name) for name, some in results.items()]
    read = table(COLUMNS, [row for together in zip(*by_engine, strict=True) for row in together])
    return f"{read}\n\n{table(('engine', *NEEDS), [(engine.name, *_needs(engine)) for engine in engines])}"


def compare_lines(engines: Sequence[Engine], lines: Sequence[LabelledLine]) -> str:
    """The table of the lines, a row for each engine; a line that it cannot read counts as read without a character."""
    pairs: dict[str, list[tuple[str, str]]] = {engine.name: [] for engine in engines}
    seconds: dict[str, list[float]] = {engine.name: [] for engine in engines}
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "line.png"
        for number, line in enumerate(watched(lines, "Lines")):
            cv2.imwrite(str(image), line.pixels())
            for engine in _turns(engines, number):
                found, took = _timed(engine, image)
                pairs[engine.name].append((cleaned(line.text), " ".join(line.text for line in found)))
                seconds[engine.name].append(took)
    columns = ("engine", "lines", "CER", "WER", "ms a line (median)", "(most)", *NEEDS)
    return table(columns, [_line_row(engine, pairs[engine.name], seconds[engine.name]) for engine in engines])


def _line_row(engine: Engine, pairs: Sequence[tuple[str, str]], seconds: Sequence[float]) -> tuple[str, ...]:
    rates = percent(character_error_rate(pairs)), percent(word_error_rate(pairs))
    times = median_and_most([1000 * took for took in seconds], digits=0)
    return (engine.name, str(len(pairs)), *rates, *times, *_needs(engine))


def compare_baselines(engines: Sequence[Engine], images: Sequence[Path]) -> str:
    """The table of the baselines, a row for each engine; the truth is the PAGE XML file beside an image."""
    scores = {engine.name: BaselineScore() for engine in engines}
    seconds: dict[str, list[float]] = {engine.name: [] for engine in engines}
    for number, image in enumerate(watched(images, "Baselines")):
        (truth,) = read_page_xml(image.with_suffix(".xml").read_bytes()).pages
        for engine in _turns(engines, number):
            found, took = _timed(engine, image)
            scores[engine.name] += score_baselines(_baselines(truth.lines), _baselines(found))
            seconds[engine.name].append(took)
    columns = ("engine", "pages", "lines", "found", "precision", "recall", "F1", "s a page (median)", "(most)", *NEEDS)
    return table(columns, [_baseline_row(engine, scores[engine.name], seconds[engine.name]) for engine in engines])


def _baseline_row(engine: Engine, score: BaselineScore, seconds: Sequence[float]) -> tuple[str, ...]:
    counts = [str(count) for count in (len(seconds), score.true, score.found)]
    figures = [f"{figure:.3f}" for figure in (score.precision, score.recall, score.f1)]
    return (engine.name, *counts, *figures, *median_and_most(seconds), *_needs(engine))


def _baselines(lines: Sequence[Line]) -> list[Polyline]:
    return [line.baseline for line in lines if line.baseline and len(line.baseline) > 1]


def _timed(engine: Engine, image: Path) -> tuple[Sequence[Line], float]:
    """What an engine found and the seconds it took; nothing where it cannot read the image, and stderr says why."""
    started = time.perf_counter()
    try:
        found = engine.read(image)
    except InputError as error:
        print(error, file=sys.stderr)
        found = ()
    return found, time.perf_counter() - started


def _needs(engine: Engine) -> tuple[str, str]:
    return f"{engine.peak / 1e6:.0f} MB", f"{sum(engine.models.values()) / 1e6:.1f} MB"


def notes(engines: Sequence[Engine]) -> str:
    """What the figures count, and what is to be known of each engine."""
    models = "; ".join(f"{engine.name}: {', '.join(engine.models)}" for engine in engines)
    counted = (
        "Peak memory is what the process that reads has held at most; models are the files of weights alone "
        f"({models}). MB are 10⁶ bytes."
    )
    return "\n\n".join([counted, *(engine.note for engine in engines if engine.note)])


def _pages_with_baselines(folder: Path) -> list[Path]:
    images = [page.image for page in read_pages(folder) if page.placed]
    if not images:
        raise InputError(
            f"The pages in {folder} have no baselines.", "Name a folder with PAGE XML, or take --pages-only."
        )
    return images


DATA: dict[str, Callable[[argparse.Namespace], Sequence[Any]]] = {
    "pages": lambda options: read_pages(options.pages),
    "lines": lambda options: read_lines([options.lines]),
    "baselines": lambda options: _pages_with_baselines(options.pages),
}
COMPARE: dict[str, Callable[[Sequence[Engine], Sequence[Any]], str]] = {
    "pages": compare_pages,
    "lines": compare_lines,
    "baselines": compare_baselines,
}


if __name__ == "__main__":
    run("Beside other programs", main)
