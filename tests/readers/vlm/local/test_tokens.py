"""Tokens to pieces of text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders
from tokenizers.models import BPE

from manuscribe.readers.vlm.local.tokens import Spelling
from tests.readers.vlm.local.building import byte_tokenizer

TOKENIZER = byte_tokenizer(["<end>", "<more>"])


def pieces_of(tokens: list[int], tokenizer: Tokenizer = TOKENIZER) -> list[tuple[str, float]]:
    return [(piece.text, piece.log_probability) for piece in Spelling(tokenizer).pieces(tokens, [-1.0] * len(tokens))]


def test_the_bytes_of_a_character_are_one_piece() -> None:
    assert pieces_of(TOKENIZER.encode("aЖ🐎b").ids) == [("a", -1.0), ("Ж", -2.0), ("🐎", -4.0), ("b", -1.0)]


def test_special_tokens_and_white_space_around_have_no_piece() -> None:
    end = TOKENIZER.token_to_id("<end>")
    tokens = [end, *TOKENIZER.encode(" \n the an").ids, end, *TOKENIZER.encode(" s\n").ids, end]
    assert [text for text, _ in pieces_of(tokens)] == ["th", "e", " ", "an", " s"]
    assert [text for text, _ in pieces_of(TOKENIZER.encode(" she ").ids)] == ["s", "h", "e"]
    assert pieces_of([end]) == pieces_of([]) == []


@given(st.lists(st.integers(0, 259), max_size=60))
def test_pieces_are_the_text_whatever_the_tokens(tokens: list[int]) -> None:
    found = pieces_of(tokens)
    assert "".join(text for text, _ in found) == TOKENIZER.decode(tokens).strip()
    assert all(text for text, _ in found)
    assert sum(log for _, log in found) >= -len(tokens)


@pytest.mark.parametrize("text", ["the ox ža", " a  b", "ž"])
def test_tokens_with_spaces_before_words_and_single_bytes(text: str) -> None:
    known = ["<unk>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁", *"abehotx"]
    tokenizer = Tokenizer(BPE({token: n for n, token in enumerate(known)}, [], byte_fallback=True, unk_token="<unk>"))
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokens = tokenizer.encode("▁" + text.replace(" ", "▁")).ids
    assert "".join(piece for piece, _ in pieces_of(tokens, tokenizer)) == text.strip()


def test_places_and_tables_are_content_though_their_tokens_are_special() -> None:
    tokenizer = byte_tokenizer(["<end>", "<|ref|>", "<|/ref|>", "<|det|>", "<|/det|>", "<td>", "</td>"])
    text = "<|ref|>title<|/ref|><|det|>[[1, 2, 3, 4]]<|/det|><td>an</td>"
    tokens = [*tokenizer.encode(text).ids, tokenizer.token_to_id("<end>")]
    assert "".join(piece for piece, _ in pieces_of(tokens, tokenizer)) == text
    assert Spelling(tokenizer).spelt(tokenizer.token_to_id("<td>")) == "<td>"
    assert Spelling(tokenizer).spelt(tokenizer.token_to_id("<end>")) == ""
