"""How good probabilities are."""

from dataclasses import dataclass

import numpy as np

from manuscribe.evaluation.calibration.examples import Truths
from manuscribe.evaluation.resampling import Floats

BINS = 10
"""Of equal width, as is usual."""


@dataclass(frozen=True, slots=True)
class Bin:
    """What was said with about the same probability.

    Attributes:
        said: The mean probability.
        true: The share that is right.
        count: How many.
    """

    said: float
    true: float
    count: int


def reliability(probabilities: Floats, right: Truths) -> list[Bin]:
    """What was said and what is true, in bins of the probability; empty bins are left out."""
    places = np.minimum((probabilities * BINS).astype(int), BINS - 1)
    chosen = [places == place for place in range(BINS)]
    return [
        Bin(float(probabilities[one].mean()), float(right[one].mean()), int(one.sum())) for one in chosen if one.any()
    ]


def calibration_error(probabilities: Floats, right: Truths) -> float:
    """The expected calibration error: what is said less what is true, the mean of all bins by their size.

    Guo et al. 2017, arXiv 1706.04599, section 2; 0 for nothing at all.
    """
    bins = reliability(probabilities, right)
    return sum(abs(one.said - one.true) * one.count for one in bins) / max(1, len(right))


def auroc(scores: Floats, right: Truths) -> float | None:
    """The probability that something right has a higher score than something wrong, equal ones counting half.

    `None` where all are right or all wrong.
    """
    positives, negatives = int(right.sum()), int((~right).sum())
    if not positives or not negatives:
        return None
    _, places, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places]
    return float((ranks[right].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def errors_found(expected: Floats, errors: Floats, shares: Floats) -> Floats:
    """Which share of all errors is in the lines of which most errors are expected.

    Args:
        expected: Errors, of each line.
        errors: That it has.
        shares: Of the lines, those with the most expected errors first; 0 to 1.
    """
    order = np.argsort(-expected, kind="stable")
    found = np.concatenate([[0.0], np.cumsum(errors[order])])
    return np.asarray(found[np.round(shares * len(order)).astype(int)] / max(1.0, float(errors.sum())))
