"""Calibrating a reader: read lines, learn what its signals are worth, measure on lines that had no part in it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from manuscribe.datasets.labelled import LabelledLine
from manuscribe.errors import InputError
from manuscribe.evaluation.calibration.examples import Example, Truths, examples_of
from manuscribe.evaluation.calibration.fitting import fit
from manuscribe.evaluation.calibration.measuring import auroc, calibration_error, errors_found
from manuscribe.evaluation.resampling import Floats
from manuscribe.readers.protocol import LineReader
from manuscribe.readers.trust.calibration import Calibration, Judged, Levels
from manuscribe.readers.trust.features import Evidence
from manuscribe.readers.trust.review import acceptable, expected_size
from manuscribe.readers.trust.trusted import conditions_of

FEWEST = 50
"""Lines that something can be learnt from."""
PARTS = 5
"""Into which the lines are divided to measure: what is said of each is found on the others."""
PROMISES = (0.01, 0.02, 0.05, 0.1)
CHECKED = (0.1, 0.2, 0.3)
_SEED = 20_241

Watch = Callable[[Sequence[Any]], Iterable[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """What was said of lines, by the reader itself or by a calibration, and what is true; lines with text only.

    Attributes:
        characters: Probability of each, of all lines one after the other.
        words: The same.
        lines: That each is right altogether.
        rates: Expected errors by character of each line.
    """

    characters: Floats
    words: Floats
    lines: Floats
    rates: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What is true of the same lines.

    Attributes:
        errors: Of each line.
        read: Characters that were read in it.
        lengths: Characters of its truth.
    """

    characters: Truths
    words: Truths
    lines: Truths
    errors: Floats
    read: Floats
    lengths: Floats


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of a promised error rate."""

    promise: float
    lines: int
    share: float
    rate: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """How good what was said is, on lines that it was not found on.

    Attributes:
        title: Which lines.
        before: What the reader itself said.
        after: What the calibration says.
        empty: Lines in which nothing was read; they are in no figure.
    """

    title: str
    before: Said
    after: Said
    truth: Truth
    empty: int

    def error(self, part: str, *, before: bool = False) -> float:
        """The expected calibration error of `characters`, `words` or `lines`."""
        return calibration_error(getattr(self.before if before else self.after, part), getattr(self.truth, part))

    def sorts(self, part: str, *, before: bool = False) -> float | None:
        """The AUROC of `characters`, `words` or `lines`."""
        return auroc(getattr(self.before if before else self.after, part), getattr(self.truth, part))

    def found(self, shares: Sequence[float], *, before: bool = False) -> list[float]:
        """Which share of the errors is in the least sure lines."""
        said = self.before if before else self.after
        return [
            *errors_found(said.rates * expected_size(said.rates, self.truth.read), self.truth.errors, np.array(shares))
        ]

    def best(self, shares: Sequence[float]) -> list[float]:
        """The same if one knew the errors."""
        return [*errors_found(self.truth.errors, self.truth.errors, np.array(shares))]

    def kept(self) -> list[Kept]:
        """What became of promises."""
        found = []
        for promise in PROMISES:
            rates = self.after.rates
            chosen = acceptable(rates, expected_size(rates, self.truth.read), promise)
            errors, lengths = float(self.truth.errors[chosen].sum()), float(self.truth.lengths[chosen].sum())
            count = int(chosen.sum())
            found.append(Kept(promise, count, count / max(1, len(chosen)), errors / lengths if lengths else None))
        return found

    def figures(self) -> dict[str, float]:
        """The main ones, for the calibration's own record."""
        sorted_ = {f"AUROC of {part}": self.sorts(part) for part in ("characters", "words", "lines")}
        return (
            {f"calibration error of {part}": round(self.error(part), 4) for part in ("characters", "words", "lines")}
            | {name: round(value, 4) for name, value in sorted_.items() if value is not None}
            | {"errors in the least sure fifth": round(self.found([0.2])[0], 4)}
        )


