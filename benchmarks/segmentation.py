"""How well and how fast lines are found on pages with ground truth.

Run `python benchmarks/segmentation.py [FOLDER]`: a folder of JPEG images with PAGE XML files beside them.
Baselines are scored as in the cBAD competitions (see `manuscribe.evaluation.baselines`).
"""

import argparse
import statistics
import time
from collections import defaultdict
from pathlib import Path

from manuscribe.document.model import Page, Polyline
from manuscribe.errors import InputError
from manuscribe.evaluation.baselines import BaselineScore, score_baselines
from manuscribe.formats.page_reading import read
from manuscribe.images.opening import open_image
from manuscribe.models.files import ModelFile
from manuscribe.segmentation.segmenter import Segmenter
from report import run, table, watched

COLUMNS = ("source", "lines", "found", "precision", "recall", "F1")


def main() -> str:
    """Find the lines and make the table: a row for each source, which file names start with, and one for all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("../shared/data/pages/dev"))
    parser.add_argument("--weights", type=Path, help="an ONNX file with its card, instead of the embedded weights")
    parser.add_argument("--threads", type=int, default=0, help="0: all cores")
    options = parser.parse_args()
    files = sorted(options.folder.glob("*.xml"))
    if not files:
        raise InputError(f"There are no PAGE XML files in {options.folder}.", "Name a folder of pages.")
    segmenter = Segmenter(ModelFile(options.weights) if options.weights else None, options.threads)
    scores: dict[str, BaselineScore] = defaultdict(BaselineScore)
    seconds = []
    for file in watched(files, "Pages"):
        image = open_image(file.with_suffix(".jpg"))
        started = time.perf_counter()
        found = segmenter.segment(image)
        seconds.append(time.perf_counter() - started)
        (truth,) = read(file.read_bytes()).pages
        scores[file.stem.split("_")[0]] += score_baselines(_baselines(truth), _baselines(found))
    rows = [_row(name, score) for name, score in scores.items()]
    whole = table(COLUMNS, [*rows, _row("**all**", sum(scores.values(), BaselineScore()))])
    median, most = 1000 * statistics.median(seconds), 1000 * max(seconds)
    return f"{whole}\n\nA page takes {median:.0f} ms (median), {most:.0f} ms at most."


def _baselines(page: Page) -> list[Polyline]:
    return [line.baseline for line in page.lines if line.baseline and len(line.baseline) > 1]


def _row(name: str, score: BaselineScore) -> tuple[str, ...]:
    figures = (f"{value:.3f}" for value in (score.precision, score.recall, score.f1))
    return (name, f"{score.true:,}", f"{score.found:,}", *figures)


if __name__ == "__main__":
    run("Baselines", main)
