"""Charsets and normal forms."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manuscribe.errors import UsageError
from manuscribe.text.charset import LANGUAGES, charset, normalise


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("fr", "Où êtes-vous, Cœur naïf ? Ça « va » : 25 %, n° 3"),
        ("de", "Übermäßig schöne Grüße"),
        ("vi", "Nguyễn Thị Thuỷ, đường Trần Hưng Đạo, Phường Ỷ La"),
        ("ru", "Съешь же ещё этих мягких французских булок № 5"),
        ("uk", "Щастя б'ють жовч їх ґав, Єва"),
        ("en", "The quick brown fox—jumps over £5!"),
    ],
)
def test_a_language_can_be_written_in_its_charset(language: str, text: str) -> None:
    assert set(unicodedata.normalize("NFC", text)) <= set(charset(language))


def test_the_charset_of_all_is_the_union() -> None:
    assert set(charset()) == set().union(*(charset(language) for language in LANGUAGES))


def test_a_charset_is_sorted_single_composed_characters() -> None:
    characters = charset()
    assert list(characters) == sorted(set(characters))
    assert unicodedata.normalize("NFC", characters) == characters


def test_languages_do_not_mix_scripts() -> None:
    assert "ж" not in charset("fr")
    assert "w" not in charset("ru")


def test_unknown_language_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match="en, fr"):
        charset("xx")


@given(st.text())
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


def test_typography_becomes_plain() -> None:
    assert normalise(" l’été\u00a0: “re¬ ") == "l'été : \"re-"
