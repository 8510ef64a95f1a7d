"""Bans, loops, and what is told of an answer."""

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manuscribe.readers.vlm.answers import Pixels, Question
from manuscribe.readers.vlm.local.generation import Ban, careful, rounds_cut, write
from manuscribe.readers.vlm.local.runtime import LocalRuntime
from tests.readers.vlm.local.conftest import Calm


class After:
    """A watch that finds a loop when a token came so often running."""

    def __init__(self, often: int) -> None:
        self.often, self.last, self.count = often, -1, 0

    def add(self, token: int) -> bool:
        self.count = self.count + 1 if token == self.last else 1
        self.last = token
        return self.count >= self.often


@given(st.lists(st.integers(0, 2), max_size=40), st.integers(2, 4), st.integers(4, 12))
def test_a_ban_forbids_what_would_make_a_run_come_twice(tokens: list[int], run: int, window: int) -> None:
    near = tokens[-window:]
    runs = {tuple(near[start : start + run]) for start in range(len(near) - run + 1)}
    twice = {token for token in range(3) if len(near) >= run - 1 and (*near[len(near) - run + 1 :], token) in runs}
    assert Ban(run, window).forbids(tokens) == twice
    assert Ban(run, window, frozenset({1})).forbids(tokens) == twice - {1}


@pytest.mark.parametrize(
    ("tokens", "kept"),
    [
        ([], 0),
        ([1, 2, 3], 3),
        ([1, 2, 2, 2, 2], 2),
        ([7, 8, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1], 5),
        ([5, 5, 1, 2, 2, 1, 2, 2, 1, 2, 2], 5),
    ],
)
def test_the_first_round_stays(tokens: list[int], kept: int) -> None:
    assert rounds_cut(tokens) == kept


def test_care_keeps_the_tokens_that_may_repeat() -> None:
    assert careful(Ban(30, 90, frozenset({4}))).exempt == {4}
    assert careful(None).run < 30


def test_a_looping_answer_is_stopped_and_cut(checkpoint: Callable[[str], Path], image: Pixels) -> None:
    reader = LocalRuntime(str(checkpoint("got_ocr2")), threads=1, watch=lambda spelt: After(5))
    (answer,) = reader.ask([Question(image, "<image>\nOCR: ", 400)])
    assert (answer.looped, answer.ended) == (True, False)
    assert 1 <= len(answer.pieces) < 100
    assert answer.text[-2:-1] != answer.text[-1:]


def test_the_usual_watch_stops_it_too(checkpoint: Callable[[str], Path], image: Pixels) -> None:
    reader = LocalRuntime(str(checkpoint("got_ocr2")), threads=1)
    (answer,) = reader.ask([Question(image, "<image>\nOCR: ", 600)])
    assert answer.looped


def test_care_goes_another_way(runtime: Callable[[str], LocalRuntime], image: Pixels) -> None:
    reader = runtime("got_ocr2")
    inputs = reader._loaded.processor.inputs(image, "<image>\nOCR: ", "whole")
    plain, other = (write(reader._model, inputs, 60, ban, Calm()) for ban in (None, careful(None)))
    runs = [tuple(other.tokens[start : start + 12]) for start in range(len(other.tokens) - 11)]
    assert len(set(runs)) == len(runs) > 0
    assert plain.tokens[:13] == [plain.tokens[0]] * 13
    assert other.tokens[:12] == plain.tokens[:12]
    # What is banned counts as it would without the ban.
    assert sum(other.log_probabilities) < sum(plain.log_probabilities)


def test_an_answer_tells_whether_it_came_to_its_end(runtime: Callable[[str], LocalRuntime], image: Pixels) -> None:
    reader = runtime("paddleocr_vl")
    (long,) = reader.ask([Question(image, "<image>OCR:", 8)])
    assert not long.ended
    loaded = reader._loaded
    end = loaded.processor.tokenizer.encode(long.pieces[3].text).ids
    other = copy.deepcopy(reader._model)
    other.generation_config.eos_token_id = end
    early = LocalRuntime.of(replace(loaded, ends=tuple(end)), other, threads=1)
    (short,) = early.ask([Question(image, "<image>OCR:", 8)])
    assert short.ended
    assert long.text.startswith(short.text)
    assert len(short.pieces) <= 3
