"""Tokens put together to the text."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manuscribe.readers.vlm.answers import Piece
from manuscribe.readers.vlm.remote.pieces import Token, pieces_of

UNCLEAR = "\N{REPLACEMENT CHARACTER}".encode()


def tokens(*data: str | bytes) -> list[Token]:
    return [Token(part.encode() if isinstance(part, str) else part, -(2.0**-place)) for place, part in enumerate(data)]


def test_tokens_that_share_a_character_become_one_piece() -> None:
    e = "é".encode()
    pieces = pieces_of(tokens("caf", e[:1], e[1:], "s"), "cafés")
    assert pieces == (Piece("caf", -1.0), Piece("é", -0.75), Piece("s", -0.125))


def test_a_token_may_end_one_character_and_begin_another() -> None:
    data = "жы".encode()
    assert [piece.text for piece in pieces_of(tokens(data[:1], data[1:3], data[3:]), "жы")] == ["жы"]


@pytest.mark.parametrize("end", [[], ["<|end|>"], ["<|end|>", ""]])
def test_replacement_characters_stand_for_what_is_between(end: list[str]) -> None:
    given = tokens("a", UNCLEAR, UNCLEAR, "b", b" " + UNCLEAR, UNCLEAR, *end)
    assert [piece.text for piece in pieces_of(given, "aЩb 語")] == ["a", "Щ", "b", " 語"]


def test_a_character_that_is_told_late_takes_the_tokens_before() -> None:
    pieces = pieces_of(tokens("a", "", "", "語", "b"), "a語b")
    assert pieces == (Piece("a", -1.0), Piece("語", -0.875), Piece("b", -0.0625))


def test_a_replacement_character_may_be_the_text() -> None:
    assert [piece.text for piece in pieces_of(tokens("a", UNCLEAR, "b"), "a\ufffdb")] == ["a", "\ufffd", "b"]


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (tokens("other"), "text"),
        (tokens("te"), "text"),
        (tokens(), "text"),
        (tokens("<think>", "text"), "text"),
        (tokens(UNCLEAR, "t"), "long text"),
        (tokens("a", UNCLEAR), "a long text that one token cannot be"),
        ([Token(b"text", math.nan)], "text"),
        ([Token(b"text", -math.inf)], "text"),
    ],
)
def test_tokens_of_something_else_are_no_pieces(given: list[Token], text: str) -> None:
    assert pieces_of(given, text) == ()


def test_an_empty_text_has_none() -> None:
    assert pieces_of(tokens("<|end|>"), "") == ()


def test_no_probability_is_above_one() -> None:
    assert pieces_of([Token(b"a", 1e-7)], "a") == (Piece("a", 0.0),)


@given(st.text(alphabet="abé語😀 \ufffd", min_size=1), st.data())
def test_pieces_join_to_the_text_however_it_is_split(text: str, draw: st.DataObject) -> None:
    data = text.encode()
    places = sorted(draw.draw(st.sets(st.integers(1, max(1, len(data) - 1)))))
    parts = [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]
    assert "".join(piece.text for piece in pieces_of(tokens(*parts), text)) == text
    unclear = [part.decode("utf-8", "replace") for part in parts]
    assert "".join(piece.text for piece in pieces_of(tokens(*unclear), text)) in (text, "")
