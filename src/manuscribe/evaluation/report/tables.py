"""The tables of an evaluation, as text; Markdown and the page show the same ones."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from manuscribe.evaluation.confusions import Confusion
from manuscribe.evaluation.counting import Counts
from manuscribe.evaluation.dates import DatesRead
from manuscribe.evaluation.evaluating import PageScores, ReaderResult
from manuscribe.evaluation.forms import NORMALISATION
from manuscribe.evaluation.judging import Comparison, Judgement
from manuscribe.evaluation.resampling import RESAMPLES, SHUFFLES
from manuscribe.evaluation.scoring import Estimate, Summary
from manuscribe.version import __version__

NOTHING, SPACE = "∅", "␣"
"""How an insertion's truth, or a deletion's reading, and a space are shown."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table.

    Attributes:
        names: So many columns at its left hold names, the others figures.
        note: A sentence or two to be read under it.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    names: int = 1


def percent(rate: float) -> str:
    """A rate in percent."""
    return f"{100 * rate:.2f} %"


def estimated(estimate: Estimate) -> str:
    """A rate in percent with its interval, if it has one."""
    if estimate.low is None or estimate.high is None:
        return percent(estimate.value)
    return f"{percent(estimate.value)} ({100 * estimate.low:.2f}–{100 * estimate.high:.2f})"


def main_tables(judgement: Judgement) -> list[Table]:
    """What is printed: how good, beside whom, at what price."""
    return [
        table
        for table in (
            _summary(judgement),
            _comparison(judgement),
            _pages(judgement),
            _dates(judgement),
            _expense(judgement),
        )
        if table
    ]


def further_tables(judgement: Judgement) -> list[Table]:
    """What reports have besides: kinds of errors, forms, parts of the data, frequent errors."""
    titles = [result.title for result in judgement.evaluation.results]
    return [
        _kinds(judgement),
        *_kinds_by_label(judgement),
        _overlooking(judgement),
        *_breakdowns(judgement),
        *(
            _confusions(f"Characters: frequent errors of {title}", found)
            for title, found in zip(titles, judgement.characters, strict=True)
        ),
        *(
            _confusions(f"Words: frequent errors of {title}", found)
            for title, found in zip(titles, judgement.words, strict=True)
        ),
    ]


def notes(judgement: Judgement) -> list[str]:
    """What must be known to understand the figures."""
    evaluation = judgement.evaluation
    found = [
        _what_was_read(judgement),
        NORMALISATION,
        "CER and WER are all errors over all characters or words of the truth; mean and median are those of the "
        "lines' CER, which is not cut off at 100 % where much was invented. The CER of a line without a truth is 0 if "
        "nothing was read there, else 1.",
        f"In parentheses: 95 % bootstrap intervals (percentiles of {RESAMPLES:,} seeded samples). "
        f"{judgement.units.account}",
    ]
    learnt = sum(sample.split == "train" for sample in evaluation.samples)
    if learnt:
        found.append(f"Lines of the split train: {learnt:,}. A reader may have learnt them by heart.")
    if evaluation.kind == "pages":
        found.append(
            "A line of the truth is compared with the read line that overlaps it most; one that was missed counts as "
            "deletions, an extra one as insertions, and each as a line. Lines without a true text are not judged."
        )
    if evaluation.problems:
        found.append(
            f"Problems: {len(evaluation.problems)}. What has no readable image or usable truth is left out for all "
            "readers, what a reader failed to read counts as read without a character. "
            + " ".join(f"({problem})" for problem in evaluation.problems[:5])
        )
    return found


def _what_was_read(judgement: Judgement) -> str:
    evaluation, truths = judgement.evaluation, judgement.summaries[0]
    pages = evaluation.results[0].pages
    count, unit = (pages.pages, "page") if pages else (truths.lines, "line")
    what = f"{count:,} {unit}{'s' * (count != 1)}"
    return (
        f"{evaluation.data}: {what}, {truths.characters.length:,} characters, {truths.words.length:,} words; "
        f"manuscribe {__version__}."
    )


def _summary(judgement: Judgement) -> Table:
    columns = ("reader", "lines", "CER", "WER", "mean of lines", "median", "exact")
    rows = [
        (result.title, f"{s.lines:,}", *map(estimated, (s.cer, s.wer, s.mean)), percent(s.median), estimated(s.exact))
        for result, s in zip(judgement.evaluation.results, judgement.summaries, strict=True)
    ]
    return Table("Error rates", columns, tuple(rows))


