"""An answer as a passage of characters, each as sure as its token, from which lines are cut."""

import math
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise

from manuscribe.document import Character, Line
from manuscribe.readers.vlm.answers import Answer
from manuscribe.readers.vlm.documents import plain_text


@dataclass(frozen=True, slots=True)
class Passage:
    """What was read in an image, perhaps over several lines.

    Attributes:
        text: As the model wrote it, with its line breaks.
        tokens: For each character of the text the number of its token; empty where the runtime told no tokens.
        sureness: The natural logarithm of each token's probability.
        notes: What a person should know of all of it.
    """

    text: str
    tokens: tuple[int, ...] = ()
    sureness: tuple[float, ...] = ()
    notes: tuple[str, ...] = ()

    def line(self, start: int, end: int) -> Line:
        """The characters from `start` up to `end` as one line; white space at its ends is left out, within it is one.

        A line is as sure as all of its tokens together, a character as its token.
        """
        places = list(self._kept(start, end))
        if not self.tokens:
            return Line(text=unicodedata.normalize("NFC", "".join(letter for letter, _ in places)), notes=self.notes)
        characters: list[Character] = []
        for letter, place in places:
            sure = _probability(self.sureness[self.tokens[place]])
            if characters and unicodedata.combining(letter):  # one character with the letter that it stands on
                before = characters.pop()
                letter, sure = before.text + letter, min(sure, before.confidence or 0.0)
            characters.append(Character(unicodedata.normalize("NFC", letter), sure))
        used = {self.tokens[place] for _, place in places}
        return Line(
            text="".join(character.text for character in characters),
            confidence=_probability(sum(self.sureness[token] for token in used)) if used else None,
            characters=tuple(characters),
            notes=self.notes,
        )

    def _kept(self, start: int, end: int) -> Iterator[tuple[str, int]]:
        inner = self.text[start:end]
        first = start + len(inner) - len(inner.lstrip())
        last = start + len(inner.rstrip())
        for place in range(first, last):
            letter = self.text[place]
            if not letter.isspace():
                yield letter, place
            elif not self.text[place - 1].isspace():
                yield " ", place

    @property
    def lines(self) -> tuple[Line, ...]:
        """The lines as the model broke them; empty ones are left out."""
        return self.lines_in(0, len(self.text))

    def lines_in(self, start: int, end: int) -> tuple[Line, ...]:
        """The lines of a stretch; see `lines`."""
        rows = self.text[start:end].splitlines(keepends=True)
        edges = accumulate((len(row) for row in rows), initial=start)
        return tuple(line for line in (self.line(*pair) for pair in pairwise(edges)) if line.text)


def passage_of(answer: Answer, notes: tuple[str, ...]) -> Passage:
    """An answer with notes of it; of one that is XML, its text."""
    tokens = tuple(number for number, piece in enumerate(answer.pieces) for _ in piece.text)
    sureness = tuple(piece.log_probability for piece in answer.pieces)
    kept = plain_text(answer.text)
    if kept is None:
        return Passage(answer.text, tokens, sureness, notes)
    text = "".join(letter for letter, _ in kept)
    return Passage(text, tuple(tokens[place] for _, place in kept) if tokens else (), sureness, notes)


def _probability(logarithm: float) -> float:
    return round(math.exp(min(logarithm, 0.0)), 4)
