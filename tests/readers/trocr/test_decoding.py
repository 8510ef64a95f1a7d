"""Greedy and beam search over a table of scores instead of a network."""

from typing import Any

import numpy as np
import pytest

from manuscribe.readers.trocr.configuration import Generation
from manuscribe.readers.trocr.decoding import Written, beam, greedy, log_softmax

START, END, A, B, C = range(5)
Table = dict[tuple[int, ...], dict[int, float]]


class FakeSession:
    """Scores of the next token by what was written so far; each image has its table. Remembers the rows asked for."""

    def __init__(self, tables: list[Table], width: int = 1) -> None:
        self.width = width
        self.texts: list[tuple[Table, tuple[int, ...]]] = [(table, ()) for table in tables for _ in range(width)]
        self.rows: list[int] = []

    def step(self, tokens: np.ndarray) -> np.ndarray:
        self.rows.append(len(tokens))
        scores = np.full((*tokens.shape, 5), -30, np.float32)
        for place, column in enumerate(tokens.T):
            self.texts = [(table, (*text, int(t))) for (table, text), t in zip(self.texts, column, strict=True)]
            for row, (table, text) in zip(scores[:, place], self.texts, strict=True):
                for token, score in table.get(text[1:], {END: 0.0}).items():
                    row[token] = score
        return scores

    def forget(self, count: int) -> None:
        self.texts = [(table, text[:-count]) for table, text in self.texts]

    def select(self, images: np.ndarray | None, texts: np.ndarray) -> None:
        tables = [id(table) for table, _ in self.texts[:: self.width]]
        kept = tables if images is None else [tables[n] for n in images]
        self.texts = [self.texts[row] for row in texts]
        assert [id(table) for table, _ in self.texts[:: self.width]] == kept  # each image's texts stay side by side


def settings(**changes: Any) -> Generation:
    return Generation(**({"decoder_start_token_id": START, "eos_token_id": END, "max_length": 8} | changes))


def letters(text: Written) -> str:
    return "".join("SEABC"[token] for token in text.tokens)


def spell(word: str) -> Table:
    """A table that writes a word, and little else."""
    tokens = ["SEABC".index(letter) for letter in word]
    return {tuple(tokens[:n]): {token: 9.0, END: 0.0, A: 1.0} | {token: 9.0} for n, token in enumerate(tokens)}


WORDS = ["AB", "ABCABC", "", "C"]


def test_finished_texts_leave_the_batch() -> None:
    session = FakeSession([spell(word) for word in WORDS])
    assert [letters(text) for text in greedy(session, 4, settings())] == WORDS
    assert session.rows == [4, 3, 2, 1, 1, 1, 1]


def test_finished_images_leave_the_batch_of_beams() -> None:
    session = FakeSession([spell(word) for word in WORDS], 3)
    found = beam(session, 4, 3, settings())
    assert [letters(texts[0]) for texts in found] == WORDS
    assert session.rows == sorted(session.rows, reverse=True)
    assert all(rows % 3 == 0 for rows in session.rows)
    assert (session.rows[0], session.rows[-1]) == (12, 3)


@pytest.mark.parametrize("width", [1, 3])
def test_a_text_does_not_depend_on_the_others(width: int) -> None:
    def write(words: list[str]) -> list[Written]:
        session = FakeSession([spell(word) for word in words], width)
        return greedy(session, len(words), settings()) if width == 1 else [
            texts[0] for texts in beam(session, len(words), width, settings())
        ]  # fmt: skip

    assert write(WORDS) == [write([word])[0] for word in WORDS]
    assert write(WORDS[::-1]) == write(WORDS)[::-1]


@pytest.mark.parametrize("width", [1, 2])
def test_the_longest_text_is_cut_and_says_so(width: int) -> None:
    session = FakeSession([spell("ABCABC"), spell("AB")], width)
    limit = settings(max_length=4)
    found = greedy(session, 2, limit) if width == 1 else [texts[0] for texts in beam(session, 2, width, limit)]
    assert [(letters(text), text.truncated) for text in found] == [("ABC", True), ("AB", False)]
    assert [len(text.log_probabilities) for text in found] == [3, 3]


