"""Evaluating readers: everything is read, one reader after the other, then judged (`judging`)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from manuscribe.datasets.labelled import LabelledLine
from manuscribe.document import Line
from manuscribe.errors import InputError, ManuscribeError, UsageError
from manuscribe.evaluation.candidates import Candidate
from manuscribe.evaluation.pages import (
    PageScore,
    match_by_position,
    score_by_position,
    score_in_any_order,
    score_text,
)
from manuscribe.evaluation.peers import check_peer
from manuscribe.evaluation.processes import Expense, LinesRead, ReaderEndedError, ReaderProcess
from manuscribe.evaluation.samples import Sample, TruePage, labelled_samples, lines_in, pages_in
from manuscribe.text.charset import normalise

Watch = Callable[[Sequence[Any], str], Iterable[Any]]
"""Passes items on while somebody is shown how far it is with what."""
_TOGETHER = 64  # lines that a reader is given at once


@dataclass(frozen=True, slots=True)
class PageScores:
    """How pages were read, counted in three ways (see `evaluation.pages`); scores add up."""

    pages: int = 0
    by_position: PageScore = field(default_factory=PageScore)
    whole_text: PageScore = field(default_factory=PageScore)
    any_order: PageScore = field(default_factory=PageScore)

    def __add__(self, other: "PageScores") -> "PageScores":
        return PageScores(
            self.pages + other.pages,
            self.by_position + other.by_position,
            self.whole_text + other.whole_text,
            self.any_order + other.any_order,
        )


@dataclass(frozen=True, slots=True)
class ReaderResult:
    """What a reader read.

    Attributes:
        readings: By the sample's number, in normal form; `None` for a line of a page that was not found.
        options: That were set, and what the reader chose by itself.
        lines: That it read in `expense.reading` seconds.
        pages: Of pages only.
    """

    title: str
    name: str
    version: str
    options: Mapping[str, str]
    expense: Expense
    lines: int
    readings: Mapping[int, str | None]
    pages: PageScores | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What was to be read, and what each reader read.

    Attributes:
        samples: The true lines, and those that readers found where there is none.
        results: In the order of the candidates; the first is what the others are compared with.
        problems: Sentences on what was left out, and on what a reader could not read, which counts as not read.
    """

    data: str
    kind: Literal["lines", "pages"]
    samples: tuple[Sample, ...]
    results: tuple[ReaderResult, ...]
    problems: tuple[str, ...]


def evaluate(data: str, candidates: Sequence[Candidate], watch: Watch = lambda items, _: items) -> Evaluation:
    """Have every candidate read the data, each in a process of its own, one after the other.

    A line or page whose image cannot be opened is left out for all of them; what a reader fails to read counts as read
    without a character.

    Args:
        data: A manifest of lines, whose name may have `*`, or a folder of pages with their truths.

    Raises:
        InputError: There is nothing to measure.
        ModelError: A reader is not there, or its process died.
        UsageError: Options do not fit a reader, a peer is not installed, or is to read pages.
    """
    return _of_pages(data, candidates, watch) if Path(data).is_dir() else _of_lines(data, candidates, watch)


def _of_lines(data: str, candidates: Sequence[Candidate], watch: Watch) -> Evaluation:
    lines = lines_in(data)
    languages = {candidate.title: _languages(candidate, lines) for candidate in candidates}
    _check(candidates, "lines", languages)
    left_out: dict[int, str] = {}
    failures: list[str] = []
    results = []
    for candidate in candidates:
        with ReaderProcess(candidate, "lines", languages[candidate.title]) as reader:
            read = _read_all(reader, lines, candidate.title, watch)
            texts = {number: normalise(text or "") for number, text in enumerate(read.texts)}
            results.append(_result(candidate, reader, len(lines) - len(read.unreadable), texts))
        left_out |= read.unreadable
        failures += [f"{candidate.title}: line {number + 1}: {why}" for number, why in read.failed.items()]
    if len(left_out) == len(lines):
        raise InputError(f"No image of {data} can be opened: {next(iter(left_out.values()))}", "Check the data set.")
    kept = [
        replace(result, readings={n: text for n, text in result.readings.items() if n not in left_out})
        for result in results
    ]
    told = [f"line {number + 1} is left out: {why}" for number, why in sorted(left_out.items())]
    return Evaluation(data, "lines", tuple(labelled_samples(lines)), tuple(kept), (*told, *failures))


