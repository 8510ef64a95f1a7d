"""From what the network saw in a line to its text: the best readings, and where their letters stand."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from manuscribe.document import Alternative, Character, Line, Polygon
from manuscribe.readers.compact.alignment import locate, log_probability
from manuscribe.readers.compact.decoding import Letter, Scores, collapsed, greedy
from manuscribe.readers.compact.lines import is_squeezed, scaled_width
from manuscribe.readers.compact.search import Found, Fusion, beam

BEAMS = 32
"""Beginnings that are followed; fewer misread more, more gain little (recipes/README.md)."""
_COMPARED = 8  # texts, at most, share a line's probability among themselves
SQUEEZED = "squeezed: the line is too long for its height"
_PIXELS_A_FRAME = 4
_BEHIND = 6.0  # nats; whoever wants other readings gets them however improbable


@dataclass(frozen=True)
class Seen:
    """A line as the network sees it.

    Attributes:
        scores: T×C.
        size: Of its image, height and width.
        share: Log of the probability that is left where `scores` were shared out anew among fewer classes.
        rows: Of the image, or with paper around it, that were scaled to the network's height; by default all.
    """

    scores: Scores
    size: tuple[int, int]
    share: float = 0.0
    rows: int | None = None

    @property
    def shown(self) -> tuple[int, int]:
        """What was scaled to the network's height: height and width."""
        return self.rows or self.size[0], self.size[1]

    @cached_property
    def numbers(self) -> list[int]:
        """The text that its surest classes are, one by one."""
        return collapsed(self.scores)


@dataclass(frozen=True, slots=True)
class Reading:
    """A line with what it was read from.

    Attributes:
        score: Of its text, in nats.
        likelihood: Log-probability of its text, outer spaces included, by what was seen alone.
        letters: Of its text, those of outer spaces left out.
        texts: That were found, the best first, at most eight, with their probabilities among those that come near.
        fusion: The character model that took part.
    """

    line: Line
    seen: Seen
    score: float
    likelihood: float
    letters: list[Letter]
    texts: list[tuple[list[int], float]]
    fusion: Fusion | None


class Decoder:
    """Finds the texts of a line.

    Args:
        characters: Of the classes from 1 on.
        beams: How many beginnings are followed; 1 reads letter by letter, without a character model.
        nbest: How many readings are wanted; some more beginnings are followed then, since a few may be the same text.
    """

    def __init__(self, characters: str, beams: int, nbest: int) -> None:
        self._characters, self._nbest = characters, nbest
        self._width = max(beams, nbest + 4 if nbest > 1 else 1)
        self._compared = min(beams, _COMPARED)
        self._spaces = {number for number, character in enumerate(characters, start=1) if character.isspace()}

    def __call__(self, seen: Seen, fusion: Fusion | None) -> Reading:
        """The best reading of a line, and as many others as are wanted."""
        scores = seen.scores
        if self._width == 1:
            letters = greedy(scores)
            numbers = [letter.number for letter in letters]
            score = likelihood = log_probability(scores, numbers)
            texts = [(numbers, _probability(score))]
        else:
            found = beam(scores, self._width, fusion, _BEHIND if self._nbest == 1 else math.inf)
            score, texts = found[0].score, self._distinct(found)
            likelihood = next(text.seen for text in found if text.numbers is texts[0][0])
            letters = locate(scores, texts[0][0])
        letters = self._inner(letters)
        characters = self._characters_of(letters, seen)
        line = Line(
            text="".join(character.text for character in characters),
            confidence=texts[0][1],
            characters=characters,
            alternatives=tuple(
                Alternative(self.text(numbers), confidence) for numbers, confidence in texts[1 : self._nbest]
            ),
            notes=(SQUEEZED,) if is_squeezed(*seen.shown) else (),
        )
        return Reading(line, seen, seen.share + score, likelihood, letters, texts[: self._compared], fusion)

    def text(self, numbers: Sequence[int]) -> str:
        """Classes as a text, without outer spaces."""
        return "".join(self._characters[number - 1] for number in numbers).strip()

    def _distinct(self, texts: list[Found]) -> list[tuple[list[int], float]]:
        """Readings with how probable each is among all that were found.

        Those that differ in outer spaces only are one, and as probable as all of them together.
        """
        merged: dict[tuple[int, ...], tuple[list[int], float]] = {}
        for numbers, score, _ in texts:
            inner = self._without_outer_spaces(numbers)
            first, before = merged.get(inner, (numbers, -math.inf))
            merged[inner] = (first, float(np.logaddexp(before, score)))
        ranked = sorted(merged.values(), key=lambda reading: -reading[1])
        # Asking for more readings must not make the best one less sure: those far behind have no part in the sum.
        near = [score for _, score in ranked[: self._compared] if score >= ranked[0][1] - _BEHIND]
        # With one beam each text has its own probability, as where it is read letter by letter.
        total = float(np.logaddexp.reduce(near)) if self._compared > 1 else 0.0
        return [(numbers, _probability(score - total)) for numbers, score in ranked[: max(self._nbest, self._compared)]]

    def _without_outer_spaces(self, numbers: list[int]) -> tuple[int, ...]:
        start, end = 0, len(numbers)
        while start < end and numbers[start] in self._spaces:
            start += 1
        while end > start and numbers[end - 1] in self._spaces:
            end -= 1
        return tuple(numbers[start:end])

    def _inner(self, letters: list[Letter]) -> list[Letter]:
        """The letters without outer spaces."""
        written = [k for k, letter in enumerate(letters) if letter.number not in self._spaces]
        return letters[written[0] : written[-1] + 1] if written else []

    def _characters_of(self, letters: list[Letter], seen: Seen) -> tuple[Character, ...]:
        return tuple(
            Character(self._characters[letter.number - 1], round(letter.probability, 4), box)
            for letter, box in zip(letters, _boxes(letters, seen), strict=True)
        )


def _boxes(letters: Sequence[Letter], seen: Seen) -> list[Polygon]:
    """Where letters stand in the line image, over its whole height.

    CTC sees a letter in a frame or two near its middle, so two letters meet halfway between their frames.
    """
    if not letters:
        return []
    height, width = seen.size
    gaps = [after.start - before.end for before, after in pairwise(letters)]
    first, last = letters[0], letters[-1]
    edges = [first.start - (gaps[0] if gaps else 2) / 2]
    edges += [(before.end + after.start) / 2 for before, after in pairwise(letters)]
    edges += [last.end + (gaps[-1] if gaps else 2) / 2]
    scale = width / scaled_width(*seen.shown) * _PIXELS_A_FRAME
    places = np.clip(np.array(edges) * scale, 0, width).round(2).tolist()
    return [((x, 0.0), (end, 0.0), (end, float(height)), (x, float(height))) for x, end in pairwise(places)]


def _probability(score: float) -> float:
    return round(math.exp(min(score, 0.0)), 4)
