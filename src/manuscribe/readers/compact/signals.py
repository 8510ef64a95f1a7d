"""By what the embedded reader's sure readings differ from its doubtful ones."""

from collections.abc import Sequence

import numpy as np
from rapidfuzz.distance import Levenshtein

from manuscribe.readers.compact.decoding import BLANK, Letter, Scores
from manuscribe.readers.compact.search import Fusion
from manuscribe.readers.trust.features import log_odds
from manuscribe.readers.trust.signals import Floats, Signals

Hypotheses = Sequence[tuple[list[int], float]]
"""Texts as classes with their probabilities among all that were found, the best first."""
_LEAST = -12.0  # log-probability; below it nothing differs any more


def signals_of(
    scores: Scores, letters: Sequence[Letter], likelihood: float, texts: Hypotheses, fusion: Fusion | None
) -> Signals:
    """The signals of a reading.

    Args:
        scores: T×C.
        letters: Of the best text.
        likelihood: Its log-probability, by what was seen alone.
    """
    strongest = _Strongest(scores)
    numbers = [letter.number for letter in letters]
    frames = np.maximum(scores, np.float32(_LEAST))
    entropy = -float((np.exp(frames) * frames).sum(dtype=np.float64))
    return Signals(
        characters={
            "rival": _rivals(strongest, letters),
            "skipped": _skipped(strongest, letters),
            "expected": _expected(numbers, fusion),
            "agreed": log_odds(_agreed(numbers, texts)),
            "width": np.array([letter.end - letter.start for letter in letters], np.float64),
        },
        line={
            "seen": max(_LEAST, likelihood / max(1, len(numbers))),
            "lead": texts[0][1] - texts[1][1] if len(texts) > 1 else 1.0,
            "entropy": float(np.log(1e-4 + entropy / max(1, len(numbers)))),
        },
    )


class _Strongest:
    """The strongest letters of each frame: as many as are needed when two of them do not count."""

    def __init__(self, scores: Scores) -> None:
        self.frames = len(scores)
        left, every = scores.copy(), np.arange(len(scores))
        left[:, BLANK] = -np.inf
        classes, values = [], []
        for _ in range(3):
            best = left.argmax(axis=1)
            classes.append(best)
            values.append(left[every, best])
            left[every, best] = -np.inf
        self._classes = np.array(classes)
        self._values = np.maximum(np.array(values, np.float64), _LEAST)

    def between(self, starts: Sequence[int], ends: Sequence[int], excluded: Sequence[Sequence[int]]) -> Floats:
        """Log-probability of the strongest letter of each run of frames, one or two letters excluded from each."""
        start = np.array(starts, np.int64).clip(0)
        end = np.array(ends, np.int64).clip(None, self.frames)
        lengths = np.maximum(end - start, 0)
        run = np.repeat(np.arange(len(start)), lengths)
        frame = np.arange(len(run)) + (start - np.cumsum(lengths) + lengths)[run]
        classes, values = self._classes[:, frame], self._values[:, frame]
        for ones in np.array(excluded, np.int64).T:
            values = np.where(classes == ones[run], _LEAST, values)
        found = np.full(len(start), _LEAST)
        np.maximum.at(found, run, values.max(axis=0, initial=_LEAST))
        return found


def _rivals(strongest: _Strongest, letters: Sequence[Letter]) -> Floats:
    """Log-probability of the strongest other letter where each one stands, a frame around it included."""
    starts, ends = [letter.start - 1 for letter in letters], [letter.end + 1 for letter in letters]
    return strongest.between(starts, ends, [[letter.number] for letter in letters])


def _skipped(strongest: _Strongest, letters: Sequence[Letter]) -> Floats:
    """Log-probability of the strongest letter between each one and the next that is neither of them."""
    nexts = [*letters[1:], *letters[-1:]]
    starts, ends = [letter.end for letter in letters], [letter.start for letter in letters[1:]]
    if letters:
        ends.append(strongest.frames)
    pairs = [[one.number, other.number] for one, other in zip(letters, nexts, strict=True)]
    return strongest.between(starts, ends, pairs)


def _expected(numbers: Sequence[int], fusion: Fusion | None) -> Floats:
    """Log-probability of each letter after those before it; 0 where no character model takes part."""
    if fusion is None:
        return np.zeros(len(numbers))
    return np.maximum(np.array(fusion.model.scores(numbers), np.float64), _LEAST)


def _agreed(numbers: list[int], texts: Hypotheses) -> Floats:
    """How probable the texts are together in which each letter is the same."""
    agreed = np.zeros(len(numbers))
    for other, probability in texts:
        for block in Levenshtein.opcodes(numbers, other):
            if block.tag == "equal":
                agreed[block.src_start : block.src_end] += probability
    return agreed
