"""From CTC frames to text: greedy, or prefix beam search for several readings.

Graves et al. 2006 (CTC, forward variables); Hannun et al. 2014, arXiv 1408.2873 (prefix beam search). Class 0 is the
blank. All functions take log-probabilities T×C (T frames, C classes), which must be a distribution in every frame.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float32]
BLANK = 0
_NEVER = -np.inf
_LIKELY = np.log(1e-3)  # classes less probable than this in a frame are not worth a branch of the beam


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
    kept = np.where(allowed, scores, _NEVER)
    total = np.logaddexp.reduce(kept, axis=1, keepdims=True)
    return np.asarray(kept - total, dtype=np.float32)


def greedy(scores: Scores) -> list[Letter]:
    """The best class of each frame, repeats joined and blanks dropped."""
    best = scores.argmax(axis=1)
    edges = np.flatnonzero(np.diff(best)) + 1
    starts, ends = [0, *edges.tolist()], [*edges.tolist(), len(best)]
    return [
        Letter(number, start, end, float(np.exp(scores[start:end, number].max())))
        for start, end in zip(starts, ends, strict=True)
        if start < end and (number := int(best[start])) != BLANK
    ]


def log_probability(scores: Scores, numbers: list[int]) -> float:
    """Log-probability of a text (a list of classes): the sum over its alignments, by the forward recursion."""
    if len(scores) == 0:
        return 0.0 if not numbers else _NEVER
    states = np.full(2 * len(numbers) + 1, BLANK)
    states[1::2] = numbers
    # A letter may follow a letter without a blank between them unless both are the same.
    skip = np.zeros(len(states), dtype=bool)
    skip[2:] = (states[2:] != BLANK) & (states[2:] != states[:-2])
    forward = np.full(len(states), _NEVER)
    forward[:2] = scores[0, states[:2]]
    for frame in scores[1:, states]:
        stay_or_step = forward.copy()
        stay_or_step[1:] = np.logaddexp(forward[1:], forward[:-1])
        leap = np.where(skip[2:], forward[:-2], _NEVER)
        stay_or_step[2:] = np.logaddexp(stay_or_step[2:], leap)
        forward = stay_or_step + frame
    return float(np.logaddexp.reduce(forward[-2:]))


def beam(scores: Scores, width: int) -> list[tuple[list[int], float]]:
    """The `width` most probable texts found, best first, as (classes, log-probability)."""
    # A prefix's probability is kept apart for alignments that end in a blank and those that end in its last letter.
    prefixes: dict[tuple[int, ...], tuple[float, float]] = {(): (0.0, _NEVER)}
    for frame in scores:
        likely = np.flatnonzero(frame > _LIKELY)
        if len(likely) == 1 and likely[0] == BLANK:
            prefixes = {p: (_add(*ends) + float(frame[BLANK]), _NEVER) for p, ends in prefixes.items()}
            continue
        prefixes = _best(_extend(prefixes, frame, likely.tolist()), width)
    found = [(list(p), log_probability(scores, list(p))) for p in prefixes]
    return sorted(found, key=lambda text: -text[1])


def locate(scores: Scores, numbers: list[int]) -> list[Letter]:
    """The frames of each letter in the best alignment (Viterbi) of a text with the scores."""
    if not numbers or len(scores) == 0:
        return []
    states = np.full(2 * len(numbers) + 1, BLANK)
    states[1::2] = numbers
    path = _viterbi(np.asarray(scores[:, states], dtype=np.float64), states)
    letters = []
    for position, number in enumerate(numbers):
        frames = np.flatnonzero(path == 2 * position + 1)
        start, end = (int(frames[0]), int(frames[-1]) + 1) if len(frames) else (0, 1)
        letters.append(Letter(number, start, end, float(np.exp(scores[start:end, number].max()))))
    return letters


def _viterbi(scores: NDArray[np.float64], states: NDArray[np.int64]) -> NDArray[np.int64]:
    frames, count = scores.shape
    skip = np.zeros(count, dtype=bool)
    skip[2:] = (states[2:] != BLANK) & (states[2:] != states[:-2])
    best = np.full(count, _NEVER)
    best[:2] = scores[0, :2]
    came = np.zeros((frames, count), dtype=np.int64)
    for time in range(1, frames):
        steps = np.full((3, count), _NEVER)
        steps[0], steps[1, 1:], steps[2, 2:] = best, best[:-1], np.where(skip[2:], best[:-2], _NEVER)
        came[time] = steps.argmax(axis=0)
        best = steps.max(axis=0) + scores[time]
    path = np.zeros(frames, dtype=np.int64)
    path[-1] = count - 1 if best[-1] >= best[-2] else count - 2
    for time in range(frames - 1, 0, -1):
        path[time - 1] = path[time] - came[time, path[time]]
    return path


def _extend(
    prefixes: dict[tuple[int, ...], tuple[float, float]], frame: Scores, likely: list[int]
) -> dict[tuple[int, ...], tuple[float, float]]:
    grown: dict[tuple[int, ...], tuple[float, float]] = {}

    def add(prefix: tuple[int, ...], blank: float, letter: float) -> None:
        before = grown.get(prefix, (_NEVER, _NEVER))
        grown[prefix] = (_add(before[0], blank), _add(before[1], letter))

    for prefix, (blank, letter) in prefixes.items():
        either = _add(blank, letter)
        add(prefix, either + float(frame[BLANK]), _NEVER)
        last = prefix[-1] if prefix else BLANK
        if last != BLANK:
            add(prefix, _NEVER, letter + float(frame[last]))
        for number in likely:
            if number != BLANK:
                add((*prefix, number), _NEVER, (blank if number == last else either) + float(frame[number]))
    return grown


def _best(
    prefixes: dict[tuple[int, ...], tuple[float, float]], width: int
) -> dict[tuple[int, ...], tuple[float, float]]:
    ranked = sorted(prefixes.items(), key=lambda item: -_add(*item[1]))
    return dict(ranked[:width])


def _add(a: float, b: float) -> float:
    """log(exp a + exp b) for scalars; much faster than numpy's for single numbers."""
    if a < b:
        a, b = b, a
    return a if b == _NEVER else a + math.log1p(math.exp(b - a))
