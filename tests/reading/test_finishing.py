"""Lines after they were read: look-alikes put right, dates found, and nothing else touched."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manuscribe.document import Alternative, Character, Line, WrittenDate
from manuscribe.errors import UsageError
from manuscribe.options import validated
from manuscribe.reading.finishing import finished
from manuscribe.reading.options import ReadingOptions


def options(**chosen: object) -> ReadingOptions:
    return validated(ReadingOptions, **chosen)


def read(text: str, **more: object) -> Line:
    """A line as readers give it, each character with its own confidence and place."""
    characters = (Character(c, n / 100, ((n, 0.0), (n + 1.0, 0.0), (n, 9.0))) for n, c in enumerate(text))
    return replace(Line(text, 0.5, tuple(characters)), **more)  # type: ignore[arg-type]


def test_lookalikes_are_put_right_in_text_and_characters() -> None:
    line = read("cосна, 3 мaя")  # Latin c and a
    done = finished(line, options())
    assert done.text == "сосна, 3 мая"
    assert done.notes == ("look-alikes: c at 0, a at 10 made Cyrillic",)
    assert "".join(character.text for character in done.characters) == done.text
    assert [(c.confidence, c.polygon) for c in done.characters] == [(c.confidence, c.polygon) for c in line.characters]
    assert done.confidence == line.confidence


def test_both_directions_are_told_apart() -> None:
    assert finished(read("vоus, cосна"), options()).notes == (
        "look-alikes: о at 1 made Latin",
        "look-alikes: c at 6 made Cyrillic",
    )


def test_notes_of_the_reader_stay_first() -> None:
    assert finished(read("cосна", notes=("truncated",)), options()).notes[0] == "truncated"


def test_the_language_decides_where_letters_do_not() -> None:
    assert finished(read("оса"), options(language="fr")).text == "oca"
    assert finished(read("cop"), options(language="ru")).text == "сор"
    assert finished(read("cop"), options()).text == "cop"


def test_a_language_that_only_a_reader_knows_is_no_obstacle() -> None:
    done = finished(read("cосна, 3.V.1889"), options(language="cu", dates="iso"))
    assert (done.text, done.normalised) == ("сосна, 3.V.1889", "сосна, 1889-05-03")


def test_without_repair_lines_stay() -> None:
    line = read("cосна", alternatives=(Alternative("coсна", 0.2),))
    assert finished(line, options(lookalikes=False)) is line


def test_alternatives_are_repaired_and_none_says_the_same_twice() -> None:
    # Three say what the reading says; two others differ from each other in look-alikes only.
    texts = ("сосна", "сoснa", "cосну", "сoсну", "соснa", "соснa!")
    others = tuple(Alternative(text, 0.1 * n) for n, text in enumerate(texts))
    done = finished(read("cосна", alternatives=others), options())
    assert done.alternatives == (Alternative("сосну", 0.2), Alternative("сосна!", 0.5))


@pytest.mark.parametrize(
    "line",
    [
        Line("cосна\u0306 e\u0301", characters=tuple(map(Character, "cосна\u0306 e\u0301"))),  # not NFC
        Line("cосна", characters=(Character("c"), Character("о"))),
    ],
)
def test_a_line_whose_characters_cannot_follow_stays(line: Line) -> None:
    assert finished(line, options()) == line


def test_characters_of_several_letters_follow() -> None:
    line = Line("cосна", characters=(Character("cо", 0.3), Character("с"), Character("на")))
    assert finished(line, options()).characters == (Character("со", 0.3), Character("с"), Character("на"))


def test_a_line_without_characters_is_repaired_too() -> None:
    assert finished(Line("cосна"), options()).text == "сосна"


LETTERS = "aаoоcсХXIІVтmМкёïn 13.-/'\u0301\u0306"


@st.composite
def lines(draw: st.DrawFn) -> Line:
    parts = draw(st.lists(st.text(LETTERS, max_size=3), max_size=8))
    confidences = st.none() | st.floats(0, 1)
    characters = tuple(Character(part, draw(confidences), draw(st.none() | st.just(((0.0, 1.0),)))) for part in parts)
    return Line("".join(parts), characters=characters)


@given(lines(), st.sampled_from([None, "ru", "fr", "la"]), st.sampled_from([None, "iso", "roman", "keep"]))
def test_characters_spell_the_text_and_dates_stand_in_it(line: Line, language: str | None, dates: str | None) -> None:
    done = finished(line, options(language=language, dates=dates))
    assert "".join(character.text for character in done.characters) == done.text
    assert [replace(c, text="") for c in done.characters] == [replace(c, text="") for c in line.characters]
    for date in done.dates:
        assert done.text[date.start : date.end] == date.text
    assert (done.text != line.text) == any(note.startswith("look-alikes") for note in done.notes)


def test_dates_are_found_in_the_repaired_text() -> None:
    done = finished(read("Арест. 3 мaя 1937"), options(dates="iso"))  # a Latin a
    assert done.text == "Арест. 3 мая 1937"
    assert done.dates == (WrittenDate("3 мая 1937", 7, 17, "1937-05-03"),)
    assert done.normalised == "Арест. 1937-05-03"


@pytest.mark.parametrize(
    ("chosen", "edtf", "normalised"),
    [
        ({"dates": "keep"}, "XX37-11-12", ""),
        ({"dates": "iso"}, "XX37-11-12", ""),
        ({"dates": "roman"}, "XX37-11-12", "le 12.XI.37"),
        ({"dates": "iso", "dates_near": 1940}, "1937?-11-12", "le 1937?-11-12"),
        ({"dates": "roman", "dates_near": 1940}, "1937?-11-12", "le 12.XI.37"),
        ({"dates": "keep", "dates_near": 1840}, "1837?-11-12", ""),
    ],
)
def test_each_convention(chosen: dict[str, object], edtf: str, normalised: str) -> None:
    done = finished(read("le 12/XI-37"), options(**chosen))
    assert done.text == "le 12/XI-37"
    assert [date.edtf for date in done.dates] == [edtf]
    assert done.normalised == normalised


def test_the_language_decides_on_the_order_of_numbers() -> None:
    assert finished(read("3/5/1856"), options(dates="keep", language="en")).dates[0].edtf == "1856-05-03?"


def test_an_impossible_date_is_told_and_stays() -> None:
    done = finished(read("род. 31.02.1937"), options(dates="iso"))
    assert done.dates == (WrittenDate("31.02.1937", 5, 15, None, "1937-02 has no day 31"),)
    assert done.notes == ("impossible date: 31.02.1937 (1937-02 has no day 31)",)
    assert (done.text, done.normalised) == ("род. 31.02.1937", "")


def test_dates_are_not_looked_for_unasked() -> None:
    assert finished(read("31.02.1937"), options()) == read("31.02.1937")


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"dates": "english"}, "'dates'.*'iso', 'roman' or 'keep'"),
        ({"dates_near": 1937}, "'dates_near'.*'dates'"),
        ({"dates": "iso", "dates_near": 999}, "'dates_near'.*1000"),
        ({"dates": "iso", "dates_near": 2100}, "'dates_near'.*2099"),
        ({"lookalikes": "perhaps"}, "'lookalikes'"),
    ],
)
def test_options_that_make_no_sense(chosen: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        options(**chosen)
