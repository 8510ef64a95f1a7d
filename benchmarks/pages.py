"""Error rates of whole pages, from the image to the text.

Run `python benchmarks/pages.py [FOLDER]`: a folder of JPEG images with PAGE XML or text files beside them.
Three error rates (see `manuscribe.evaluation.pages`): lines matched by position, where the truth says where they
are; the whole text in reading order; lines matched by likeness, in any order. A missed line counts as deletions, an
extra one as insertions; the rate without extra lines shows what comes of pages whose truth leaves out a part, as a
facing page. Lines are counted by position, or in any order where there are no positions.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from manuscribe.document import Line
from manuscribe.errors import ManuscribeError
from manuscribe.evaluation.pages import PageScore, score_by_position, score_in_any_order, score_text
from manuscribe.options import validated
from manuscribe.reading.options import ReadingOptions
from manuscribe.reading.pages import PageReader
from report import median_and_most, percent, run, table, watched
from truth import TruePage, read_pages

COLUMNS = (
    "source",
    "pages",
    "CER, by position",
    "without extra lines",
    "CER, whole text",
    "CER, any order",
    "lines matched",
    "missed",
    "extra",
    "s a page (median)",
    "(most)",
)


@dataclass(frozen=True, slots=True)
class PageResult:
    """What came of one page; `by_position` is `None` where the truth has no positions."""

    source: str
    by_position: PageScore | None
    whole_text: PageScore
    any_order: PageScore
    seconds: float


def main() -> str:
    """Read the pages and make the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("../shared/data/pages/dev"))
    parser.add_argument("--language", help="read in this language")
    parser.add_argument("--without", metavar="SOURCE", help="leave out a source, as one whose lines the reader learnt")
    parser.add_argument(
        "--beams", type=int, help="width of the beam search; 1: letter by letter (default: the reader's own)"
    )
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0: all cores")
    options = parser.parse_args()
    pages = [page for page in read_pages(options.folder) if page.source != options.without]
    reader = PageReader(
        validated(ReadingOptions, language=options.language, beams=options.beams, threads=options.threads)
    )
    results = [measure(page, lambda image: reader.read(image).pages[0].lines) for page in watched(pages, "Reading")]
    return table(COLUMNS, rows(results))


def measure(page: TruePage, read: Callable[[Path], Sequence[Line]]) -> PageResult:
    """Read and score a page; one that cannot be read counts as read without a line, and stderr says why."""
    started = time.perf_counter()
    try:
        lines = read(page.image)
    except ManuscribeError as error:
        print(error, file=sys.stderr)
        lines = ()
    seconds = time.perf_counter() - started
    texts = [line.text for line in lines]
    return PageResult(
        source=page.source,
        by_position=score_by_position(page.lines, lines) if page.placed else None,
        whole_text=score_text(page.text, "\n".join(texts)),
        any_order=score_in_any_order([line.text for line in page.lines], texts),
        seconds=seconds,
    )


def rows(results: Sequence[PageResult], reader: str = "") -> list[tuple[str, ...]]:
    """A row of the table for each source, then one for all; with the reader's name where several are compared."""
    sources = sorted({result.source for result in results})
    by_source = {source: [result for result in results if result.source == source] for source in sources}
    named = [*by_source.items(), ("**all**", list(results))]
    return [_row(f"{name}, {reader}" if reader else name, some) for name, some in named]


def _row(name: str, results: Sequence[PageResult]) -> tuple[str, ...]:
    placed = [result.by_position for result in results if result.by_position]
    by_position = sum(placed, PageScore())
    any_order = sum((result.any_order for result in results), PageScore())
    whole_text = sum((result.whole_text for result in results), PageScore())
    lines = by_position if placed else any_order
    return (
        name,
        str(len(results)),
        percent(by_position.character_error_rate) if placed else "–",
        percent(by_position.rate_without_extra) if placed else "–",
        percent(whole_text.character_error_rate),
        percent(any_order.character_error_rate),
        str(lines.matched),
        str(lines.missed),
        str(lines.extra),
        *median_and_most([result.seconds for result in results]),
    )


if __name__ == "__main__":
    run("Pages", main)
