"""What may have made a measured figure differ from the claimed one: what explains the difference comes first."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from manuscribe.evaluation.claims.card import METRICS, Claim, Metric
from manuscribe.evaluation.claims.figures import Texts, figure
from manuscribe.evaluation.claims.rereading import Reading
from manuscribe.evaluation.claims.surroundings import differences_in
from manuscribe.evaluation.claims.trials import Trial
from manuscribe.evaluation.claims.verdicts import is_near
from manuscribe.evaluation.scoring import Estimate

_PART = 0.2  # of the difference; less than that is told as without effect
_AVERAGES: tuple[tuple[Metric, ...], ...] = (("cer", "mean_cer", "median_cer"), ("wer", "mean_wer"))


@dataclass(frozen=True, slots=True)
class Cause:
    """Something that may have been different where the claim comes from.

    Attributes:
        what: It is.
        value: The claim's figure if it were so here; `None` where that was not measured.
        lines: On which it was measured.
        explains: Whether that is within the claim's tolerance.
        nearer: Whether it takes away a good part of the difference, at least.
    """

    kind: Literal["normalisation", "averaging", "split", "decoding", "libraries", "data"]
    what: str
    value: float | None = None
    lines: int = 0
    explains: bool = False
    nearer: bool = False


def causes_of(claim: Claim, reading: Reading, measured: Estimate, trials: Sequence[Trial]) -> list[Cause]:
    """Everything that was tried, each alone, and what could not be: those that explain the difference first.

    Args:
        claim: That did not hold.
        reading: Of its lines.
        measured: Its figure.
        trials: Lines read with other settings, and of other splits.
    """
    found = [
        *_of_comparison(claim, reading),
        *_of_splits(claim, reading),
        *_of_trials(claim, measured, trials),
        *_of_surroundings(claim, reading, trials),
    ]
    return sorted((_judged(claim, measured, cause) for cause in found), key=lambda cause: _rank(claim, cause))


def _judged(claim: Claim, measured: Estimate, cause: Cause) -> Cause:
    if cause.value is None:
        return cause
    left = abs(cause.value - claim.value)
    nearer = left <= (1 - _PART) * abs(measured.value - claim.value)
    return replace(cause, explains=is_near(claim, cause.value), nearer=nearer)


def _rank(claim: Claim, cause: Cause) -> tuple[int, float]:
    """What explains, what comes nearer, what is not measured, what has no effect; in each the nearest first."""
    if cause.value is None:
        return 2, 0.0
    return 0 if cause.explains else 1 if cause.nearer else 3, abs(cause.value - claim.value)


def _of_comparison(claim: Claim, reading: Reading) -> Iterator[Cause]:
    texts, of = reading.texts, reading.lines
    for form in claim.form.variants():
        # Of pages there are only texts in normal form.
        if reading.evaluation.kind == "lines" or form.normalisation == "default":
            yield Cause("normalisation", form.name, figure(texts, claim.metric, form).value, of)
    for other in next((alike for alike in _AVERAGES if claim.metric in alike), ()):
        if other != claim.metric:
            yield Cause("averaging", METRICS[other], figure(texts, other, claim.form).value, of)


def _of_splits(claim: Claim, reading: Reading) -> Iterator[Cause]:
    """Of each split alone, where the claim does not say which."""
    splits = [reading.evaluation.samples[number].split for number in reading.numbers]
    for split in sorted(set(splits)) if len(set(splits)) > 1 else ():
        places = [place for place, one in enumerate(splits) if one == split]
        what = f"split {split} alone" if split else "lines of no split alone"
        yield Cause("split", what, figure(reading.texts.part(places), claim.metric, claim.form).value, len(places))


def _of_trials(claim: Claim, measured: Estimate, trials: Sequence[Trial]) -> Iterator[Cause]:
    def value(texts: Texts) -> float:
        return figure(texts, claim.metric, claim.form).value

    for trial in trials:
        if trial.texts is not None:
            after = value(trial.texts)
            at = after if trial.before is None else max(0.0, measured.value + after - value(trial.before))
            yield Cause(trial.kind, trial.what, at, len(trial.texts.pairs))


def _of_surroundings(claim: Claim, reading: Reading, trials: Sequence[Trial]) -> Iterator[Cause]:
    """What is known to differ and was not measured."""
    if claim.lines not in (None, reading.lines):
        yield Cause("data", f"{claim.lines:,} lines stated, {reading.lines:,} found")
    if problems := len(reading.evaluation.problems):
        yield Cause("data", f"{problems} lines or pages could not be opened or read here")
    yield from (Cause("libraries", what) for what in differences_in(claim))
    yield from (Cause(t.kind, f"{t.what}, which cannot be tried: {t.problem}") for t in trials if t.texts is None)
