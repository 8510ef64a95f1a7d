"""What it takes to evaluate readings: everything that `manuscribe evaluate` does once the lines are read.

Run `python benchmarks/evaluating.py`: made-up texts and readings of two readers, in groups and without; seconds for the
figures with their intervals, comparisons and breakdowns, and for the three reports.
"""

import argparse
import random
import tempfile
import time
from pathlib import Path

import numpy as np

from manuscribe.evaluation.evaluating import Evaluation, ReaderResult
from manuscribe.evaluation.judging import judge
from manuscribe.evaluation.processes import Expense
from manuscribe.evaluation.report.writing import write_report
from manuscribe.evaluation.samples import Sample
from report import run, table

LETTERS = "aaabcdeeeefghiiijklmnnoopqrrssttuuvwxyzéèàçđ'.,-    "
GROUPS = {"single lines": 0, "20 groups": 20, "500 groups": 500}


def main() -> str:
    """Evaluate and make the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=5000, help="default: %(default)s")
    options = parser.parse_args()
    rows = [_row(name, options.lines, groups) for name, groups in GROUPS.items()]
    return table(("resampled by", "lines", "readers", "figures, s", "reports, s"), rows)


def _row(name: str, lines: int, groups: int) -> tuple[str, ...]:
    evaluation = _made_up(lines, groups)
    started = time.perf_counter()
    judgement = judge(evaluation)
    judged = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        write_report(judgement, Path(folder))
        written = time.perf_counter()
    times = (f"{seconds:.1f}" for seconds in (judged - started, written - judged))
    return (name, f"{lines:,}", str(len(evaluation.results)), *times)


def _made_up(lines: int, groups: int) -> Evaluation:
    chance = random.Random(0)  # noqa: S311  made-up texts are no secrets
    texts = [" ".join("".join(chance.choices(LETTERS, k=chance.randint(3, 80))).split()) for _ in range(lines)]
    samples = [
        Sample(
            text, _picture, f"{n}.png", chance.choice(["text", "date"]), "fr", group=str(n % groups) if groups else ""
        )
        for n, text in enumerate(texts)
    ]
    results = [_read(title, texts, share, chance) for title, share in (("one", 0.08), ("other", 0.09))]
    return Evaluation("made up", "lines", tuple(samples), tuple(results), ())


def _read(title: str, texts: list[str], share: float, chance: random.Random) -> ReaderResult:
    """A share of the letters each is read as another one, left out, and written twice."""

    def letter(there: str) -> str:
        drawn = chance.random() / share
        return chance.choice(LETTERS) if drawn < 1 else "" if drawn < 2 else 2 * there if drawn < 3 else there

    readings = {n: " ".join("".join(map(letter, text)).split()) for n, text in enumerate(texts)}
    return ReaderResult(title, title, "1", {}, Expense(1.0, 1.0, 10**8), len(texts), readings)


def _picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (64, 1000), np.uint8)


if __name__ == "__main__":
    run("Evaluating", main)
