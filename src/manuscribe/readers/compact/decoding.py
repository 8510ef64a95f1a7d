"""From CTC frames to text: greedy, or prefix beam search for several readings.

Graves et al. 2006 (CTC, forward variables); Hannun et al. 2014, arXiv 1408.2873 (prefix beam search). Class 0 is the
blank. All functions take log-probabilities T×C (T frames, C classes), which must be a distribution in every frame.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from manuscribe.text.characters import CharacterModel

Scores = NDArray[np.float32]
Alive = dict[int, tuple[float, float]]
"""Beginnings of texts, by number, with the log-probabilities of ending in a blank and in their last letter."""
BLANK = 0
_NEVER = -np.inf
_NOTHING = (_NEVER, _NEVER)
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
    leap = _leaps(states)
    forward = np.full(len(states), _NEVER)
    forward[:2] = scores[0, states[:2]]
    for frame in scores[1:, states]:
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
    for frame in scores:
        likely = np.flatnonzero(frame > _LIKELY).tolist()
        blank = float(frame[BLANK])
        if likely == [BLANK]:
            alive = {prefix: (_add(*ends) + blank, _NEVER) for prefix, ends in alive.items()}
            continue
        grown = _extend(alive, frame.tolist(), likely, tree)
        alive = tree.best(grown, width, behind)
    return [(tree.classes(prefix), _add(*ends) + tree.gains[prefix]) for prefix, ends in alive.items()]


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
    """The most probable state of each frame; scores T×S are those of the states."""
    leap = _leaps(states)
    best = np.full(scores.shape, _NEVER)
    best[0, :2] = scores[0, :2]
    for before, now, frame in zip(best, best[1:], scores[1:], strict=False):
        now[:] = before
        np.maximum(now[1:], before[:-1], out=now[1:])
        np.maximum(now[2:], before[:-2] + leap, out=now[2:])
        now += frame
    state = len(states) - 1 - int(best[-1, -1] < best[-1, -2])
    path = np.full(len(scores), state)
    for time in range(len(scores) - 1, 0, -1):
        came = best[time - 1, max(0, state - 2) : state + 1][::-1].tolist()  # from itself, from one before, from two
        if len(came) == 3 and leap[state - 2] == _NEVER:
            came.pop()
        state -= came.index(max(came))
        path[time - 1] = state
    return path


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

    def child(self, prefix: int, letter: int) -> int:
        """The beginning that is longer by a letter."""
        found = self._children.get((prefix, letter))
        if found is None:
            found = self._children[prefix, letter] = len(self._parents)
            self._parents.append(prefix)
            self.lasts.append(letter)
            gain = self.gains[prefix]
            if self._fusion:
                score, context = self._fusion.model.step(self._contexts[prefix], letter)
                gain += self._fusion.weight * score + self._fusion.bonus
                self._contexts.append(context)
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


def _extend(alive: Alive, frame: list[float], likely: list[int], tree: _Prefixes) -> Alive:
    """All beginnings that one frame makes of those alive: each as it is, and with each likely letter more."""
    grown: Alive = {}
    letters = [number for number in likely if number != BLANK]
    for prefix, (blank, letter) in alive.items():
        either, last = _add(blank, letter), tree.lasts[prefix]
        stays = letter + frame[last] if last != BLANK else _NEVER
        before = grown.get(prefix, _NOTHING)
        grown[prefix] = (_add(before[0], either + frame[BLANK]), _add(before[1], stays))
        for number in letters:
            longer = tree.child(prefix, number)
            before = grown.get(longer, _NOTHING)
            # The same letter twice needs a blank between.
            grown[longer] = (before[0], _add(before[1], (blank if number == last else either) + frame[number]))
    return grown


def _add(a: float, b: float) -> float:
    """log(exp a + exp b) for scalars; much faster than numpy's for single numbers."""
    if a < b:
        a, b = b, a
    return a if b == _NEVER else a + math.log1p(math.exp(b - a))
