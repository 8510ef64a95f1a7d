"""How well and how fast lines are found on pages with ground truth.

Run `python benchmarks/segmentation.py [FOLDER]`: a folder of JPEG images with PAGE XML files beside them.
Baselines are scored as in the cBAD competitions (see `manuscribe.evaluation.baselines`).
"""

import argparse
import time
from collections import defaultdict
from pathlib import Path

from manuscribe.document.model import Page, Polyline
from manuscribe.evaluation.baselines import BaselineScore, score_baselines
from manuscribe.formats.page_reading import read
from manuscribe.images.opening import open_image
from manuscribe.models.files import ModelFile
from manuscribe.segmentation.segmenter import Segmenter

DEFAULT = Path("../shared/data/pages/dev")


def main() -> None:
    """Print a row for each source, which file names start with, and one for all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=DEFAULT)
    parser.add_argument("--weights", type=Path, help="an ONNX file with its card, instead of the embedded weights")
    parser.add_argument("--threads", type=int, default=0, help="0: all cores")
    options = parser.parse_args()
    files = sorted(options.folder.glob("*.xml"))
    if not files:
        parser.error(f"no PAGE XML files in {options.folder}")
    segmenter = Segmenter(ModelFile(options.weights) if options.weights else None, options.threads)
    scores: dict[str, BaselineScore] = defaultdict(BaselineScore)
    seconds = []
    for file in files:
        image = open_image(file.with_suffix(".jpg"))
        started = time.perf_counter()
        found = segmenter.segment(image)
        seconds.append(time.perf_counter() - started)
        (truth,) = read(file.read_bytes()).pages
        scores[file.stem.split("_")[0]] += score_baselines(_baselines(truth), _baselines(found))
    _print(scores)
    seconds.sort()
    print(f"\nA page takes {1000 * seconds[len(seconds) // 2]:.0f} ms (median), {1000 * seconds[-1]:.0f} ms at most.")
    print(f"Repeat with: python benchmarks/segmentation.py {options.folder} --threads {options.threads}")


def _baselines(page: Page) -> list[Polyline]:
    return [line.baseline for line in page.lines if line.baseline and len(line.baseline) > 1]


def _print(scores: dict[str, BaselineScore]) -> None:
    print(f"{'source':12} {'lines':>6} {'found':>6} {'precision':>9} {'recall':>7} {'F1':>7}")
    for name, score in [*scores.items(), ("all", sum(scores.values(), BaselineScore()))]:
        figures = f"{score.precision:9.3f} {score.recall:7.3f} {score.f1:7.3f}"
        print(f"{name:12} {score.true:6} {score.found:6} {figures}")


if __name__ == "__main__":
    main()
