"""Characters by language: what a reader may write, and how text is normalised.

Letters follow the CLDR main exemplar sets; punctuation and signs are those that archives' transcriptions use.
"""

import unicodedata
from functools import cache

from manuscribe.errors import UsageError

_LATIN = "abcdefghijklmnopqrstuvwxyz"
_VIETNAMESE_VOWELS = "aăâeêioôơuưy"
_VIETNAMESE_TONES = ("\u0300", "\u0301", "\u0303", "\u0309", "\u0323")

_LETTERS = {
    "en": _LATIN + "éèêëïöçàœæ",
    "fr": _LATIN + "àâäçéèêëîïôöùûüÿœæ",
    "de": _LATIN + "äöüßſé",
    "vi": _LATIN
    + "ăâđêôơư"
    + "".join(unicodedata.normalize("NFC", v + t) for v in _VIETNAMESE_VOWELS for t in _VIETNAMESE_TONES),
    "ru": "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
    "uk": "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя'",
}
_DIGITS = "0123456789½¼¾"
_PUNCTUATION = " !\"#$%&'()*+,-./:;<=>?@[\\]_{|}~«»–—…§°€£№×†•"
_ABBREVIATIONS = "ʳᵉᵈˢᵗʰ"  # superscript letters as French and English clerks shorten words

LANGUAGES = tuple(sorted(_LETTERS))


def charset(language: str | None = None) -> str:
    """The characters of a language, or of all languages together, sorted by code point.

    Args:
        language: BCP 47 code of one of `LANGUAGES`; `None` for all.

    Raises:
        UsageError: The language is not known.
    """
    if language is not None and language not in _LETTERS:
        raise UsageError(f"No charset for language '{language}'.", f"Known languages: {', '.join(LANGUAGES)}.")
    letters = "".join(_LETTERS.values()) if language is None else _LETTERS[language]
    # "ß".upper() is "SS": only capitals that are one character are characters of their own.
    capitals = "".join(c.upper() for c in letters if len(c.upper()) == 1)
    return "".join(sorted(set(letters + capitals + _DIGITS + _PUNCTUATION + _ABBREVIATIONS)))


SCRIPTS = ("LATIN", "CYRILLIC")


@cache
def script(character: str) -> str | None:
    """Which of `SCRIPTS` a letter belongs to; `None` for digits, punctuation and other scripts."""
    name = unicodedata.name(character, "").split(" ")[0]
    return name if name in SCRIPTS else None


_TYPOGRAPHY = str.maketrans(
    {
        "’": "'",
        "‘": "'",
        "ʼ": "'",
        "ʹ": "'",
        "“": '"',
        "”": '"',
        "„": '"',
        "‑": "-",
        "−": "-",
        "¬": "-",
        "⋎": "",
        "\u00ad": "",
    }
)


def normalise(text: str) -> str:
    """NFC, straight quotes, plain hyphens, single spaces: the form in which texts are learnt and compared."""
    text = unicodedata.normalize("NFC", text).translate(_TYPOGRAPHY)
    return " ".join(text.split())
