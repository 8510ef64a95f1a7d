"""Reading the lines of a claim again, with their texts kept as they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import unescape
from pathlib import Path

from manuscribe.datasets.labelled import LabelledLine
from manuscribe.errors import InputError
from manuscribe.evaluation.candidates import Candidate
from manuscribe.evaluation.claims.figures import Texts
from manuscribe.evaluation.evaluating import Evaluation, ReaderResult, Watch, evaluate
from manuscribe.evaluation.processes import ReaderProcess
from manuscribe.evaluation.samples import labelled_samples
from manuscribe.evaluation.scoring import units_of
from manuscribe.text.charset import normalise

_TOGETHER = 64  # lines that the reader is given at once


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader read.

    Attributes:
        evaluation: As `evaluating.evaluate` has it, of one reader.
        numbers: Of the samples that `texts` are of.
        texts: Of lines as they are, of pages in normal form.
    """

    evaluation: Evaluation
    numbers: tuple[int, ...]
    texts: Texts

    @property
    def lines(self) -> int:
        """True lines that were judged."""
        return sum(not self.evaluation.samples[number].extra for number in self.numbers)

    @property
    def result(self) -> ReaderResult:
        """Of the one reader."""
        return self.evaluation.results[0]


def read_pages(candidate: Candidate, data: str, watch: Watch) -> Reading:
    """Have the pages of a folder read; raises what `evaluate` does."""
    evaluation = evaluate(data, [candidate], watch)
    readings = evaluation.results[0].readings
    return _reading(evaluation, {n: (evaluation.samples[n].text, text or "") for n, text in readings.items()})


def read_lines(candidate: Candidate, lines: Sequence[LabelledLine], data: str, watch: Watch) -> Reading:
    """Have some lines read, in a process of its own.

    Args:
        candidate: The reader.
        lines: A line whose image cannot be opened is left out, one that the reader fails to read counts as not read.
        data: What to call them.
        watch: Shows how far it is.

    Raises:
        InputError: No image can be opened.
        ModelError: The reader is not there, or its process died.
        UsageError: An option does not fit the reader.
    """
    texts: dict[int, str] = {}
    problems = []
    with ReaderProcess(candidate, "lines") as reader:
        for start in watch(range(0, len(lines), _TOGETHER), candidate.title):
            part = reader.read_lines(lines[start : start + _TOGETHER])
            texts |= {start + n: text or "" for n, text in enumerate(part.texts) if n not in part.unreadable}
            problems += [f"line {start + n + 1} is left out: {why}" for n, why in part.unreadable.items()]
            problems += [f"{candidate.title}: line {start + n + 1}: {why}" for n, why in part.failed.items()]
        if not texts:
            raise InputError(f"No image of {data} can be opened: {problems[0]}", "Check the data set.")
        given = candidate.options.model_dump(exclude_defaults=True)
        options = {name: str(value) for name, value in given.items()} | dict(reader.choices)
        readings = {n: normalise(text) for n, text in texts.items()}
        identity = candidate.title, reader.name, reader.version
        result = ReaderResult(*identity, options, reader.expense, len(texts), readings)
    evaluation = Evaluation(data, "lines", tuple(labelled_samples(lines)), (result,), tuple(problems))
    return _reading(evaluation, {n: (unescape(lines[n].text), text) for n, text in texts.items()})


def is_of_pages(data: str) -> bool:
    """Whether data are a folder of pages, not a manifest of lines."""
    return Path(data).is_dir()


def _reading(evaluation: Evaluation, pairs: dict[int, tuple[str, str]]) -> Reading:
    numbers = tuple(sorted(pairs))
    units = units_of(evaluation).numbers[list(numbers)]
    return Reading(evaluation, numbers, Texts(tuple(pairs[n] for n in numbers), units))
