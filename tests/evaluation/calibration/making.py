"""Lines whose reader is as sure as it is right, or not."""

import io

import numpy as np
from PIL import Image

from manuscribe.datasets.labelled import LabelledLine
from manuscribe.document import Character, Line

LETTERS = np.array(list("abcdefghij "))


class Guesser:
    """Reads what the lines say, but guesses some letters, of which it is less sure.

    The image of a line is as wide as the line's number, by which its text is known.
    """

    name, version = "guesser", "1"

    def __init__(self, texts, share=0.1, seed=0):
        self._texts, self._share, self._rng = texts, share, np.random.default_rng(seed)

    def read(self, lines, *, of_one_page=False):
        return [self._read(self._texts[line.shape[1] - 20]) for line in lines]

    def _read(self, text):
        doubt = self._rng.beta(0.4, 4, len(text)) * 2 * self._share / 0.2
        wrong = self._rng.random(len(text)) < np.clip(doubt, 0, 1)
        letters = [str(self._rng.choice(LETTERS[:10])) if bad else one for one, bad in zip(text, wrong, strict=True)]
        # Surer than it should be: what a network says.
        sure = np.clip(1 - np.clip(doubt, 0, 1) ** 2, 0.01, 1)
        characters = tuple(Character(one, float(p)) for one, p in zip(letters, sure, strict=True))
        return Line("".join(letters), float(sure.prod()), characters)


class Leaver(Guesser):
    """Reads but the first word of some lines: what is missing shows in how wide the letters would be."""

    def read(self, images, *, of_one_page=False):
        found = super().read(images)
        return [self._left(line) if self._rng.random() < 0.15 else line for line in found]

    def _left(self, line):
        characters = line.characters[:4]
        return Line("".join(one.text for one in characters), line.confidence, characters)


def lines(count, writers=10, seed=0, **known):
    """Lines of random words by some writers, and their texts."""
    rng = np.random.default_rng(seed)
    texts = [" ".join("".join(rng.choice(LETTERS[:10], 4)) for _ in range(5)) for _ in range(count)]
    made = []
    for number, text in enumerate(texts):
        file = io.BytesIO()
        Image.new("L", (20 + number, 8), 255).save(file, "PNG")
        made.append(LabelledLine(file.getvalue(), text, "made", f"w{number % writers}", **known))
    return made, texts
