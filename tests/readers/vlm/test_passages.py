import math

import pytest

from manuscribe.readers.vlm.answers import Answer, Piece
from manuscribe.readers.vlm.passages import Passage, passage_of


def answer(*pieces: tuple[str, float]) -> Answer:
    found = tuple(Piece(text, math.log(sure)) for text, sure in pieces)
    return Answer("".join(piece.text for piece in found), found)


def test_a_line_is_as_sure_as_its_tokens_together_and_a_character_as_its_token():
    line = passage_of(answer(("Be", 0.5), ("taal", 0.25), ("d\n", 0.8), ("op", 0.5)), ()).line(0, 8)
    assert line.text == "Betaald"
    assert line.confidence == pytest.approx(0.1)
    assert [character.confidence for character in line.characters] == [0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.8]


def test_lines_are_cut_at_breaks_and_tokens_may_reach_over_them():
    passage = passage_of(answer(("ab", 0.5), ("\n\n", 0.9), ("c\nd", 0.5)), ("note",))
    assert [line.text for line in passage.lines] == ["ab", "c", "d"]
    assert all(line.notes == ("note",) for line in passage.lines)


def test_white_space_is_single_within_and_none_at_the_ends():
    passage = passage_of(answer(("  a ", 0.9), (" \t", 0.8), ("\nb  ", 0.7)), ())
    line = passage.line(0, len(passage.text))
    assert line.text == "a b"
    assert len(line.characters) == 3


def test_marks_are_one_character_with_their_letter():
    line = passage_of(answer(("e", 0.9), ("\u0301", 0.4), ("t", 0.8)), ()).line(0, 3)
    assert [(c.text, c.confidence) for c in line.characters] == [("é", 0.4), ("t", 0.8)]


def test_without_tokens_nobody_judges():
    line = passage_of(Answer("e\u0301 t"), ()).line(0, 4)
    assert (line.text, line.confidence, line.characters) == ("é t", None, ())


def test_an_empty_passage_has_no_lines():
    assert Passage("").lines == ()
    assert Passage(" \n ").line(0, 3).text == ""
