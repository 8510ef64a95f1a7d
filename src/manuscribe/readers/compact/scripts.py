"""Lines whose script is known: the scores of other scripts' letters go to those that are written alike.

In running handwriting most Cyrillic letters are the strokes of Latin ones: т is m, и is u, п is n, д is g. A network
that has seen many Latin pens and few Cyrillic ones sees the strokes rightly and names the wrong letters.
"""

from functools import cache

import numpy as np

from manuscribe.readers.compact.decoding import BLANK, Scores, restrict
from manuscribe.text.charset import charset, script

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
        self._seen = np.array([seen for seen, _ in pairs], np.int64)
        self._letters, self._meant = np.unique(np.array([meant for _, meant in pairs], np.int64), return_inverse=True)

    def __call__(self, scores: Scores) -> tuple[Scores, float]:
        """T×C log-probabilities among the script's classes; and the log of what they added up to, over all frames."""
        meant = np.where(self._kept, scores, -np.inf)
        if len(self._letters):
            shares = np.zeros((len(self._letters), len(scores)))
            np.add.at(shares, self._meant, _SHARE * np.exp(scores[:, self._seen], dtype=np.float64).T)
            with np.errstate(divide="ignore"):
                meant[:, self._letters] = np.logaddexp(meant[:, self._letters], np.log(shares).T)
        most = meant.max(axis=1, keepdims=True)
        share = most + np.log(np.exp(meant - most).sum(axis=1, keepdims=True))
        return np.asarray(meant - share, np.float32), float(share.sum())


class LanguageScores:
    """Turns scores into those of the letters that a language is written with."""

    def __init__(self, characters: str, language: str) -> None:
        self.language = language
        self._script = ScriptScores(characters, script_of(language))
        self._allowed = np.array([True, *(character in set(charset(language)) for character in characters)])

    def __call__(self, scores: Scores) -> Scores:
        """T×C log-probabilities among the language's classes."""
        return restrict(self._script(scores)[0], self._allowed)


@cache
def script_of(language: str) -> str:
    """The script that a language is written in."""
    (name,) = scripts_of(charset(language))
    return name


def scripts_of(text: str) -> set[str]:
    """The scripts that a text's letters belong to."""
    return {found for character in text if (found := script(character))}
