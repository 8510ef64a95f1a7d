"""Prefix beam search: the most probable texts of CTC frames, with a character model if there is one.

Hannun et al. 2014, arXiv 1408.2873, in probabilities instead of logarithms, scaled where they become too small.
"""

import math
from bisect import insort
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from manuscribe.compiled import native
from manuscribe.readers.compact.decoding import BLANK, Scores
from manuscribe.text.characters import EMPTY, CharacterModel

_LIKELY = math.log(5e-3)  # classes less probable than this in a frame are taken for impossible there
_TINY, _HUGE = 1e-100, 1e100
_RAREST = -7.0  # nats; what is expected still less is no greater surprise

Contexts = tuple[int, int]
"""Of a fusion's two models."""
_NOWHERE: Contexts = EMPTY, EMPTY

_Path = tuple["_Path", int] | tuple[()]


@dataclass(frozen=True, slots=True)
class Fusion:
    """How a character model takes part in decoding.

    Attributes:
        model: What tells how probable letters are.
        weight: Of its log-probabilities beside those of the scores ("shallow fusion", Gülçehre et al. 2015,
            arXiv 1503.03535).
        bonus: Nats for each letter: makes up for what every further letter costs.
        habit: What the network expects by itself, after the texts that it learnt from ("density ratio", McDermott et
            al. 2019, arXiv 2002.11268).
        discount: The weight with which that is taken off.
    """

    model: CharacterModel
    weight: float
    bonus: float
    habit: CharacterModel | None = None
    discount: float = 0.0

    @property
    def start(self) -> "Contexts":
        """Where a text begins."""
        return self.model.start, self.habit.start if self.habit else EMPTY

    def gain(self, contexts: "Contexts", letter: int) -> float:
        """Nats that a letter adds."""
        gain = self.weight * self.model.score(contexts[0], letter) + self.bonus
        if self.habit:
            gain -= self.discount * max(_RAREST, self.habit.score(contexts[1], letter))
        return gain

    @property
    def most(self) -> float:
        """Nats that a letter adds at most."""
        return self.bonus - self.discount * _RAREST

    def after(self, contexts: "Contexts", letter: int) -> "Contexts":
        """The contexts behind a letter."""
        habitual = self.habit.step(contexts[1], letter)[1] if self.habit else EMPTY
        return self.model.step(contexts[0], letter)[1], habitual


class Found(NamedTuple):
    """A text that was found.

    Attributes:
        numbers: Its classes.
        score: In nats: what was seen of it, and what the character model adds.
        seen: Log-probability of the alignments that were followed.
    """

    numbers: list[int]
    score: float
    seen: float


def beam(scores: Scores, width: int, fusion: Fusion | None = None, behind: float = math.inf) -> list[Found]:
    """The `width` best texts found, best first.

    Args:
        scores: T×C log-probabilities (T frames, C classes), a distribution in every frame; class 0 is the blank.
        width: How many beginnings of texts are followed.
        fusion: What to ask how probable a letter is after those before; without it, only the scores count.
        behind: How far behind the best a beginning is given up, in nats.
    """
    if native:
        return _compiled(scores, width, fusion, math.exp(-behind))
    alive = [_Prefix((), BLANK, 0.0, fusion.start if fusion else _NOWHERE)]
    alive[0].blank = 1.0
    share, scale = math.exp(-behind), 0.0
    for step, (pause, blank, letters) in enumerate(_steps(scores)):
        if pause is not None:
            scale += pause
            for prefix in alive:
                prefix.blank, prefix.letter = prefix.blank + prefix.letter, 0.0
        if letters:
            alive = _best(_extended(alive, blank, letters, step, fusion, width, share), width, share)
        most = alive[0].blank + alive[0].letter
        if not _TINY < most < _HUGE and most:
            scale += math.log(most)
            for prefix in alive:
                prefix.blank, prefix.letter = prefix.blank / most, prefix.letter / most
    return [prefix.found(scale) for prefix in alive]


def _compiled(scores: Scores, width: int, fusion: Fusion | None, share: float) -> list[Found]:
    frames = np.ascontiguousarray(scores, np.float32)
    model, bonus = ((fusion.model.tables, fusion.model.start, fusion.weight), fusion.bonus) if fusion else (None, 0.0)
    habit = (fusion.habit.tables, fusion.habit.start, fusion.discount) if fusion and fusion.habit else None
    found = native.beam(frames, scores.shape[1], _LIKELY, width, share, model, habit, _RAREST, bonus)
    return [Found(*text) for text in found]


