"""The errors of each line of a reader, and the figures of many lines with their intervals."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from manuscribe.evaluation.counting import Counts, count
from manuscribe.evaluation.evaluating import Evaluation, ReaderResult
from manuscribe.evaluation.resampling import Floats, Numbers, by_unit, interval, ratio, resampled
from manuscribe.evaluation.samples import Sample

FEW = 10
"""Below so many units an interval is said to be rough."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure, with its bootstrap interval where there are several units to draw."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures of a reader on some lines.

    Attributes:
        lines: A line of a page that was not found, and one that was found where there is none, counts as a line.
        characters: Summed over the lines.
        words: The same of words.
        cer: Errors of all lines over characters of all lines.
        wer: The same of words.
        mean: Mean of the lines' CER; that of a line without a truth is 0 if nothing was read there, else 1.
        median: Their median.
        exact: Share of lines without any error.
    """

    lines: int
    characters: Counts
    words: Counts
    cer: Estimate
    wer: Estimate
    mean: Estimate
    median: float
    exact: Estimate


@dataclass(frozen=True, slots=True)
class Units:
    """What is resampled: a unit's number for each sample, and a sentence that says what units are."""

    numbers: Numbers
    account: str


@dataclass(frozen=True, slots=True)
class Scored:
    """A reader's counts, line by line.

    Attributes:
        samples: Their numbers, N.
        characters: N×4, in the order of `Counts`.
        words: The same of words.
    """

    samples: Numbers
    characters: Numbers
    words: Numbers

    @property
    def rates(self) -> Floats:
        """The lines' CER, N."""
        return ratio(self.characters[:, 1:].sum(axis=1), self.characters[:, :3].sum(axis=1))

    def part(self, chosen: NDArray[np.bool_]) -> "Scored":
        """Some of the lines."""
        return Scored(self.samples[chosen], self.characters[chosen], self.words[chosen])


def score(
    result: ReaderResult, samples: Sequence[Sample], overlooking: Callable[[str], str] = lambda text: text
) -> Scored:
    """Count the errors of every line, in a form that overlooks something (see `forms`)."""
    numbers = sorted(result.readings)
    pairs = [(overlooking(samples[n].text), overlooking(result.readings[n] or "")) for n in numbers]
    characters = [_row(count(truth, reading)) for truth, reading in pairs]
    words = [_row(count(truth.split(), reading.split())) for truth, reading in pairs]
    shape = (len(numbers), 4)
    return Scored(
        np.array(numbers, np.int64),
        np.array(characters, np.int64).reshape(shape),
        np.array(words, np.int64).reshape(shape),
    )


def _row(counts: Counts) -> tuple[int, int, int, int]:
    return counts.hits, counts.substitutions, counts.deletions, counts.insertions


def units_of(evaluation: Evaluation) -> Units:
    """Groups of lines, or pages; single lines where there is but one of these or none is known."""
    read = evaluation.results[0].readings
    samples = [sample for n, sample in enumerate(evaluation.samples) if n in read and not sample.extra]
    groups = Counter(sample.group for sample in samples if sample.group)
    what = "pages" if evaluation.kind == "pages" else "groups (writers or documents)"
    alone = sum(not sample.group for sample in samples)
    if not groups:
        return _single(
            evaluation, "groups are not known; if several lines are of one hand, the intervals are too narrow"
        )
    if len(groups) == 1 and not alone:
        one = "page" if evaluation.kind == "pages" else "group"
        return _single(evaluation, f"all are of one {one}; the intervals say nothing of other hands")
    names = {name: number for number, name in enumerate(groups)}
    numbers = [names.get(sample.group, len(names) + n) for n, sample in enumerate(evaluation.samples)]
    account = f"Intervals and tests draw {len(groups)} {what}, since lines of one hand are not independent"
    account += f"; {alone} lines without a group count as one each" if alone else ""
    rough = " So few make rough intervals." if len(groups) + alone < FEW else ""
    return Units(np.array(numbers, np.int64), f"{account}.{rough}")


def _single(evaluation: Evaluation, why: str) -> Units:
    return Units(np.arange(len(evaluation.samples)), f"Intervals and tests draw single lines: {why}.")


def summarise(scored: Scored, units: Units) -> Summary:
    """The figures of some lines of a reader."""
    rates, errors = scored.rates, scored.characters[:, 1:].sum(axis=1)
    columns = np.stack(
        [
            *(errors, scored.characters[:, :3].sum(axis=1)),
            *(scored.words[:, 1:].sum(axis=1), scored.words[:, :3].sum(axis=1)),
            *(rates, errors == 0, np.ones(len(rates))),
        ],
        axis=1,
    ).astype(np.float64)
    sums = by_unit(columns, units.numbers[scored.samples])
    drawn = resampled(sums) if len(sums) > 1 else None
    totals = columns.sum(axis=0)[None]

    def estimate(numerator: int, denominator: int) -> Estimate:
        value = float(ratio(totals[:, numerator], totals[:, denominator])[0])
        if drawn is None:
            return Estimate(value)
        return Estimate(value, *interval(ratio(drawn[:, numerator], drawn[:, denominator])))

    return Summary(
        lines=len(rates),
        characters=Counts(*map(int, scored.characters.sum(axis=0))),
        words=Counts(*map(int, scored.words.sum(axis=0))),
        cer=estimate(0, 1),
        wer=estimate(2, 3),
        mean=estimate(4, 6),
        median=float(np.median(rates)) if len(rates) else 0.0,
        exact=estimate(5, 6),
    )
