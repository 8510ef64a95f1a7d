"""How far chance reaches: bootstrap intervals, and a test of differences.

What is drawn are units: whole groups of lines, for the lines of one writer are no independent witnesses, or single
lines where groups are not known. Everything is seeded: the same readings give the same intervals.

Sources: Efron and Tibshirani (1993), *An Introduction to the Bootstrap*, chapter 13 (percentile intervals); Noreen
(1989), *Computer-Intensive Methods for Testing Hypotheses* (approximate randomisation); Bisani and Ney (2004),
"Bootstrap Estimates for Confidence Intervals in ASR Performance Evaluation" (error rates as ratios of sums, and pairs).
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]

RESAMPLES = 2000
"""Sets that are drawn for an interval."""
SHUFFLES = 10_000
"""Exchanges that are drawn for a test."""
LEVEL = 0.95
_SEED = 20_241
_CELLS = 1 << 21  # numbers that are in memory together


def by_unit(columns: Floats, units: Numbers) -> Floats:
    """Sums of the rows of each unit, units×K, for rows N×K with their units' numbers (N)."""
    _, places = np.unique(units, return_inverse=True)
    sums = np.zeros((int(places.max(initial=-1)) + 1, columns.shape[1]))
    np.add.at(sums, places, columns)
    return sums


def resampled(sums: Floats) -> Floats:
    """Totals of `RESAMPLES` sets of as many units as there are, drawn with replacement: `RESAMPLES`×K for units×K."""
    return np.concatenate([times.astype(np.float64) @ sums for times in _draws(len(sums), len(sums))])


def resampled_medians(values: Floats, units: Numbers) -> Floats:
    """Medians of the values (N, with their units' numbers) in `RESAMPLES` sets that are drawn likewise."""
    _, places = np.unique(units, return_inverse=True)
    order = np.argsort(values, kind="stable")
    ranked, places = values[order], places[order]
    medians = []
    for times in _draws(int(places.max()) + 1, len(values)):
        reached = times[:, places].cumsum(axis=1)  # values of the set up to each one, in order
        total = reached[:, -1:]
        low, high = ((reached > middle).argmax(axis=1) for middle in ((total - 1) // 2, total // 2))
        medians.append((ranked[low] + ranked[high]) / 2)
    return np.concatenate(medians)


def _draws(units: int, width: int) -> Iterator[Numbers]:
    """How often each unit is in each of `RESAMPLES` sets: some sets×units at a time, few if they take much `width`."""
    generator = np.random.default_rng(_SEED)
    together = max(1, _CELLS // max(1, width))
    for start in range(0, RESAMPLES, together):
        size = min(together, RESAMPLES - start)
        drawn = generator.integers(units, size=(size, units)) + units * np.arange(size)[:, None]
        yield np.bincount(drawn.ravel(), minlength=size * units).reshape(size, units)


def ratio(errors: Floats, lengths: Floats) -> Floats:
    """Rates as `Counts.rate` has them: of no length 0 without errors, 1 with any."""
    return np.where(lengths > 0, errors / np.maximum(lengths, 1), errors > 0)


def interval(values: Floats) -> tuple[float, float]:
    """The percentile interval of `LEVEL` of resampled values."""
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(values, (tail, 1 - tail))
    return float(low), float(high)


def randomisation_test(differences: Floats) -> float:
    """The two-sided probability that differences (one a unit) as large as these in sum come of chance alone.

    If two readers are equally good, whose reading of a unit is whose does not matter: their readings are exchanged at
    random in half of the units, `SHUFFLES` times (Noreen 1989, with the observed one among the draws).
    """
    observed, generator = abs(float(differences.sum())), np.random.default_rng(_SEED)
    together = max(1, _CELLS // max(1, len(differences)))
    as_large = 0
    for start in range(0, SHUFFLES, together):
        size = min(together, SHUFFLES - start)
        signs = 2.0 * generator.integers(0, 2, size=(size, len(differences)), dtype=np.int8) - 1.0
        as_large += int((np.abs(signs @ differences) >= observed - 1e-9).sum())
    return (1 + as_large) / (1 + SHUFFLES)
