"""From CTC frames to text: greedy, or prefix beam search for several readings.

Graves et al. 2006 (CTC, forward variables); Hannun et al. 2014, arXiv 1408.2873 (prefix beam search). Class 0 is the
blank. All functions take log-probabilities T×C (T frames, C classes), which must be a distribution in every frame.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from manuscribe.text.characters import CharacterModel

Scores = NDArray[np.float32]
Alive = dict[int, tuple[float, float]]
"""Beginnings of texts, by number, with the log-probabilities of ending in a blank and in their last letter."""
BLANK = 0
_NEVER = -np.inf
_NOTHING = (_NEVER, _NEVER)
_SCALED_EVERY = 16  # frames, in which probabilities do not vanish yet
_LIKELY = np.log(5e-3)  # classes less probable than this in a frame are not worth a branch of the beam


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


@dataclass(frozen=True, slots=True)
class Fusion:
    """How a character model takes part in decoding.

    Attributes:
        model: What tells how probable letters are.
        weight: Of its log-probabilities beside those of the scores ("shallow fusion", Gülçehre et al. 2015,
            arXiv 1503.03535).
        bonus: Nats for each letter: makes up for what every further letter costs.
    """

    model: CharacterModel
    weight: float
    bonus: float


def restrict(scores: Scores, allowed: NDArray[np.bool_]) -> Scores:
    """Forbid classes and share their probability among the rest; `allowed` is a mask of C that holds the blank."""
    kept = np.where(allowed, scores, _NEVER)
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


def log_probability(scores: Scores, numbers: list[int]) -> float:
    """Log-probability of a text (a list of classes): the sum over its alignments, by the forward recursion."""
    if len(scores) == 0:
        return 0.0 if not numbers else _NEVER
    states = np.full(2 * len(numbers) + 1, BLANK)
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


def beam(
    scores: Scores, width: int, fusion: Fusion | None = None, behind: float = math.inf
) -> list[tuple[list[int], float]]:
    """The `width` best texts found, best first, as (classes, score).

    A score is the log-probability of the alignments that were followed; with a character model, what it adds as well.

    Args:
        width: How many beginnings of texts are followed.
        fusion: What to ask how probable a letter is after those before; without it, only the scores count.
        behind: How far behind the best a beginning is given up, in nats.
    """
    tree = _Prefixes(fusion)
    # A prefix's probability is kept apart for alignments that end in a blank and those that end in its last letter.
    alive: Alive = {0: (0.0, _NEVER)}
    for frame, letters in zip(scores, _likely_letters(scores), strict=True):
        blank = float(frame[BLANK])
        if not letters and blank > _LIKELY:
            alive = {prefix: (_add(*ends) + blank, _NEVER) for prefix, ends in alive.items()}
        else:
            alive = tree.best(_extend(alive, frame, letters, tree, behind), width, behind)
    return [(tree.classes(prefix), _add(*ends) + tree.gains[prefix]) for prefix, ends in alive.items()]


def _likely_letters(scores: Scores) -> list[list[tuple[int, float]]]:
    """The letters of each frame that are worth a branch, with their log-probabilities."""
    frames, letters = np.nonzero(scores[:, BLANK + 1 :] > _LIKELY)
    letters += BLANK + 1
    pairs = list(zip(letters.tolist(), scores[frames, letters].tolist(), strict=True))
    ends = np.searchsorted(frames, np.arange(len(scores)), side="right").tolist()
    return [pairs[start:end] for start, end in pairwise([0, *ends])]


def locate(scores: Scores, numbers: list[int]) -> list[Letter]:
    """The frames of each letter in the best alignment (Viterbi) of a text with the scores."""
    if not numbers or len(scores) == 0:
        return []
    states = np.full(2 * len(numbers) + 1, BLANK)
    states[1::2] = numbers
    emitted = np.asarray(scores[:, states], dtype=np.float64)
    path = _viterbi(emitted, states)
    places = np.arange(1, len(states), 2)
    starts, ends = (np.searchsorted(path, places, side) for side in ("left", "right"))
    missing = starts == ends  # of a text with more letters than frames
    starts, ends = np.where(missing, 0, starts), np.where(missing, 1, ends)
    surest = [emitted[start:end, place].max() for start, end, place in zip(starts, ends, places, strict=True)]
    rows = zip(numbers, starts.tolist(), ends.tolist(), np.exp(surest).tolist(), strict=True)
    return [Letter(*row) for row in rows]


def _viterbi(scores: NDArray[np.float64], states: NDArray[np.int64]) -> NDArray[np.int64]:
    """The most probable state of each frame; scores T×S are those of the states."""
    leap = np.concatenate([[_NEVER, _NEVER], _leaps(states)])
    best = np.full((len(scores), len(states) + 2), _NEVER)  # two states that are never reached come first
    best[0, 2:4] = scores[0, :2]
    from_two = np.empty(len(states))
    for before, now, frame in zip(best, best[1:, 2:], scores[1:], strict=False):
        np.add(before[:-2], leap, out=from_two)
        np.maximum(before[2:], before[1:-1], out=now)
        np.maximum(now, from_two, out=now)
        now += frame
    came = np.stack([best[:-1, 2:], best[:-1, 1:-1], best[:-1, :-2] + leap]).argmax(axis=0).tolist()
    state = len(states) - 1 - int(best[-1, -1] < best[-1, -2])
    path = [state]
    for steps in reversed(came):
        state -= steps[state]
        path.append(state)
    return np.array(path[::-1])


def _leaps(states: NDArray[np.int64]) -> NDArray[np.float64]:
    """For each state but the first two: 0 if it may follow the one two before, as a letter unlike it may; else −∞."""
    return np.where((states[2:] != BLANK) & (states[2:] != states[:-2]), 0.0, _NEVER)


class _Prefixes:
    """Beginnings of texts as a tree, numbered; the empty one is 0. What the character model says is kept with each."""

    def __init__(self, fusion: Fusion | None) -> None:
        self._fusion = fusion
        self._children: dict[tuple[int, int], int] = {}
        self._parents = [0]
        self.lasts = [BLANK]
        self.gains = [0.0]
        """What the character model adds to each beginning's score."""
        self._contexts = [fusion.model.start] if fusion else []

    def child(self, prefix: int, letter: int, least: float) -> int | None:
        """The beginning that is longer by a letter; `None` for a new one that adds less than `least` to the score."""
        found = self._children.get((prefix, letter))
        if found is not None:
            return found
        gain = self.gains[prefix]
        if self._fusion:
            if gain + self._fusion.bonus < least:
                return None
            score, context = self._fusion.model.step(self._contexts[prefix], letter)
            gain += self._fusion.weight * score + self._fusion.bonus
        if gain < least:
            return None
        if self._fusion:
            self._contexts.append(context)
        found = self._children[prefix, letter] = len(self._parents)
        self._parents.append(prefix)
        self.lasts.append(letter)
        self.gains.append(gain)
        return found

    def best(self, alive: Alive, width: int, behind: float) -> Alive:
        """The best beginnings, the very best first, without those that are too far behind it."""
        scores = {prefix: _add(*ends) + self.gains[prefix] for prefix, ends in alive.items()}
        ranked = sorted(scores, key=scores.__getitem__, reverse=True)[:width]
        least = scores[ranked[0]] - behind
        return {prefix: alive[prefix] for prefix in ranked if scores[prefix] >= least}

    def classes(self, prefix: int) -> list[int]:
        """The letters of a beginning."""
        letters = []
        while prefix:
            letters.append(self.lasts[prefix])
            prefix = self._parents[prefix]
        return letters[::-1]


