"""Times and memory of the package, beside what they may be at most.

Run `python benchmarks/speed.py`. Processes are measured from outside, from their start to their end; pages and lines
in this process, after the models were loaded. The first page counts, although the engine still prepares itself.
Every page must keep its bar; of the starts and lines the median must, since the first one reads its files from the
disk or prepares the engine.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from manuscribe.errors import InputError, ManuscribeError
from report import run, table, watched

STARTS = 5
LINES = 50
LINE_WIDTH = 1024
LINES_A_PAGE = 30
USUAL_PAGE = range(LINES_A_PAGE - 5, LINES_A_PAGE + 6)
LETTER = Path(__file__).parents[1] / "examples" / "letter.jpg"
READY = {
    "start, ready to read lines": "import manuscribe; manuscribe.Reader('compact')",
    "start, ready to read pages": (
        "from manuscribe.reading.pages import PageReader; from manuscribe.reading.options import ReadingOptions; "
        "PageReader(ReadingOptions())"
    ),
}


@dataclass(frozen=True, slots=True)
class Measurement:
    """One row of the table.

    Attributes:
        what: What was measured.
        values: In `unit`.
        bar: What may not be exceeded, if there is such a promise.
        judged: Which figure may not exceed it.
    """

    what: str
    values: Sequence[float]
    unit: str
    bar: float | None = None
    judged: Callable[[Sequence[float]], float] = max

    def row(self) -> tuple[str, ...]:
        """Median, maximum, bar, and whether it is kept."""
        digits = 2 if self.unit == "s" else 0
        figures = [f"{value:,.{digits}f} {self.unit}" for value in (statistics.median(self.values), max(self.values))]
        if self.bar is None:
            return (self.what, *figures, "–", "–")
        kept = "yes" if self.judged(self.values) <= self.bar else "**no**"
        return (self.what, *figures, f"{self.bar:g} {self.unit}", kept)


def main() -> str:
    """Measure and make the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("../shared/data/pages/dev"))
    parser.add_argument("--threads", type=int, default=2, help="CPU threads (default: %(default)s)")
    options = parser.parse_args()
    images = sorted(options.folder.glob("*.jpg"))
    if not images:
        raise InputError(
            f"There are no pages in {options.folder}: nothing was measured.", "Name a folder of JPEG images."
        )
    measurements = [
        *_processes(),
        _memory(options.folder, len(images), options.threads),
        *_pages(images, options.threads),
        *_lines(options.threads),
    ]
    columns = ("what", "median", "most", "bar", "kept")
    return table(columns, [measurement.row() for measurement in measurements])


def _processes() -> list[Measurement]:
    def seconds(*command: str) -> list[float]:
        return [_timed(lambda: _finished(command)) for _ in range(STARTS)]

    median = statistics.median
    return [
        Measurement("`manuscribe --help`", seconds(*_program(), "--help"), "s", 0.4, median),
        *(Measurement(what, seconds(sys.executable, "-c", code), "s", 1.5, median) for what, code in READY.items()),
    ]


def _memory(folder: Path, pages: int, threads: int) -> Measurement:
    """Peak resident memory of a process that reads the whole folder."""
    with tempfile.TemporaryDirectory() as out:
        command = [*_program(), "read", str(folder), "-o", out, "--threads", str(threads), "--quiet"]
        megabytes = peak_megabytes(command)
    return Measurement(f"peak memory, `manuscribe read` of {pages} pages", [megabytes], "MB", 700)


def _pages(images: Sequence[Path], threads: int) -> list[Measurement]:
    from manuscribe.reading.options import ReadingOptions
    from manuscribe.reading.pages import PageReader

    reader = PageReader(ReadingOptions(threads=threads))
    seconds, usual = [], []
    for image in watched(images, "Pages"):
        start = time.perf_counter()
        document = reader.read(image)
        seconds.append(time.perf_counter() - start)
        if sum(len(page.lines) for page in document.pages) in USUAL_PAGE:
            usual.append(seconds[-1])
    of_usual = f"a page of {USUAL_PAGE.start} to {USUAL_PAGE.stop - 1} lines, of {len(usual)}, median"
    return [
        Measurement(f"a page, of {len(images)}, each", seconds, "s", 3),
        *([Measurement(of_usual, usual, "s", 1.2, statistics.median)] if usual else []),
    ]


def _lines(threads: int) -> list[Measurement]:
    from manuscribe import Reader

    reader, line = Reader("compact", threads=threads), _sample_line()
    reader.read_lines([line])
    alone = [1000 * _timed(lambda: reader.read_lines([line])) for _ in range(LINES)]
    together = [1000 * _timed(lambda: reader.read_lines([line] * LINES_A_PAGE)) for _ in range(STARTS)]
    return [
        Measurement(f"a line of {LINE_WIDTH:,} × 64 pixels, alone", alone, "ms", 15, statistics.median),
        Measurement(f"{LINES_A_PAGE} such lines at once", together, "ms"),
    ]


def _sample_line() -> Any:
    """Writing of the sample letter, 64 × `LINE_WIDTH`: the search takes longer where the network is unsure."""
    import cv2
    import numpy as np

    from manuscribe.images.lines import cut_line
    from manuscribe.images.opening import open_image
    from manuscribe.segmentation.segmenter import Segmenter

    letter = open_image(LETTER)
    lines = [cut_line(letter, line, 64) for line in Segmenter().segment(letter).lines]
    row = np.hstack([line if line.ndim == 2 else cv2.cvtColor(line, cv2.COLOR_RGB2GRAY) for line in lines])
    return np.ascontiguousarray(row[:, :LINE_WIDTH])


def _program() -> list[str]:
    return [str(Path(sys.executable).with_name("manuscribe"))]


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _finished(command: Sequence[str]) -> str:
    """Run a process to its end; what it printed."""
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        said = ended.stderr.strip().splitlines() or ["nothing"]
        raise ManuscribeError(f"{command[0]} ended with code {ended.returncode} and said: {said[-1]}")
    return ended.stdout


_KEEPER = """
import resource, subprocess, sys
ended = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(ended.returncode)
"""


def peak_megabytes(command: Sequence[str]) -> float:
    """Run a process to its end; the most memory that it held, in MB (10⁶ bytes).

    A small process in between starts it, for Linux hands a parent's peak on to its child, and ours may be the higher.
    """
    printed = _finished([sys.executable, "-c", _KEEPER, *command])
    kibibytes = int(printed) / (1024 if sys.platform == "darwin" else 1)
    return kibibytes * 1024 / 1e6


if __name__ == "__main__":
    run("Speed and memory", main)
