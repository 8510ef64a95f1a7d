"""Error rates of the embedded reader on line images that were cut by hand.

Run `python benchmarks/reading.py`: character and word error rates of each source and of all, and the time a line.
Needs the extra `train`, which reads parquet files.
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Sequence

import manuscribe
from manuscribe.datasets.labelled import LabelledLine
from manuscribe.datasets.lines import read_lines
from manuscribe.evaluation.metrics import character_error_rate, word_error_rate
from report import percent, run, table, watched
from truth import cleaned

Pairs = list[tuple[str, str]]


def main() -> str:
    """Read the lines and make the table."""
    options = _parser().parse_args()
    lines = read_lines(options.data)
    reader = manuscribe.Reader("compact", language=options.language, beams=options.beams, threads=options.threads)
    pairs: dict[str, Pairs] = {}
    seconds: dict[str, float] = {}
    sources: dict[str, list[LabelledLine]] = defaultdict(list)
    for line in lines:
        sources[line.source].append(line)
    for source in watched(sorted(sources), "Reading"):
        pairs[source], seconds[source] = _read(reader, sources[source])
    columns = ("source", "lines", "characters", "CER", "WER", "ms a line")
    rows = [_row(source, pairs[source], seconds[source]) for source in pairs]
    everything = [pair for some in pairs.values() for pair in some]
    return table(columns, [*rows, _row("**all**", everything, sum(seconds.values()))])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data",
        nargs="+",
        default=["../shared/data/lines/dev-*.parquet"],
        help="parquet files of lines, glob patterns allowed (default: %(default)s)",
    )
    parser.add_argument("--language", help="read in this language")
    parser.add_argument(
        "--beams", type=int, help="width of the beam search; 1: letter by letter (default: the reader's own)"
    )
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0: all cores")
    return parser


def _read(reader: manuscribe.Reader, lines: Sequence[LabelledLine]) -> tuple[Pairs, float]:
    """(Truth, reading) of the lines, and the seconds it took to read them all at once."""
    images = [line.pixels() for line in lines]
    started = time.perf_counter()
    readings = reader.read_lines(images)
    seconds = time.perf_counter() - started
    return [(cleaned(line.text), reading.text) for line, reading in zip(lines, readings, strict=True)], seconds


def _row(name: str, pairs: Pairs, seconds: float) -> tuple[str, ...]:
    return (
        name,
        f"{len(pairs):,}",
        f"{sum(len(truth) for truth, _ in pairs):,}",
        percent(character_error_rate(pairs)),
        percent(word_error_rate(pairs)),
        f"{1000 * seconds / len(pairs):.1f}",
    )


if __name__ == "__main__":
    run("Lines", main)