def _extend(
    alive: Alive, frame: NDArray[np.float32], letters: list[tuple[int, float]], tree: _Prefixes, behind: float
) -> Alive:
    """All beginnings that one frame makes of those alive: each as it is, and with each likely letter more.

    Those that would be too far behind the best are not begun; most of them are not even shown to the character model.
    """
    grown: Alive = {}
    eithers = []
    blank_now, best = float(frame[BLANK]), _NEVER
    for prefix, (blank, letter) in alive.items():
        either, last = _add(blank, letter), tree.lasts[prefix]
        stays = letter + float(frame[last]) if last != BLANK and letter != _NEVER else _NEVER
        grown[prefix] = (either + blank_now, stays)
        eithers.append(either)
        best = max(best, max(grown[prefix]) + tree.gains[prefix])
    least = best - behind
    for (prefix, (blank, _)), either in zip(alive.items(), eithers, strict=True):
        last = tree.lasts[prefix]
        for number, now in letters:
            # The same letter twice needs a blank between.
            score = (blank if number == last else either) + now
            if score == _NEVER:
                continue
            longer = tree.child(prefix, number, least - score)
            if longer is not None:
                before = grown.get(longer, _NOTHING)
                grown[longer] = (before[0], _add(before[1], score))
    return grown


def _add(a: float, b: float) -> float:
    """log(exp a + exp b) for scalars; much faster than numpy's for single numbers."""
    if a < b:
        a, b = b, a
    return a if b == _NEVER else a + math.log1p(math.exp(b - a))