def _languages(candidate: Candidate, lines: Sequence[LabelledLine]) -> list[str]:
    """What a peer is told: the language that was named, or those of the lines."""
    if candidate.options.language:
        return [candidate.options.language]
    return sorted({line.language for line in lines} - {""})


def _check(candidates: Sequence[Candidate], task: str, languages: Mapping[str, Sequence[str]]) -> None:
    """Find out whether all can be loaded, before the first reads for an hour."""
    for candidate in candidates:
        if candidate.peer:
            check_peer(candidate.reader, languages[candidate.title])
    for candidate in candidates[1:]:
        with ReaderProcess(candidate, task, languages[candidate.title]):
            pass


def _read_all(reader: ReaderProcess, lines: Sequence[LabelledLine], title: str, watch: Watch) -> LinesRead:
    texts: list[str | None] = []
    unreadable: dict[int, str] = {}
    failed: dict[int, str] = {}
    for start in watch(range(0, len(lines), _TOGETHER), title):
        part = reader.read_lines(lines[start : start + _TOGETHER])
        texts += part.texts
        unreadable |= {start + number: why for number, why in part.unreadable.items()}
        failed |= {start + number: why for number, why in part.failed.items()}
    return LinesRead(tuple(texts), unreadable, failed)


def _result(
    candidate: Candidate, reader: ReaderProcess, lines: int, readings: Mapping[int, str | None]
) -> ReaderResult:
    # Of a peer, only the threads are what we set; its language is among its own choices.
    given = candidate.options.model_dump(exclude_defaults=True, include={"threads"} if candidate.peer else None)
    options = {name: str(value) for name, value in given.items()} | dict(reader.choices)
    return ReaderResult(candidate.title, reader.name, reader.version, options, reader.expense, lines, readings)


def _of_pages(data: str, candidates: Sequence[Candidate], watch: Watch) -> Evaluation:
    if peers := [candidate.reader for candidate in candidates if candidate.peer]:
        raise UsageError(
            f"{peers[0]} is set beside the readers on lines only.",
            f"Make lines of the pages: manuscribe data import {data} lines.jsonl",
        )
    pages, problems = pages_in(Path(data))
    _check(candidates, "pages", {candidate.title: () for candidate in candidates})
    samples = [page.sample(line) for page in pages for line in page.lines]
    results = []
    for candidate in candidates:
        with ReaderProcess(candidate, "pages") as reader:
            found = [_read_page(reader, page, candidate.title, problems) for page in watch(pages, candidate.title)]
            readings, scores = _compared(pages, found, samples)
            result = _result(candidate, reader, sum(map(len, found)), readings)
            results.append(replace(result, pages=scores))
    return Evaluation(data, "pages", tuple(samples), tuple(results), tuple(problems))


def _read_page(reader: ReaderProcess, page: TruePage, title: str, problems: list[str]) -> list[Line]:
    try:
        return [line for line in reader.read_page(page.image) if line.polygon]
    except ReaderEndedError:
        raise
    except ManuscribeError as error:
        problems.append(f"{title}: {page.image}: {error.problem}")
        return []


def _compared(
    pages: Sequence[TruePage], found: Sequence[Sequence[Line]], samples: list[Sample]
) -> tuple[dict[int, str | None], PageScores]:
    """The readings by the samples' numbers, and the scores of the pages; extra lines become samples of their own."""
    readings: dict[int, str | None] = {}
    scores, first = PageScores(), 0
    for page, read in zip(pages, found, strict=True):
        for i, j in match_by_position(page.lines, read):
            if i is None and j is not None:
                samples.append(page.sample(read[j], extra=True))
                readings[len(samples) - 1] = normalise(read[j].text)
            elif i is not None:
                readings[first + i] = normalise(read[j].text) if j is not None else None
        first += len(page.lines)
        scores += _scores(page, read)
    return readings, scores


def _scores(page: TruePage, read: Sequence[Line]) -> PageScores:
    texts = [line.text for line in read]
    return PageScores(
        1,
        score_by_position(page.lines, read),
        score_text(page.text, "\n".join(texts)),
        score_in_any_order([line.text for line in page.lines], texts),
    )
