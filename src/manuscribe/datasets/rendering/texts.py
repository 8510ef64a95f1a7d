"""Texts to render: passages of real sentences, rare words, and the numbers and phrases that registers are full of."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import wordfreq

from manuscribe.datasets.rendering.phrases import phrase
from manuscribe.errors import InputError
from manuscribe.text.charset import charset, normalise

_COMMON_WORDS = 60_000
_PHRASES = {"vi": 0.4, "en": 0.3, "de": 0.3}  # share of texts; the treebanks' English and German is of today
_OTHER_PHRASES = 0.14
# Treebanks are written word by word; people put no space there.
_LOOSE_SIGN = re.compile(r'(?<=[\w")\]]) +([,.;:!?…)\]]+)(?= |$)')
_LOOSE_BRACKET = re.compile(r"([(\[]) +")
_LOOSE_QUOTES = re.compile(r'" ([^"]+) "')


def load_texts(folder: Path, languages: Sequence[str]) -> dict[str, list[str]]:
    """Sentences by language from the files of a folder, `UD_English-EWT.txt`, `Book_English-Emma.txt`: one a line.

    Raises:
        InputError: There is no text, or none in its letters, for one of the languages.
    """
    names = {
        "en": "English",
        "fr": "French",
        "de": "German",
        "ru": "Russian",
        "uk": "Ukrainian",
        "vi": "Vietnamese",
    }
    texts = {}
    for language in languages:
        files = sorted(folder.glob(f"*_{names[language]}-*.txt"))
        if not files:
            raise InputError(f"No *_{names[language]}-*.txt in {folder}.", "Name a folder with sentences, one a line.")
        allowed = set(charset(language))
        lines = [_joined(normalise(line)) for file in files for line in file.read_text(encoding="utf-8").splitlines()]
        texts[language] = [line for line in lines if line and set(line) <= allowed]
        if not texts[language]:
            raise InputError(f"No sentence of {folder} is written in the letters of '{language}'.", "Add some.")
    return texts


def _joined(sentence: str) -> str:
    sentence = _LOOSE_QUOTES.sub(r'"\1"', sentence)
    return _LOOSE_BRACKET.sub(r"\1", _LOOSE_SIGN.sub(r"\1", sentence))


class TextSource:
    """Draws texts of a wanted length in a wanted language."""

    def __init__(self, texts: Mapping[str, Sequence[str]]) -> None:
        self._words = {language: " ".join(lines).split() for language, lines in texts.items()}
        self._common = {language: _common_words(language) for language in texts}

    def letters(self) -> dict[str, Counter[str]]:
        """How often each letter occurs in the sentences of each language."""
        return {
            language: Counter({sign: count for sign, count in Counter("".join(words)).items() if sign.isalpha()})
            for language, words in self._words.items()
        }

    def common_words(self, language: str) -> list[str]:
        """The language's most frequent words, the commonest first, in small letters."""
        return self._common[language]

    def draw(self, language: str, length: int, rng: np.random.Generator) -> str:
        """A text of about `length` characters (never more than 1.3 times that, but at least one word)."""
        kind = rng.random()
        if kind < 0.08:
            return _numbers(length, rng)
        if kind < 0.08 + _PHRASES.get(language, _OTHER_PHRASES) and length > 8:
            return self._phrases(language, length, rng)
        text = (self._rare if kind > 0.9 else self._passage)(language, length, rng)
        return _capitalised(text, rng)

    def _passage(self, language: str, length: int, rng: np.random.Generator) -> str:
        words = self._words[language]
        start = int(rng.integers(len(words)))
        text = words[start]
        for word in words[start + 1 : start + length]:
            if len(text) + 1 + len(word) > length * 1.15:
                break
            text += " " + word
        return text

    def _rare(self, language: str, length: int, rng: np.random.Generator) -> str:
        """Words of the language's dictionary, common ones more often: sentences alone have too few different ones."""
        words = self._common[language]
        text = words[int(rng.random() ** 2 * len(words))]
        while len(text) < length:
            word = words[int(rng.random() ** 2 * len(words))]
            if len(text) + 1 + len(word) > length * 1.15:
                break
            text += (", " if rng.random() < 0.1 else " ") + word
        return text

    def _phrases(self, language: str, length: int, rng: np.random.Generator) -> str:
        text = ""
        while len(text) < length * 0.7:
            words = self._passage(language, int(rng.integers(3, 14)), rng).strip('.,;:!?"()').title()
            text = f"{text} {phrase(language, words or '1', rng)}".strip()
        most = int(length * 1.25)
        if len(text) > most:
            text = text[:most].rpartition(" ")[0] or text[:length]
        elif len(text) < length * 0.8:
            text += ", " + self._passage(language, length - len(text), rng)
        return text


def _common_words(language: str) -> list[str]:
    letters = set(charset(language))
    words = [word for word in wordfreq.top_n_list(language, _COMMON_WORDS) if word.isalpha() and set(word) <= letters]
    return [normalise(word) for word in words]


def _capitalised(text: str, rng: np.random.Generator) -> str:
    """Forms are filled in with capitals, names have some."""
    choice = rng.random()
    if choice < 0.05:
        return text.upper()
    return text.title() if choice < 0.13 else text


def _numbers(length: int, rng: np.random.Generator) -> str:
    patterns = (
        "{a}",
        "{a}.{b}",
        "{d}/{m}/{y}",
        "{d}.{m}.{y}",
        "{a},{b}",
        "N° {a}",
        "{a} - {b}",
        "({a})",
        "{a} €",
        "+{a}",
        "{a}%",
    )
    parts: list[str] = []
    while not parts or len(" ".join(parts)) < length * 0.5:
        values = {"a": rng.integers(0, 10 ** int(rng.integers(1, 6))), "b": f"{rng.integers(0, 100):02d}"}
        values |= {"d": rng.integers(1, 32), "m": rng.integers(1, 13), "y": rng.integers(1750, 2030)}
        parts.append(str(rng.choice(patterns)).format(**values))
    return " ".join(parts)
