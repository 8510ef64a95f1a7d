"""What the embedded reader's confidences are worth, on lines that neither it nor its calibration has learnt from.

Run `python benchmarks/calibrating.py`: for each set the expected calibration errors, how well sure lines are told from
wrong ones, what checking the least sure finds, and what became of promises. With `--make FILE` the calibration itself
is made first, as the one in the package was: from the lines that the reader's recipe holds out. Needs the extra
`train`.
"""

import argparse
from pathlib import Path

import yaml

from manuscribe.datasets.labelled import LabelledLine
from manuscribe.datasets.lines import read_lines
from manuscribe.evaluation.calibration.calibrating import Measured, calibrate, measure
from manuscribe.evaluation.calibration.storing import store
from manuscribe.readers.options import ReaderOptions
from manuscribe.readers.protocol import load_bare_reader, load_reader
from manuscribe.text.charset import charset
from report import percent, run, table, watched

_RECIPE = Path(__file__).parent.parent / "recipes" / "compact-reader.yaml"
_SETS = {"lines/dev": "lines/dev-*.parquet", "measure_only/vi_lines": "measure_only/vi_lines.parquet"}


def main() -> str:
    """Measure, and make the table."""
    options = _parser().parse_args()
    if options.make:
        _make(options.make, options.shared)
    reader = load_reader("compact", ReaderOptions(calibration=options.make))
    if reader.calibration is None:
        raise SystemExit("The reader in the package has no calibration.")
    rows = []
    for name in watched(list(_SETS), "Reading"):
        lines = read_lines([_SETS[name]], options.shared / "data")
        rows += _rows(name, measure(name, reader.reader, lines, reader.calibration.levels))
    return table(("set", "figure", "the reader's own", "calibrated"), rows)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--make", type=Path, help="make the calibration and write it into this file")
    parser.add_argument(
        "--shared", type=Path, default=Path("../shared"), help="folder with data/ (default: %(default)s)"
    )
    return parser


def _make(place: Path, shared: Path) -> None:
    """Calibrate with the beam search and without it."""
    for beams in (None, 1):
        reader = load_bare_reader("compact", ReaderOptions(beams=beams))
        said = (f"lines held out by the recipe {_RECIPE.name}",)
        found, _ = calibrate("compact", reader, _held_out(shared), data=said)
        store(found, place)


def _held_out(shared: Path) -> list[LabelledLine]:
    # Only what says which lines are whose: the fonts are of no use here.
    from manuscribe.training.lines import DataSection

    data = DataSection(**yaml.safe_load(_RECIPE.read_text(encoding="utf-8"))["data"])
    return data.split(shared, charset())[1]


def _rows(name: str, found: Measured) -> list[tuple[str, ...]]:
    rows = []
    for part in ("characters", "words", "lines"):
        errors = [f"{found.error(part, before=before):.3f}" for before in (True, False)]
        sorting = [f"{found.sorts(part, before=before) or 0:.3f}" for before in (True, False)]
        rows += [(f"calibration error of {part}", *errors), (f"AUROC of {part}", *sorting)]
    caught = [percent(found.found([0.2], before=before)[0]) for before in (True, False)]
    rows.append(("errors in the least sure 20 % of lines", *caught))
    for kept in found.kept():
        rate = "–" if kept.rate is None else f"{percent(kept.rate)} ({kept.lines} of {len(found.truth.lines)} lines)"
        rows.append((f"CER of lines accepted at {percent(kept.promise)}", "", rate))
    return [(name, *row) for row in rows]


if __name__ == "__main__":
    run("What the confidences of the embedded reader are worth", main)
