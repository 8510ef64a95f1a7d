"""From CTC frames to text, each frame read as what it most probably is.

Graves et al. 2006. Class 0 is the blank. All functions take log-probabilities T×C (T frames, C classes), which must be
a distribution in every frame.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float32]
BLANK = 0


@dataclass(frozen=True, slots=True)
class Letter:
    """A decoded class with the frames it was seen in.

    Attributes:
        number: The class.
        start: First frame; `end` is the first frame after it.
        probability: Of the class in its surest frame.
    """

    number: int
    start: int
    end: int
    probability: float


def restrict(scores: Scores, allowed: NDArray[np.bool_]) -> Scores:
    """Forbid classes and share their probability among the rest; `allowed` is a mask of C that holds the blank."""
    kept = np.where(allowed, scores, -np.inf)
    total = np.logaddexp.reduce(kept, axis=1, keepdims=True)
    return np.asarray(kept - total, dtype=np.float32)


def collapsed(scores: Scores) -> list[int]:
    """The best class of each frame, repeats joined and blanks dropped."""
    best = scores.argmax(axis=1)
    new = np.append(True, best[1:] != best[:-1])[: len(best)]
    return [int(number) for number in best[new & (best != BLANK)].tolist()]


def greedy(scores: Scores) -> list[Letter]:
    """As `collapsed`, with the frames of each letter."""
    best = scores.argmax(axis=1)
    edges = np.flatnonzero(np.diff(best)) + 1
    starts, ends = [0, *edges.tolist()], [*edges.tolist(), len(best)]
    return [
        Letter(number, start, end, float(np.exp(scores[start:end, number].max())))
        for start, end in zip(starts, ends, strict=True)
        if start < end and (number := int(best[start])) != BLANK
    ]