def _comparison(judgement: Judgement) -> Table | None:
    if not judgement.comparisons:
        return None
    first = judgement.comparisons[0].first
    note = (
        f"CER of each reader minus that of {first}, in percentage points: below zero is better. The intervals are "
        f"of pairs; p is that of two-sided paired approximate randomisation ({SHUFFLES:,} draws; Noreen 1989), not "
        "corrected for the number of comparisons."
    )
    columns = ("reader", "difference of CER", "p", "better in", "worse in", "as good in")
    return Table(f"Compared with {first}", columns, tuple(map(_compared, judgement.comparisons)), note)


def _compared(comparison: Comparison) -> tuple[str, ...]:
    estimate = comparison.difference
    shown = f"{100 * estimate.value:+.2f}"
    if estimate.low is not None and estimate.high is not None:
        shown += f" ({100 * estimate.low:+.2f} to {100 * estimate.high:+.2f})"
    p = "–" if comparison.p is None else f"{comparison.p:.4f}"
    return comparison.title, shown, p, *(f"{n:,}" for n in (comparison.better, comparison.worse, comparison.equal))


def _pages(judgement: Judgement) -> Table | None:
    results = [result for result in judgement.evaluation.results if result.pages]
    if not results:
        return None
    columns = ("reader", "by position", "without extra lines", "whole text", "any order", "found", "missed", "extra")
    note = (
        "By position is the CER above; the whole text is compared in reading order, line breaks as spaces; in any "
        "order each line finds the one most like it, a hopeful figure. Found, missed and extra are lines."
    )
    rows = tuple((result.title, *_page_scores(result.pages)) for result in results if result.pages)
    return Table("Pages", columns, rows, note)


def _page_scores(scores: PageScores) -> tuple[str, ...]:
    placed = scores.by_position
    rates = (
        placed.character_error_rate,
        placed.rate_without_extra,
        scores.whole_text.character_error_rate,
        scores.any_order.character_error_rate,
    )
    return (*map(percent, rates), *(f"{n:,}" for n in (placed.matched, placed.missed, placed.extra)))


def _dates(judgement: Judgement) -> Table | None:
    if not judgement.dates:
        return None
    columns = ("reader", "lines", "CER", "CER, dates as ISO", "understood", "dates right")
    note = (
        "Lines labelled date. As ISO: compared with the dates of truth and reading written as 1937-10-12, where day, "
        "month and year are there. Understood: lines in whose truth dates are found (manuscribe.text.dates); right is "
        "the share of them in whose reading the same dates are found, and no others."
    )
    rows = tuple(
        (result.title, f"{d.lines:,}", estimated(d.cer), estimated(d.cer_normalised), f"{d.understood:,}", _right(d))
        for result, d in zip(judgement.evaluation.results, judgement.dates, strict=True)
    )
    return Table("Dates", columns, rows, note)


def _right(dates: DatesRead) -> str:
    return "–" if dates.right is None else estimated(dates.right)


def _expense(judgement: Judgement) -> Table:
    note = (
        "One reader after the other, each in a process of its own. Reading alone is timed, from the first line on, not "
        "opening images of lines; memory is the most that the process has held, libraries and weights included."
    )
    columns = ("reader", "version", "options", "lines/s", "s a line", "s to load", "peak memory")
    return Table("Readers", columns, tuple(map(_spent, judgement.evaluation.results)), note, names=3)


def _spent(result: ReaderResult) -> tuple[str, ...]:
    expense, lines = result.expense, max(1, result.lines)
    version = f"{result.name} {result.version}".strip()
    options = ", ".join(f"{name} {value}" for name, value in result.options.items()) or "its own"
    pace = f"{result.lines / expense.reading:.1f}" if expense.reading else "–"
    memory = "–" if expense.peak is None else f"{expense.peak / 1e6:,.0f} MB"
    return result.title, version, options, pace, f"{expense.reading / lines:.4f}", f"{expense.loading:.1f}", memory


def _kinds(judgement: Judgement) -> Table:
    columns = ("reader", "of", "in the truth", "errors", "substitutions", "deletions", "insertions")
    rows = [
        (result.title, of, *_shares(counts))
        for result, summary in zip(judgement.evaluation.results, judgement.summaries, strict=True)
        for of, counts in (("characters", summary.characters), ("words", summary.words))
    ]
    note = "Deletions are in the truth and were not read, insertions were read and are not there; shares are of errors."
    return Table("Kinds of errors", columns, tuple(rows), note, names=2)


