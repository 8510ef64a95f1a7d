"""Texts to render: passages of real sentences, and the numbers, dates and names that registers are full of."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from manuscribe.errors import InputError
from manuscribe.text.charset import charset, normalise

_MONTHS = {
    "en": "January February March April May June July August September October November December",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "ru": "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
    "uk": "січня лютого березня квітня травня червня липня серпня вересня жовтня листопада грудня",
}
_VIETNAMESE_PLACES = (
    "Số {n} đường|Phường {n}, Quận {m}|Thôn {n}, Xã|Tổ {n}, Khu phố {m}|Ngõ {n}, Phố|Thành phố|Huyện|Tỉnh|Thị trấn"
)


def load_texts(folder: Path, languages: Sequence[str]) -> dict[str, list[str]]:
    """Sentences by language from the `UD_<Language>-*.txt` files of a folder, one sentence a line.

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
        files = sorted(folder.glob(f"UD_{names[language]}-*.txt"))
        if not files:
            raise InputError(f"No UD_{names[language]}-*.txt in {folder}.", "Name a folder with sentences, one a line.")
        allowed = set(charset(language))
        lines = [normalise(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]
        texts[language] = [line for line in lines if line and set(line) <= allowed]
        if not texts[language]:
            raise InputError(f"No sentence of {folder} is written in the letters of '{language}'.", "Add some.")
    return texts


class TextSource:
    """Draws texts of a wanted length in a wanted language."""

    def __init__(self, texts: Mapping[str, Sequence[str]]) -> None:
        self._words = {language: " ".join(lines).split() for language, lines in texts.items()}

    def letters(self) -> dict[str, Counter[str]]:
        """How often each letter occurs in the sentences of each language."""
        return {
            language: Counter({sign: count for sign, count in Counter("".join(words)).items() if sign.isalpha()})
            for language, words in self._words.items()
        }

    def draw(self, language: str, length: int, rng: np.random.Generator) -> str:
        """A text of about `length` characters (never more than 1.3 times that, but at least one word)."""
        kind = rng.random()
        if kind < 0.08:
            return _numbers(length, rng)
        if kind < 0.2 and length > 8:
            return self._dated(language, length, rng)
        text = self._passage(language, length, rng)
        if kind > 0.95:
            text = text.upper()
        elif kind > 0.88:
            text = text.title()
        return text

    def _passage(self, language: str, length: int, rng: np.random.Generator) -> str:
        words = self._words[language]
        start = int(rng.integers(len(words)))
        text = words[start]
        for word in words[start + 1 : start + length]:
            if len(text) + 1 + len(word) > length * 1.15:
                break
            text += " " + word
        return text

    def _dated(self, language: str, length: int, rng: np.random.Generator) -> str:
        if language == "vi":
            template = str(rng.choice(_VIETNAMESE_PLACES.split("|")))
            head = template.format(n=rng.integers(1, 400), m=rng.integers(1, 20))
        else:
            month = str(rng.choice(_MONTHS[language].split()))
            head = f"{rng.integers(1, 32)} {month} {rng.integers(1750, 2030)}"
        rest = self._passage(language, max(1, length - len(head)), rng)
        return f"{head} {rest}" if rng.random() < 0.7 else f"{rest}, {head}"


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
