"""The figure that a claim is about, with its interval, of texts in any form."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from manuscribe.evaluation.claims.card import Metric
from manuscribe.evaluation.counting import count
from manuscribe.evaluation.lines import Pair
from manuscribe.evaluation.resampling import Floats, Numbers, by_unit, interval, ratio, resampled, resampled_medians
from manuscribe.evaluation.scoring import Estimate


@dataclass(frozen=True, slots=True)
class Texts:
    """Truths and readings, as they are.

    Attributes:
        pairs: N of them.
        units: The numbers of the units that are resampled, N (`scoring.Units`).
    """

    pairs: tuple[Pair, ...]
    units: Numbers

    def part(self, places: Sequence[int]) -> "Texts":
        """Some of them."""
        return Texts(tuple(self.pairs[place] for place in places), self.units[list(places)])


def figure(texts: Texts, metric: Metric, form: Callable[[str], str]) -> Estimate:
    """The figure of some texts in a form; without an interval where there is but one unit."""
    if metric == "median_cer":
        return _median(texts, form)
    rows = np.array([_row(metric, form(truth), form(reading)) for truth, reading in texts.pairs], np.float64)
    sums = by_unit(rows.reshape(-1, 2), texts.units)
    value = _rate(sums.sum(axis=0, keepdims=True))[0]
    if len(sums) < 2:
        return Estimate(float(value))
    return Estimate(float(value), *interval(_rate(resampled(sums))))


def _median(texts: Texts, form: Callable[[str], str]) -> Estimate:
    rates = np.array([count(form(truth), form(reading)).rate for truth, reading in texts.pairs], np.float64)
    value = float(np.median(rates)) if len(rates) else 0.0
    if len(np.unique(texts.units)) < 2:
        return Estimate(value)
    return Estimate(value, *interval(resampled_medians(rates, texts.units)))


def _row(metric: Metric, truth: str, reading: str) -> tuple[float, float]:
    """What a line adds above and below the fraction bar."""
    if metric == "exact":
        return float(truth == reading), 1.0
    counts = count(truth.split(), reading.split()) if metric in ("wer", "mean_wer") else count(truth, reading)
    return (counts.rate, 1.0) if metric in ("mean_cer", "mean_wer") else (counts.errors, counts.length)


def _rate(sums: Floats) -> Floats:
    return ratio(sums[:, 0], sums[:, 1])
