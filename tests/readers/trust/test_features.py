"""Rows of numbers made of readings."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manuscribe.document import Character, Line
from manuscribe.readers.trust.features import (
    character_rows,
    evidence_of,
    line_row,
    log_odds,
    word_rows,
    words_in,
)
from manuscribe.readers.trust.signals import Signals

IMAGE = np.full((64, 400, 3), 200, np.uint8)


def reading(text, sure=0.9, **line):
    return Line(text, 0.5, tuple(Character(letter, sure) for letter in text), **line)


def all_rows(line, signals=None, image=IMAGE):
    evidence = evidence_of(line, signals or Signals(), image)
    characters = np.full(len(evidence.text), 0.9)
    words = np.full(len(evidence.words), 0.8)
    return character_rows(evidence), word_rows(evidence, characters), line_row(evidence, characters, words)


@pytest.mark.parametrize(
    ("text", "words"),
    [("", ()), (" ", ()), ("ab", ((0, 2),)), ("a bc", ((0, 1), (2, 4))), (" a  b ", ((1, 2), (4, 5)))],
)
def test_words_are_what_stands_between_white_space(text, words):
    assert words_in(text) == words


@given(st.text(st.characters(codec="utf-8"), max_size=20), st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_every_reading_gives_finite_rows_of_the_same_columns(text, sure):
    for rows, known in zip(all_rows(reading(text, sure)), all_rows(reading("a b")), strict=True):
        assert rows.names == known.names
        assert rows.values.shape[1] == len(rows.names)
        assert np.isfinite(rows.values).all()
    assert len(all_rows(reading(text, sure))[1].values) == len(text.split()) or not text.isprintable()


def test_names_of_columns_are_told_apart():
    signals = Signals({"lead": np.arange(3.0)}, {"seen": -1.0})
    for rows in all_rows(reading("a b"), signals):
        assert len(set(rows.names)) == len(rows.names)


def test_a_readers_signals_stand_in_their_columns():
    rows, _, line = all_rows(reading("a b"), Signals({"lead": np.array([1.0, 2.0, 4.0])}, {"seen": -1.5}))
    assert rows.values[:, rows.names.index("lead")].tolist() == [1, 2, 4]
    assert rows.values[:, rows.names.index("lead after")].tolist()[:2] == [2, 4]
    assert rows.values[:, rows.names.index("lead before")].tolist()[1:] == [1, 2]
    assert line.values[0, line.names.index("line's seen")] == -1.5
    assert line.values[0, line.names.index("line's most lead")] == 4


def test_notes_of_guards_and_kinds_of_letters_are_seen():
    rows, words, line = all_rows(reading("Бé 1.", notes=("repetition: the reader may have run in circles",)))
    assert line.values[0, line.names.index("line's repetition")] == 1
    assert line.values[0, line.names.index("line's truncated")] == 0
    columns = {name: rows.values[:, rows.names.index(name)].tolist() for name in ("capital", "marked", "Cyrillic")}
    assert columns == {"capital": [1, 0, 0, 0, 0], "marked": [0, 1, 0, 0, 0], "Cyrillic": [1, 0, 0, 0, 0]}
    assert words.values[:, words.names.index("digit")].tolist() == [0, 0.5]


def test_a_line_without_characters_is_as_sure_as_a_whole():
    evidence = evidence_of(Line("ab", 0.7), Signals(), IMAGE)
    assert evidence.text == ("a", "b")
    assert evidence.characters[:, 0] == pytest.approx(log_odds(np.array([0.7, 0.7])))


def test_a_line_of_one_pixel_and_a_grey_one_have_rows():
    for image in (np.zeros((1, 1), np.uint8), np.full((30, 50), 128, np.uint8)):
        assert all(np.isfinite(rows.values).all() for rows in all_rows(reading("abc"), image=image))


def test_a_words_row_is_of_its_characters_alone():
    text, lead = " ab\tc  de", np.arange(9.0)
    evidence = evidence_of(reading(text), Signals({"lead": lead}), IMAGE)
    sure = np.linspace(0.1, 0.9, 9)
    rows = word_rows(evidence, sure)
    expected = {
        "all right": [log_odds(np.prod(sure[a:b])) for a, b in words_in(text)],
        "least right": [log_odds(sure[a:b].min()) for a, b in words_in(text)],
        "mean right": [log_odds(sure[a:b].mean()) for a, b in words_in(text)],
        "edges right": [log_odds(np.array(edge)) for edge in (sure[0], sure[3], sure[6])],
        "characters": np.log([2, 1, 2]),
        "least lead": [1, 4, 7],
        "most lead": [2, 4, 8],
        "mean lead": [1.5, 4, 7.5],
        "lead before": [0, 3, 6],
    }
    for name, values in expected.items():
        assert rows.values[:, rows.names.index(name)] == pytest.approx(np.array(values, float)), name
