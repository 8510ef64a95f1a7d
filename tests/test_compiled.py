"""The compiled loops find what those in Python find, and refuse what does not fit together."""

from array import array
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manuscribe.compiled import native
from manuscribe.models.files import embedded
from manuscribe.readers.compact import alignment, search
from manuscribe.readers.compact.alignment import locate
from manuscribe.readers.compact.search import Fusion, beam
from manuscribe.text import characters
from manuscribe.text.characters import CharacterModel
from tests.readers.test_decoding import random_scores

if not native:
    pytest.skip("manuscribe was built without a compiler", allow_module_level=True)

MODEL = CharacterModel.load(embedded("characters").path, "vi")
HABIT = CharacterModel.load(embedded("characters").path, "fr")
CLASSES = len(embedded("compact").charset) + 1


def in_python(compute: Callable[[], Any]) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        for module in (alignment, search, characters):
            patch.setattr(module, "native", None)
        return compute()


@given(
    seed=st.integers(0, 10_000),
    frames=st.integers(0, 60),
    classes=st.sampled_from([1, 2, 5, 40, CLASSES]),
    sharpness=st.sampled_from([0.5, 3.0, 8.0]),
    width=st.integers(1, 40),
    behind=st.sampled_from([2.0, 6.0, np.inf]),
    fusion=st.sampled_from(
        [
            None,
            Fusion(MODEL, 0.6, 1.8),
            Fusion(MODEL, 2.0, -1.0),
            Fusion(MODEL, 0.6, 1.8, HABIT, 0.15),
            Fusion(MODEL, 1.0, 0.0, MODEL, 1.0),
        ]
    ),
)
@settings(max_examples=150, deadline=None)
def test_a_search_finds_the_same_texts(
    seed: int, frames: int, classes: int, sharpness: float, width: int, behind: float, fusion: Fusion | None
) -> None:
    scores = random_scores(seed, frames, classes, sharpness)
    found, expected = beam(scores, width, fusion, behind), in_python(lambda: beam(scores, width, fusion, behind))
    assert [text.numbers for text in found] == [text.numbers for text in expected]
    for one, other in zip(found, expected, strict=True):
        assert (one.score, one.seen) == pytest.approx((other.score, other.seen), rel=1e-9, abs=1e-9)


@given(seed=st.integers(0, 10_000), frames=st.integers(1, 60), letters=st.integers(1, 40))
@settings(max_examples=100, deadline=None)
def test_letters_are_placed_in_the_same_frames(seed: int, frames: int, letters: int) -> None:
    scores = random_scores(seed, frames, 6, sharpness=3.0)
    numbers = np.random.default_rng(seed).integers(1, 6, letters).tolist()
    assert locate(scores, numbers) == in_python(lambda: locate(scores, numbers))


@given(st.lists(st.integers(0, 400), max_size=60))
@settings(max_examples=100, deadline=None)
def test_letters_are_as_probable(numbers: list[int]) -> None:
    assert MODEL.scores(numbers) == in_python(lambda: MODEL.scores(numbers))


def test_scores_in_another_order_of_memory_or_precision_are_read_alike() -> None:
    scores = random_scores(1, 30, 6, sharpness=3.0)
    texts = beam(scores, 8)
    assert beam(np.asfortranarray(scores), 8) == texts == beam(scores.astype(np.float64), 8)
    assert locate(np.asfortranarray(scores), texts[0].numbers) == locate(scores, texts[0].numbers)


SCORES = np.zeros((3, 4), np.float32)
STATES = np.array([0, 1, 0], np.int64)
CLIMBS = np.array([0.1, 0.2], np.float32)
NO_MODEL = (None, None, -7.0, 0.0)


@pytest.mark.parametrize(
    "call",
    [
        lambda: native.beam(SCORES, 5, -5.0, 8, 0.0, *NO_MODEL),  # 12 scores are no frames of 5 classes
        lambda: native.beam(SCORES, 0, -5.0, 8, 0.0, *NO_MODEL),
        lambda: native.beam(SCORES, 1 << 62, -5.0, 8, 0.0, *NO_MODEL),
        lambda: native.beam(SCORES, 4, -5.0, 0, 0.0, *NO_MODEL),
        lambda: native.beam(SCORES, 4, -5.0, 1 << 61, 0.0, *NO_MODEL),
        lambda: native.beam(SCORES, 4, -5.0, 8, 0.0, (MODEL.tables, 1 << 31, 0.6), None, -7.0, 0.0),
        lambda: native.beam(SCORES, 4, -5.0, 8, 0.0, (MODEL.tables, 0, 0.6), (HABIT.tables, 1 << 31, 0.1), -7.0, 0.0),
        lambda: native.beam(SCORES, 4, -5.0, 8, 0.0, ((*MODEL.tables[:5], array("I", [0])), 0, 0.6), None, -7.0, 0.0),
        lambda: native.path(SCORES, 4, np.array([0, 4, 0], np.int64)),  # there is no class 4
        lambda: native.path(SCORES, 4, np.array([0, -1, 0], np.int64)),
        lambda: native.path(SCORES, 5, STATES),
        lambda: native.path(SCORES[:0], 4, STATES),
        lambda: native.path(SCORES, 4, STATES[:1]),
        lambda: native.seams(SCORES, 3, 5, np.array([4]), CLIMBS),  # 12 costs are not 3 × 5
        lambda: native.seams(SCORES, 3, 4, np.array([5]), CLIMBS),
        lambda: native.seams(SCORES, 3, 4, np.array([0]), CLIMBS),
        lambda: native.seams(SCORES, 3, 4, np.array([], np.int64), CLIMBS),
        lambda: native.seams(SCORES, 1 << 62, 1 << 62, np.array([1]), CLIMBS),
        lambda: native.scores(MODEL.tables, 1 << 31, STATES),
        lambda: native.scores((*MODEL.tables[:5], array("I", [0])), 0, STATES),
    ],
)
def test_what_does_not_fit_together_is_refused(call: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"must|least|no such|fit together"):
        call()


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_a_search_among_what_are_no_probabilities_ends(broken: float) -> None:
    scores = random_scores(2, 20, 4)
    scores[5] = scores[6, 0] = broken
    assert len(native.beam(scores, 4, -5.0, 8, 0.5, *NO_MODEL)) >= 1
    assert len(native.beam(SCORES, 4, -5.0, 8, 2.0, *NO_MODEL)) == 1


def test_costs_that_are_no_numbers_leave_a_path_within_the_rows() -> None:
    costs = np.full((2, 3, 50), np.nan, np.float32)
    costs[1] = np.inf
    paths = np.frombuffer(native.seams(costs, 3, 50, np.array([50, 20]), CLIMBS), np.int64)
    assert len(paths) == 100
    assert 0 <= paths.min() <= paths.max() < 3


def test_tables_that_are_none_are_refused() -> None:
    with pytest.raises((TypeError, SystemError)):
        native.beam(SCORES, 4, -5.0, 8, 0.0, MODEL.tables, None, -7.0, 0.0)  # type: ignore[arg-type]
    with pytest.raises((TypeError, SystemError)):
        native.beam(SCORES, 4, -5.0, 8, 0.0, None, [MODEL.tables, 0, 0.6], -7.0, 0.0)  # type: ignore[arg-type]
    with pytest.raises((TypeError, SystemError, IndexError)):
        native.scores((b"",), 0, STATES)
    with pytest.raises((TypeError, BufferError)):
        native.scores((*MODEL.tables[:5], bytes(len(MODEL.tables[5]) * 4)), 0, STATES)  # cannot be written to