def test_each_token_has_its_probability() -> None:
    table: Table = {(): {A: np.log(0.6), B: np.log(0.4)}, (A,): {END: np.log(0.7), A: np.log(0.3)}}
    for (text,) in (
        greedy(FakeSession([table]), 1, settings()),
        beam(FakeSession([table], 2), 1, 2, settings())[0][:1],
    ):
        assert np.exp(text.log_probabilities) == pytest.approx([0.6, 0.7], abs=1e-5)
        assert np.exp(text.log_probability) == pytest.approx(0.42, abs=1e-5)


# A is surer at first, and B leads to surer ends.
GARDEN: Table = {
    (): {A: np.log(0.55), B: np.log(0.45)},
    (A,): {B: np.log(0.35), C: np.log(0.34), END: np.log(0.31)},
    (B,): {END: np.log(0.9), C: np.log(0.1)},
}


def test_beams_see_further_and_come_best_first() -> None:
    assert letters(greedy(FakeSession([GARDEN]), 1, settings())[0]) == "AB"
    (found,) = beam(FakeSession([GARDEN], 4), 1, 4, settings(length_penalty=0.0))
    assert [letters(text) for text in found] == ["B", "AB", "AC", "A"]
    assert np.exp([text.score for text in found]) == pytest.approx([0.405, 0.1925, 0.187, 0.1705], abs=1e-4)
    assert [text.score for text in found] == sorted((text.score for text in found), reverse=True)
    assert not any(text.truncated for text in found)


def test_the_length_penalty_decides_what_is_best() -> None:
    def best(penalty: float) -> Written:
        return beam(FakeSession([GARDEN], 4), 1, 4, settings(length_penalty=penalty))[0][0]

    assert letters(best(0.0)) == "B"
    assert letters(best(4.0)) == "AB"
    assert best(4.0).score == pytest.approx(np.log(0.1925) / 3**4, abs=1e-4)  # two letters and the end


def test_one_of_several_ends() -> None:
    (text,) = greedy(FakeSession([spell("ABCA")]), 1, settings(eos_token_id=[END, C]))
    assert (letters(text), text.truncated) == ("AB", False)


@pytest.mark.parametrize(("size", "expected"), [(0, "ABABABA"), (1, "ABC"), (2, "ABAACA"), (3, "ABABBAA")])
def test_tokens_in_a_row_do_not_come_again(size: int, expected: str) -> None:
    class Circles(dict[tuple[int, ...], dict[int, float]]):
        def get(self, text: tuple[int, ...], _: Any = None) -> dict[int, float]:  # type: ignore[override]
            wanted = A if not text or text[-1] != A else B
            return {A: 1.0, B: 0.9, C: 0.8, END: 0.0} | {wanted: 5.0}

    (text,) = greedy(FakeSession([Circles()]), 1, settings(no_repeat_ngram_size=size))
    assert letters(text)[: len(expected)] == expected
    written = [START, *text.tokens]
    runs = [tuple(written[n : n + size]) for n in range(len(written) - size + 1)]
    assert not size or len(set(runs)) == len(runs)
    assert not size or all(
        len({tuple(row[n : n + size]) for n in range(len(row) - size + 1)}) == max(0, len(row) - size + 1)
        for other in beam(FakeSession([Circles()], 3), 1, 3, settings(no_repeat_ngram_size=size))[0]
        for row in [[START, *other.tokens]]
    )


def test_log_softmax() -> None:
    scores = np.array([[0.0, 1.0, 2.0], [1e4, 0.0, -1e4], [5.0, 5.0, 5.0]], np.float32)
    logs = log_softmax(scores)
    assert logs.dtype == np.float32
    assert np.exp(logs).sum(axis=1) == pytest.approx([1, 1, 1], abs=1e-6)
    assert logs[0] == pytest.approx(scores[0] - np.log(np.exp(scores[0]).sum()), abs=1e-6)
    assert logs[1].tolist() == [0.0, -1e4, -2e4]
    assert logs[2] == pytest.approx(-np.log(3), abs=1e-6)
