"""By what the embedded reader's sure readings differ from its doubtful ones."""

from collections.abc import Sequence

import numpy as np
from rapidfuzz.distance import Levenshtein

from manuscribe.readers.compact.decoding import BLANK, Fusion, Letter, Scores, log_probability
from manuscribe.readers.trust.features import log_odds
from manuscribe.readers.trust.signals import Floats, Signals

Hypotheses = Sequence[tuple[list[int], float]]
"""Texts as classes with their probabilities among all that were found, the best first."""
_LEAST = -12.0  # log-probability; below it nothing differs any more


def signals_of(scores: Scores, letters: Sequence[Letter], texts: Hypotheses, fusion: Fusion | None) -> Signals:
    """The signals of a reading.

    Args:
        scores: T×C.
        letters: Of the best text.
    """
    frames = np.maximum(scores, _LEAST).astype(np.float64)
    numbers = [letter.number for letter in letters]
    return Signals(
        characters={
            "rival": _rivals(frames, letters),
            "skipped": _skipped(frames, letters),
            "expected": _expected(numbers, fusion),
            "agreed": log_odds(_agreed(numbers, texts)),
            "width": np.array([letter.end - letter.start for letter in letters], np.float64),
        },
        line={
            "seen": max(_LEAST, log_probability(scores, numbers) / max(1, len(numbers))),
            "lead": texts[0][1] - texts[1][1] if len(texts) > 1 else 1.0,
            "entropy": float(np.log(1e-4 - (np.exp(frames) * frames).sum() / max(1, len(numbers)))),
        },
    )


def _rivals(frames: Floats, letters: Sequence[Letter]) -> Floats:
    """Log-probability of the strongest other letter where each one stands, a frame around it included."""
    found = np.full(len(letters), _LEAST)
    for place, letter in enumerate(letters):
        there = frames[max(0, letter.start - 1) : letter.end + 1].copy()
        there[:, [BLANK, letter.number]] = _LEAST
        found[place] = there.max(initial=_LEAST)
    return found


def _skipped(frames: Floats, letters: Sequence[Letter]) -> Floats:
    """Log-probability of the strongest letter between each one and the next that is neither of them."""
    found = np.full(len(letters), _LEAST)
    for place, letter in enumerate(letters):
        last = place + 1 == len(letters)
        end = len(frames) if last else letters[place + 1].start
        between = frames[letter.end : end].copy()
        between[:, [BLANK, letter.number, letter.number if last else letters[place + 1].number]] = _LEAST
        found[place] = between.max(initial=_LEAST)
    return found


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
