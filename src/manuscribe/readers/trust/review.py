"""Which lines a person should check, so that the others keep a promise."""

import numpy as np
from numpy.typing import NDArray

from manuscribe.readers.trust.signals import Floats

_WORST = 0.9  # error rate from which on nobody knows how much is missing
_ROUNDING = 1e-12  # by which a sum may miss a promise that is kept exactly


def expected_size(rates: Floats, read: Floats) -> Floats:
    """Characters of reading or truth, whichever is longer, as far as they can be guessed from what was read.

    An expected error rate is by these. What is not an error was read: so there are at most `read / (1 − rate)`. Where
    much is wrong, much may be missing, and the line weighs as much as it may.

    Args:
        rates: Expected error rate of each line, 0 to 1.
        read: Characters that were read in each.
    """
    return np.asarray(read / (1 - np.minimum(rates, _WORST)))


def acceptable(rates: Floats, lengths: Floats, promise: float) -> NDArray[np.bool_]:
    """The lines that can be left as they are: as many as together have an expected error rate of the promise.

    Args:
        rates: Expected errors by character of each line, 0 to 1.
        lengths: Characters of each line, as `expected_size` has them.
        promise: Error rate of all accepted lines together, 0 to 1.
    """
    order = np.argsort(rates, kind="stable")
    errors, characters = np.cumsum((rates * lengths)[order]), np.cumsum(lengths[order])
    kept = errors / np.maximum(characters, 1) <= promise + _ROUNDING
    count = len(order) if kept.all() else int(np.argmin(kept))
    accepted = np.zeros(len(order), np.bool_)
    accepted[order[:count]] = True
    return accepted


def expected_rate(rates: Floats, lengths: Floats) -> float | None:
    """The expected error rate of lines together; `None` if they have no characters."""
    characters = float(lengths.sum())
    return float((rates * lengths).sum()) / characters if characters else None