def calibrate(
    name: str,
    reader: LineReader,
    lines: Sequence[LabelledLine],
    others: Sequence[LabelledLine] = (),
    *,
    data: Sequence[str] = (),
    watch: Watch = lambda items: items,
) -> tuple[Calibration, list[Measured]]:
    """Find out what a reader's signals are worth.

    Args:
        name: What the reader is called.
        reader: As it is, without a calibration.
        lines: With their texts; the reader has not learnt from them.
        others: To measure on only.
        data: What to say of where the lines are from.
        watch: Shows somebody how far it is.

    Returns:
        The calibration, found on all of `lines`; and how good it is: on `lines` by cross-validation, and on `others`.

    Raises:
        InputError: An image cannot be opened, the lines are too few, or all is right or all wrong.
    """
    examples = examples_of(reader, lines, watch)
    _check(examples)
    how, levels_of = _cross_validated(examples)
    measured = [_measure(f"cross-validation over {how}", examples, levels_of)]
    levels = fit(examples)
    calibration = Calibration(
        reader=name,
        version=reader.version,
        conditions=conditions_of(reader),
        data=tuple(Path(name).name for name in data),  # it travels with the model; folders are nobody's business
        lines=len(examples),
        figures=measured[0].figures(),
        levels=levels,
    )
    unseen = examples_of(reader, others, watch)
    if any(example.read for example in unseen):
        measured.append(_measure("test lines", unseen, [levels] * len(unseen)))
    return calibration, measured


def measure(
    title: str, reader: LineReader, lines: Sequence[LabelledLine], levels: Levels, watch: Watch = lambda items: items
) -> Measured:
    """How good what is said of lines is that had no part in it.

    Raises:
        InputError: An image cannot be opened, or nothing was read.
    """
    examples = examples_of(reader, lines, watch)
    if not any(example.read for example in examples):
        raise InputError(f"Nothing was read in any of the {title}.", "Name lines that the reader can read.")
    return _measure(title, examples, [levels] * len(examples))


def _check(examples: Sequence[Example]) -> None:
    read = [example for example in examples if example.read]
    if len(read) < FEWEST:
        raise InputError(
            f"Only {len(read)} lines were read; what confidences are worth is learnt from {FEWEST} at least.",
            "Name more lines; none that the reader learnt from.",
        )
    exact = sum(example.exact for example in read)
    if exact in (0, len(read)):
        raise InputError(
            f"Of {len(read)} lines {'all' if exact else 'none'} were read without an error: "
            "nothing can be learnt about what tells sure ones from doubtful ones.",
            "Name lines of which the reader reads some rightly and some not.",
        )


def _cross_validated(examples: Sequence[Example]) -> tuple[str, list[Levels]]:
    """What is divided, and for each example what was found without its part."""
    units = {example.unit for example in examples if example.read}
    # Of a hand or two, single lines are all that can be divided.
    by_unit = len(units) >= PARTS
    keys = [example.unit if by_unit else str(n) for n, example in enumerate(examples)]
    names = [*sorted({key for key, example in zip(keys, examples, strict=True) if example.read})]
    order = np.random.default_rng(_SEED).permutation(len(names)).tolist()
    part = dict.fromkeys(keys, 0) | {names[place]: n % PARTS for n, place in enumerate(order)}
    found = {
        number: fit([example for example, key in zip(examples, keys, strict=True) if part[key] != number])
        for number in range(PARTS)
    }
    return "writers or documents" if by_unit else "single lines", [found[part[key]] for key in keys]


def _measure(title: str, examples: Sequence[Example], levels: Sequence[Levels]) -> Measured:
    """What was said of examples, each by its own levels, beside what is true."""
    some = [(example, one) for example, one in zip(examples, levels, strict=True) if example.read]
    read = [example for example, _ in some]
    return Measured(
        title,
        _joined([_own(example.evidence) for example in read]),
        _joined([one.judge(example.evidence) for example, one in some]),
        Truth(
            np.concatenate([example.characters for example in read]),
            np.concatenate([example.words for example in read]),
            np.array([example.exact for example in read]),
            np.array([example.errors for example in read], np.float64),
            np.array([example.read for example in read], np.float64),
            np.array([example.length for example in read], np.float64),
        ),
        empty=len(examples) - len(read),
    )


def _own(evidence: Evidence) -> Judged:
    """What the reader itself says: a word is as sure as its least sure character."""
    odds = evidence.characters[:, evidence.character_signals.index("sureness")]
    sure = 1 / (1 + np.exp(-odds))
    whole = 1 / (1 + np.exp(-evidence.line[evidence.line_signals.index("confidence")]))
    words = np.array([sure[start:end].min() for start, end in evidence.words])
    return Judged(sure, words, float(whole), float(1 - sure.mean()))


def _joined(judged: Sequence[Judged]) -> Said:
    return Said(
        np.concatenate([one.characters for one in judged]),
        np.concatenate([one.words for one in judged]),
        np.array([one.exact for one in judged]),
        np.array([one.errors for one in judged]),
    )
