"""Counting of n-grams, against counting by hand."""

import math

import numpy as np
import pytest

from manuscribe.text.characters import START, CharacterModel
from manuscribe.training.ngrams import Text, fit, joined


def classes(text: str, begins: bool = True) -> np.ndarray:
    return np.array([*([START] if begins else []), *(ord(c) - 96 for c in text)], dtype=np.uint64)


def fitted(texts: list[str], order: int = 3, threshold: float = 0.0, begins: bool = True) -> CharacterModel:
    return fit(joined([Text(classes(t, begins), 1.0, 1.0) for t in texts]), range(5), order, threshold)


def probability(model: CharacterModel, before: str, letter: str) -> float:
    context = model.start
    for c in before:
        _, context = model.step(context, ord(c) - 96)
    return math.exp(model.step(context, ord(letter) - 96)[0])


def test_discounts_by_hand() -> None:
    model = fitted(["ab", "ac", "ab"], order=2)
    # After a: b twice, c once; 1 and 0.5 of them go to the letters, of which there are a 3, b 2, c 1: three kinds, of 6
    # letters and 5 classes.
    lower = (2 + 3 / 5) / 9
    assert probability(model, "a", "b") == pytest.approx(1 / 3 + 0.5 * lower, rel=0.03)
    assert probability(model, "", "a") == pytest.approx(0.5 + 0.5 * (3 + 3 / 5) / 9, rel=0.03)


def test_letters_that_follow_one_letter_only_are_not_expected_after_others() -> None:
    # c follows b alone, though often; d follows three letters, once each. After e, which is followed by neither:
    model = fit(joined([Text(classes(t), 1.0, 1.0) for t in ["abc"] * 6 + ["ad", "bd", "cd", "ea"]]), range(6), 3, 0.0)
    assert probability(model, "ab", "c") > 0.7
    assert probability(model, "e", "d") == pytest.approx(probability(model, "e", "c"), rel=0.6)


def test_texts_do_not_run_into_each_other() -> None:
    apart = fitted(["ab", "cd"], begins=False)
    together = fitted(["abcd"], begins=False)
    assert probability(apart, "b", "c") < probability(together, "b", "c") / 2


def test_weights_count_as_often_as_they_say() -> None:
    twice = fit(joined([Text(classes("ab"), 2.0, 1.0), Text(classes("ac"), 1.0, 1.0)]), range(5), 2, 0.0)
    written_out = fitted(["ab", "ab", "ac"], order=2)
    assert probability(twice, "a", "b") == pytest.approx(probability(written_out, "a", "b"), rel=0.01)


def test_pruning_makes_a_smaller_model_that_still_adds_up_to_one() -> None:
    texts = ["abcabdabc", "dabcab", "bcd"] * 4
    whole, pruned = fitted(texts, 5), fitted(texts, 5, threshold=15.0)
    assert pruned.size < whole.size
    for before in ("", "ab", "abc"):
        assert sum(probability(pruned, before, c) for c in "abcd") == pytest.approx(1, abs=0.1)


def test_limits_are_checked() -> None:
    with pytest.raises(ValueError, match="order 8"):
        fitted(["ab"], order=8)
