"""The forms in which truth and reading are compared: the normal one, and those that overlook something."""

import unicodedata
from collections.abc import Callable, Mapping

NORMALISATION = (
    "Truth and reading are compared in Unicode's composed form (NFC), with runs of white space as one space and none "
    "at the ends, ’ ‘ ʼ ʹ as ', “ ” „ as \", ‑ − ¬ as -, soft hyphens and ⋎ left out "
    "(manuscribe.text.charset.normalise); XML entities in the truth are resolved. Case, punctuation and diacritics "
    "count unless it says otherwise. A character is a code point of that form; a word is what stands between spaces."
)
"""What every output says about the comparison."""


def without_case(text: str) -> str:
    """All letters small."""
    return unicodedata.normalize("NFC", text.lower())


def without_punctuation(text: str) -> str:
    """Without the characters of Unicode's categories P; words that it joined stay joined (`l'été`: `lété`)."""
    kept = "".join(character for character in text if not unicodedata.category(character).startswith("P"))
    return " ".join(kept.split())


def without_diacritics(text: str) -> str:
    """Without the marks that NFD parts from letters, and with d for đ: Vietnamese becomes plain Latin letters.

    In Cyrillic й becomes и, ё becomes е, ї becomes і.
    """
    parts = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return unicodedata.normalize("NFC", "".join(c for c in parts if not unicodedata.category(c).startswith("M")))


def _letters_alone(text: str) -> str:
    return without_diacritics(without_punctuation(without_case(text)))


OVERLOOKING: Mapping[str, Callable[[str], str]] = {
    "case": without_case,
    "punctuation": without_punctuation,
    "diacritics": without_diacritics,
    "all three": _letters_alone,
}
"""What a comparison overlooks, with what takes it out of a text in normal form."""