class _Prefix:
    """A beginning of texts. It does not know the one it came from, so that all go when the search is over.

    Attributes:
        last: Its last letter; `path` holds those before, too, each in a pair with the path that it was added to.
        gain: Nats that the character model adds.
        contexts: In which the next letter stands.
        blank: Probability of the alignments that end in a blank, the character model's part included.
        letter: The same of those that end in the last letter.
        step: In which it was last alive.
        children: Beginnings that are longer by a letter, by that letter.
    """

    __slots__ = ("blank", "children", "contexts", "gain", "last", "letter", "path", "step")

    def __init__(self, path: _Path, last: int, gain: float, contexts: Contexts) -> None:
        self.path, self.last, self.gain, self.contexts = path, last, gain, contexts
        self.blank = self.letter = 0.0
        self.step = -1
        self.children: dict[int, tuple[_Prefix, float]] = {}

    def longer(self, letter: int, mass: float, fusion: Fusion | None, least: float) -> "tuple[_Prefix, float] | None":
        """The beginning that is longer by a letter, with the factor that the character model has for it.

        `None` if that would make too little of the letter's probability.
        """
        if fusion is None:
            begun = _Prefix((self.path, letter), letter, self.gain, _NOWHERE), 1.0
        else:
            gain = fusion.gain(self.contexts, letter)
            factor = math.exp(gain)
            if mass * factor <= least:
                return None
            contexts = fusion.after(self.contexts, letter)
            begun = _Prefix((self.path, letter), letter, self.gain + gain, contexts), factor
        self.children[letter] = begun
        return begun

    def found(self, scale: float) -> Found:
        """It as a text."""
        total = self.blank + self.letter
        score = math.log(total) + scale if total else -math.inf
        letters: list[int] = []
        path = self.path
        while path:
            path, letter = path
            letters.append(letter)
        return Found(letters[::-1], score, score - self.gain)


def _steps(scores: Scores) -> Iterator[tuple[float | None, float, dict[int, float]]]:
    """Probability of the blank and of each likely letter, for each frame that has one.

    Before them the log-probability that the frames in between are blank, if there are any; at last without letters.
    """
    frames, letters = np.nonzero(scores[:, BLANK + 1 :] > _LIKELY)
    letters += BLANK + 1
    numbers, values = letters.tolist(), np.exp(scores[frames, letters], dtype=np.float64).tolist()
    ends = np.searchsorted(frames, np.arange(len(scores)), side="right").tolist()
    start, pause = 0, None
    for blank, end in zip(scores[:, BLANK].tolist(), ends, strict=True):
        if start == end:
            pause = (pause or 0.0) + blank
            continue
        yield pause, math.exp(blank), dict(zip(numbers[start:end], values[start:end], strict=True))
        start, pause = end, None
    yield pause, 1.0, {}


def _extended(
    alive: list[_Prefix],
    blank: float,
    letters: dict[int, float],
    step: int,
    fusion: Fusion | None,
    width: int,
    share: float,
) -> list[_Prefix]:
    """All beginnings that one frame makes of those alive: each as it is, and with each likely letter more.

    Those whose share of the best would be too small are not begun; most are not even shown to the character model.
    """
    before = [(prefix, prefix.blank, prefix.blank + prefix.letter) for prefix in alive]
    for prefix, _, either in before:
        prefix.blank = either * blank
        prefix.letter *= letters.get(prefix.last, 0.0)
        prefix.step = step
    masses = sorted(prefix.blank + prefix.letter for prefix in alive)
    behind = masses[-1] * share
    least = max(behind, masses[0]) if len(masses) == width else behind
    most = math.exp(fusion.most) if fusion else 1.0
    grown = list(alive)
    for prefix, ended, either in before:
        last, children = prefix.last, prefix.children
        for number, probability in letters.items():
            # The same letter twice needs a blank between.
            mass = (ended if number == last else either) * probability
            known = children.get(number)
            if known:
                child, factor = known
                mass *= factor
            elif mass * most <= least:
                continue
            else:
                begun = prefix.longer(number, mass, fusion, least)
                if begun is None:
                    continue
                child, factor = begun
                mass *= factor
            if child.step == step:
                child.letter += mass
            elif mass > least:
                child.step, child.blank, child.letter = step, 0.0, mass
                grown.append(child)
                insort(masses, mass)
                if len(masses) > width:
                    del masses[0]
                if len(masses) == width:
                    least = max(behind, masses[0])
    return grown


def _best(grown: list[_Prefix], width: int, share: float) -> list[_Prefix]:
    """The best beginnings, the very best first, without those that are too far behind it."""
    ranked = sorted([(prefix.blank + prefix.letter, place) for place, prefix in enumerate(grown)], reverse=True)[:width]
    least = ranked[0][0] * share
    return [grown[place] for mass, place in ranked if mass >= least]