def _kinds_by_label(judgement: Judgement) -> Iterator[Table]:
    columns = ("label", "reader", "characters", "errors", "substitutions", "deletions", "insertions")
    titles = [result.title for result in judgement.evaluation.results]
    if found := judgement.breakdowns.get("label"):
        rows = tuple(
            (label, title, *_shares(summary.characters))
            for label, summaries in found.items()
            for title, summary in zip(titles, summaries, strict=True)
        )
        yield Table("Kinds of errors by label", columns, rows, "Of characters; shares are of errors.", names=2)


def _shares(counts: Counts) -> Iterator[str]:
    yield f"{counts.length:,}"
    yield f"{counts.errors:,}"
    for n in (counts.substitutions, counts.deletions, counts.insertions):
        yield f"{n:,} ({100 * n / max(1, counts.errors):.0f} %)"


def _overlooking(judgement: Judgement) -> Table:
    titles = [result.title for result in judgement.evaluation.results]
    forms = {"nothing": judgement.summaries, **judgement.overlooking}
    rows = [
        (name, title, *map(estimated, (summary.cer, summary.wer, summary.exact)))
        for name, summaries in forms.items()
        for title, summary in zip(titles, summaries, strict=True)
    ]
    note = (
        "Case: all letters small. Punctuation: Unicode's categories P left out. Diacritics: marks that NFD parts from "
        "letters left out, đ as d; in Cyrillic й becomes и, ё becomes е, ї becomes і."
    )
    return Table(
        "If something is overlooked", ("overlooked", "reader", "CER", "WER", "exact"), tuple(rows), note, names=2
    )


def _breakdowns(judgement: Judgement) -> Iterator[Table]:
    titles = [result.title for result in judgement.evaluation.results]
    for name, found in judgement.breakdowns.items():
        rows = tuple(
            (part, title, *_part(summary))
            for part, summaries in found.items()
            for title, summary in zip(titles, summaries, strict=True)
        )
        note = "In characters of the truth." if name == "length" else ""
        columns = (name, "reader", "lines", "characters", "CER", "WER", "mean of lines", "median", "exact")
        yield Table(f"By {name}", columns, rows, note, names=2)


def _part(s: Summary) -> tuple[str, ...]:
    rates = *map(estimated, (s.cer, s.wer, s.mean)), *map(percent, (s.median, s.exact.value))
    return f"{s.lines:,}", f"{s.characters.length:,}", *rates


def _confusions(title: str, found: Sequence[Confusion]) -> Table:
    rows = tuple(
        (shown(c.truth), shown(c.reading), f"{c.count:,}", f"{c.occurrences:,}" if c.truth else "–") for c in found
    )
    note = f"{NOTHING}: nothing, so an insertion or a deletion; {SPACE}: a space. One shortest alignment among several."
    return Table(title, ("truth", "reading", "times", "of"), rows, note, names=2)


def shown(text: str) -> str:
    """Characters of a text so that they are seen: nothing, spaces, and marks that need something to stand on."""
    return " ".join(text.replace(" ", SPACE).split()) or NOTHING


def as_markdown(tables: Iterable[Table], *, level: int = 2) -> str:
    """Tables in Markdown; what comes from data is no markup in it."""
    return "\n\n".join(_markdown(table, level) for table in tables)


def _markdown(table: Table, level: int) -> str:
    rule = [":--" if place < table.names else "--:" for place in range(len(table.columns))]
    rows = [f"| {' | '.join(map(cell, row))} |" for row in table.rows] or ["| none " + "| " * len(rule[1:]) + "|"]
    head = [f"{'#' * level} {cell(table.title)}", "", f"| {' | '.join(table.columns)} |", f"| {' | '.join(rule)} |"]
    return "\n".join([*head, *rows, *(["", cell(table.note)] if table.note else [])])


_MARKUP = str.maketrans({**{c: f"\\{c}" for c in "\\`*_[]|#~"}, "&": "&amp;", "<": "&lt;", ">": "&gt;", "\n": " "})


def cell(text: str) -> str:
    """A text that Markdown shows as it is."""
    return text.translate(_MARKUP)
