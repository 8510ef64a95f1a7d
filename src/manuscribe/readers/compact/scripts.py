"""Lines whose script is known: the scores of other scripts' letters go to those that are written alike.

In running handwriting most Cyrillic letters are the strokes of Latin ones: т is m, и is u, п is n, д is g. A network
that has seen many Latin pens and few Cyrillic ones sees the strokes rightly and names the wrong letters.
"""

import numpy as np

from manuscribe.readers.compact.decoding import BLANK, Scores
from manuscribe.text.charset import SCRIPTS, script

_SHARE = 0.5  # of a letter's probability, for each that is written like it
_WRITTEN_AS = {
    "CYRILLIC": {
        "a": "а", "b": "вь", "c": "с", "d": "д", "e": "е", "ë": "ё", "g": "д", "h": "н", "i": "і", "ï": "ї", "k": "к",
        "l": "л", "m": "тмш", "n": "пл", "o": "о", "p": "р", "r": "гч", "t": "т", "u": "ил", "v": "гв", "w": "ш",
        "x": "хж", "y": "у", "z": "з", "A": "А", "B": "В", "C": "С", "D": "Д", "E": "Е", "F": "Г", "H": "Н", "I": "І",
        "K": "К", "M": "М", "N": "И", "O": "О", "P": "Р", "R": "Я", "T": "Т", "U": "И", "X": "Х", "Y": "У",
        "3": "Зз", "4": "ч", "6": "б",
    },
    "LATIN": {},
}  # fmt: skip


class ScriptScores:
    """Turns scores into those of one script, in which the letters of the others are not.

    Args:
        characters: The characters of the classes, from class 1 on.
    """

    def __init__(self, characters: str, name: str) -> None:
        self._kept = np.array([True, *(script(character) in (name, None) for character in characters)])
        number = {character: n for n, character in enumerate(characters, start=BLANK + 1)}
        pairs = [
            (number[seen], number[meant])
            for seen, meanings in _WRITTEN_AS[name].items()
            for meant in meanings
            if seen in number and meant in number
        ]
        self._seen, self._meant = np.array(pairs, dtype=np.int64).reshape(-1, 2).T

    def __call__(self, scores: Scores) -> tuple[Scores, float]:
        """T×C log-probabilities among the script's classes; and the log of what they added up to, over all frames."""
        # In double precision, for a frame that is sure of another script leaves next to nothing.
        probabilities = np.exp(scores, dtype=np.float64)
        meant = np.where(self._kept, probabilities, 0.0)
        for seen, letter in zip(self._seen, self._meant, strict=True):
            meant[:, letter] += _SHARE * probabilities[:, seen]
        share = meant.sum(axis=1, keepdims=True)
        with np.errstate(divide="ignore"):
            return np.log(meant / share).astype(np.float32), float(np.log(share).sum())


def scripts_of(text: str) -> set[str]:
    """The scripts that a text's letters belong to."""
    return {found for character in text if (found := script(character))}


def letters_of_scripts(text: str) -> dict[str, int]:
    """How many of a text's letters belong to each of `SCRIPTS`."""
    return {name: sum(script(character) == name for character in text) for name in SCRIPTS}
