"""From readings to figures: what each reader is worth, on which parts of the data, and beside the first one."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from manuscribe.evaluation.confusions import Confusion, confusions_of_characters, confusions_of_words
from manuscribe.evaluation.dates import DatesRead, dates_read
from manuscribe.evaluation.evaluating import Evaluation, ReaderResult
from manuscribe.evaluation.forms import OVERLOOKING
from manuscribe.evaluation.lines import Pair, length_of
from manuscribe.evaluation.resampling import by_unit, interval, randomisation_test, resampled
from manuscribe.evaluation.samples import Sample
from manuscribe.evaluation.scoring import Estimate, Scored, Summary, Units, score, summarise, units_of

FREQUENT = 10
"""Values of a breakdown that are shown; the others are taken together."""
CHARACTERS, WORDS = 30, 20
"""Frequent errors that are shown."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A reader beside the first one.

    Attributes:
        difference: Its CER minus the first one's; below zero it is better. The interval is of pairs: both read the same
            resampled units.
        p: Two-sided, of paired approximate randomisation; not corrected for the number of comparisons. `None` if there
            is but one unit.
        better: Units in which it makes fewer errors than the first.
        worse: Units in which it makes more.
        equal: Units in which it makes as many.
    """

    title: str
    first: str
    difference: Estimate
    p: float | None
    better: int
    worse: int
    equal: int


def compare(title: str, scored: Scored, first_title: str, first: Scored, units: Units) -> Comparison:
    """Compare a reader with the first one, unit by unit: both have read the same ones."""
    errors = np.zeros((len(units.numbers), 3))
    errors[first.samples, 0] = first.characters[:, 1:].sum(axis=1)
    errors[scored.samples, 1] = scored.characters[:, 1:].sum(axis=1)
    # The true lines are the same for both; what is extra has no length.
    errors[first.samples, 2] = first.characters[:, :3].sum(axis=1)
    read = np.union1d(first.samples, scored.samples)
    sums = by_unit(errors[read], units.numbers[read])
    differences = sums[:, 1] - sums[:, 0]
    better, worse = int((differences < 0).sum()), int((differences > 0).sum())
    length = sums[:, 2].sum()
    value = float(differences.sum() / length) if length else 0.0
    if len(sums) < 2:
        return Comparison(title, first_title, Estimate(value), None, better, worse, len(sums) - better - worse)
    drawn = resampled(sums)
    low, high = interval((drawn[:, 1] - drawn[:, 0]) / np.maximum(drawn[:, 2], 1))
    p = randomisation_test(differences)
    return Comparison(title, first_title, Estimate(value, low, high), p, better, worse, len(sums) - better - worse)


def parts(
    scored: Sequence[Scored],
    samples: Sequence[Sample],
    units: Units,
    key: Callable[[Sample], str],
    order: Sequence[str] = (),
) -> dict[str, list[Summary]]:
    """The figures of each part of the data, a summary for each reader.

    Args:
        key: What part a sample belongs to.
        order: Of the parts; by default the most frequent `FREQUENT` first, then the others together.
    """
    keys = [key(sample) for sample in samples]
    judged = Counter(keys[n] for n in sorted({int(n) for one in scored for n in one.samples}))
    shown = [name for name in order if name in judged] or [name for name, _ in judged.most_common(FREQUENT)]
    rest = f"the other {len(judged) - len(shown)}"
    named = [name if name in shown else rest for name in keys]
    found = {}
    for name in [*shown, *([rest] if len(judged) > len(shown) else [])]:
        chosen = np.array([one == name for one in named], np.bool_)
        found[name] = [summarise(one.part(chosen[one.samples]), units) for one in scored]
    return found


LENGTHS = ("0", "1-9", "10-24", "25-49", "50 and more")
"""Buckets of length; 0 are lines without a truth."""

KEYS: Mapping[str, Callable[[Sample], str]] = {
    "length": lambda sample: length_of(sample.text) if sample.text else LENGTHS[0],
    "label": lambda sample: sample.label or "none",
    "language": lambda sample: sample.language or "not known",
    "source": lambda sample: sample.source or "not known",
    "group": lambda sample: sample.group or "not known",
}
"""By what the data are parted."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """All figures of an evaluation; lists have one item for each reader, in its order.

    Attributes:
        summaries: Of all lines.
        overlooking: The same where something is overlooked, by its name (`forms.OVERLOOKING`).
        breakdowns: By what of `KEYS`, then which part of the data. What is the same for all lines is no breakdown.
        comparisons: Of all readers but the first with it.
        characters: Frequent errors; lines of a page that were missed or are extra are not among them.
        words: The same of words.
        dates: Of lines that are labelled so; no item where none is.
    """

    evaluation: Evaluation
    units: Units
    scored: tuple[Scored, ...]
    summaries: tuple[Summary, ...]
    overlooking: Mapping[str, tuple[Summary, ...]]
    breakdowns: Mapping[str, Mapping[str, Sequence[Summary]]]
    comparisons: tuple[Comparison, ...]
    characters: tuple[Sequence[Confusion], ...]
    words: tuple[Sequence[Confusion], ...]
    dates: tuple[DatesRead, ...]


def judge(evaluation: Evaluation) -> Judgement:
    """Compute all figures of what was read."""
    results, samples, units = evaluation.results, evaluation.samples, units_of(evaluation)
    scored = tuple(score(result, samples) for result in results)
    first = results[0].title, scored[0]
    pairs = [_aligned(result, samples) for result in results]
    breakdowns = {
        name: parts(scored, samples, units, key, LENGTHS if name == "length" else ()) for name, key in KEYS.items()
    }
    return Judgement(
        evaluation,
        units,
        scored,
        summaries=tuple(summarise(one, units) for one in scored),
        overlooking={
            name: tuple(summarise(score(result, samples, form), units) for result in results)
            for name, form in OVERLOOKING.items()
        },
        breakdowns={name: found for name, found in breakdowns.items() if len(found) > 1},
        comparisons=tuple(
            compare(result.title, one, *first, units) for result, one in zip(results[1:], scored[1:], strict=True)
        ),
        characters=tuple(confusions_of_characters(some, CHARACTERS) for some in pairs),
        words=tuple(confusions_of_words(some, WORDS) for some in pairs),
        dates=tuple(found for result in results if (found := dates_read(result, samples, units))),
    )


def _aligned(result: ReaderResult, samples: Sequence[Sample]) -> list[Pair]:
    """Truths and readings of the lines that were found."""
    return [
        (samples[n].text, reading)
        for n, reading in result.readings.items()
        if reading is not None and not samples[n].extra
    ]
