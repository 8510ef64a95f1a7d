"""CTC frames and a text: how probable it is, and where its letters stand.

Graves et al. 2006 (forward variables). Scores are log-probabilities T×C (T frames, C classes), a distribution in every
frame; class 0 is the blank.
"""

import math

import numpy as np
from numpy.typing import NDArray

from manuscribe.compiled import native
from manuscribe.readers.compact.decoding import BLANK, Letter, Scores

_NEVER = -np.inf
_SCALED_EVERY = 16  # frames, in which probabilities do not vanish yet


def log_probability(scores: Scores, numbers: list[int]) -> float:
    """Log-probability of a text (a list of classes): the sum over its alignments, by the forward recursion."""
    if len(scores) == 0:
        return 0.0 if not numbers else _NEVER
    states = np.full(2 * len(numbers) + 1, BLANK, np.int64)
    states[1::2] = numbers
    emitted = np.asarray(scores[:, states], dtype=np.float64)
    found = _forward_scaled(emitted, states)
    # A text that has next to nothing to do with the scores is lost among them; then in logarithms, twice as slow.
    return found if found > _NEVER else _forward(emitted, states)


def _forward_scaled(emitted: NDArray[np.float64], states: NDArray[np.int64]) -> float:
    """The forward recursion in probabilities, scaled now and then (Rabiner 1989, section V.A); −∞ where they vanish."""
    peaks = emitted.max(axis=1)
    if not np.isfinite(peaks).all():
        return _NEVER
    leap = np.exp(_leaps(states))
    leapt = np.empty_like(leap)
    before, now = np.zeros((2, len(states) + 1))  # a state that is never reached comes first
    before[1:3] = np.exp(emitted[0, :2] - peaks[0])
    scale = float(peaks.sum())
    for time, frame in enumerate(np.exp(emitted[1:] - peaks[1:, None])):
        np.add(before[1:], before[:-1], out=now[1:])
        np.multiply(before[1:-2], leap, out=leapt)
        now[3:] += leapt
        now[1:] *= frame
        if time % _SCALED_EVERY == 0:
            total = float(now.sum())
            if total == 0:
                return _NEVER
            scale += math.log(total)
            now /= total
        before, now = now, before
    last = float(before[-2:].sum())
    return scale + math.log(last) if last else _NEVER


def _forward(emitted: NDArray[np.float64], states: NDArray[np.int64]) -> float:
    leap = _leaps(states)
    forward = np.full(len(states), _NEVER)
    forward[:2] = emitted[0, :2]
    for frame in emitted[1:]:
        stay_or_step = forward.copy()
        stay_or_step[1:] = np.logaddexp(forward[1:], forward[:-1])
        stay_or_step[2:] = np.logaddexp(stay_or_step[2:], forward[:-2] + leap)
        forward = stay_or_step + frame
    return float(np.logaddexp.reduce(forward[-2:]))


def locate(scores: Scores, numbers: list[int]) -> list[Letter]:
    """The frames of each letter in the best alignment (Viterbi) of a text with the scores."""
    if not numbers or len(scores) == 0:
        return []
    states = np.full(2 * len(numbers) + 1, BLANK, np.int64)
    states[1::2] = numbers
    path = _viterbi(scores, states)
    places = np.arange(1, len(states), 2)
    starts, ends = (np.searchsorted(path, places, side) for side in ("left", "right"))
    along = np.where(path % 2, scores[np.arange(len(path)), states[path]], _NEVER)
    surest = np.maximum.reduceat(np.append(along, _NEVER), starts)
    missing = starts == ends  # of a text with more letters than frames
    starts, ends = np.where(missing, 0, starts), np.where(missing, 1, ends)
    surest = np.where(missing, scores[0, numbers], surest)
    return [Letter(*row) for row in zip(numbers, starts.tolist(), ends.tolist(), np.exp(surest).tolist(), strict=True)]


def _viterbi(scores: Scores, states: NDArray[np.int64]) -> NDArray[np.int64]:
    """The most probable state of each frame."""
    if native:
        frames = np.ascontiguousarray(scores, np.float32)
        return np.frombuffer(native.path(frames, scores.shape[1], states), np.int64)
    emitted = np.asarray(scores[:, states], dtype=np.float64)
    leap = np.concatenate([[_NEVER, _NEVER], _leaps(states)])
    best = np.full((len(emitted), len(states) + 2), _NEVER)  # two states that are never reached come first
    best[0, 2:4] = emitted[0, :2]
    same, one, two = best[:, 2:], best[:, 1:-1], best[:, :-2]
    from_two = np.empty(len(states))
    for stayed, stepped, leapt, now, frame in zip(same, one, two, same[1:], emitted[1:], strict=False):
        np.add(leapt, leap, out=from_two)
        np.maximum(stayed, stepped, out=now)
        np.maximum(now, from_two, out=now)
        np.add(now, frame, out=now)
    steps = np.where(two[:-1] + leap > np.maximum(one, same)[:-1], 2, one[:-1] > same[:-1])
    state = len(states) - 1 - int(best[-1, -1] < best[-1, -2])
    path = [state]
    for frame in range(len(steps) - 1, -1, -1):
        state -= steps.item((frame, state))
        path.append(state)
    return np.array(path[::-1])


def _leaps(states: NDArray[np.int64]) -> NDArray[np.float64]:
    """For each state but the first two: 0 if it may follow the one two before, as a letter unlike it may; else −∞."""
    return np.where((states[2:] != BLANK) & (states[2:] != states[:-2]), 0.0, _NEVER)
