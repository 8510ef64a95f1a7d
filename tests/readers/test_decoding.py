"""CTC decoding against brute force over all alignments of small problems, compiled and in Python."""

from collections.abc import Iterator
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manuscribe import compiled
from manuscribe.readers.compact import alignment, search
from manuscribe.readers.compact.alignment import locate, log_probability
from manuscribe.readers.compact.decoding import greedy, restrict
from manuscribe.readers.compact.reading import Decoder, Seen
from manuscribe.readers.compact.search import Fusion, beam
from manuscribe.text.characters import CharacterModel


@pytest.fixture(params=["compiled", "in Python"], scope="module", autouse=True)
def native(request: pytest.FixtureRequest) -> Iterator[None]:
    if request.param == "compiled":
        if not compiled.native:
            pytest.skip("manuscribe was built without a compiler")
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        for module in (alignment, search):
            patch.setattr(module, "native", None)
        yield


def random_scores(seed: int, frames: int, classes: int, sharpness: float = 1.0) -> np.ndarray:
    values = np.random.default_rng(seed).normal(0, sharpness, (frames, classes))
    return (values - np.logaddexp.reduce(values, axis=1, keepdims=True)).astype(np.float32)


def collapse(path: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(now for before, now in zip((0, *path), path, strict=False) if now not in (0, before))


def brute_force(scores: np.ndarray) -> dict[tuple[int, ...], float]:
    totals: dict[tuple[int, ...], float] = {}
    for path in product(range(scores.shape[1]), repeat=len(scores)):
        probability = float(np.exp(sum(scores[t, c] for t, c in enumerate(path))))
        totals[collapse(path)] = totals.get(collapse(path), 0.0) + probability
    return totals


@given(st.integers(0, 10_000), st.integers(1, 5), st.integers(2, 4))
@settings(max_examples=40, deadline=None)
def test_log_probability_sums_all_alignments(seed: int, frames: int, classes: int) -> None:
    scores = random_scores(seed, frames, classes)
    for text, probability in brute_force(scores).items():
        assert np.exp(log_probability(scores, list(text))) == pytest.approx(probability, rel=1e-4)


def test_impossible_text_has_no_probability() -> None:
    scores = random_scores(0, 3, 3)
    assert log_probability(scores, [1, 1, 1]) == -np.inf  # two blanks would have to stand between them
    assert log_probability(scores[:0], [1]) == -np.inf
    assert log_probability(scores[:0], []) == 0.0


@given(st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_wide_beam_finds_the_most_probable_texts(seed: int) -> None:
    # So even that no letter is left out as very improbable in a frame: then the sums are exact.
    scores = random_scores(seed, 5, 3, sharpness=0.5)
    truth = sorted(brute_force(scores).items(), key=lambda item: -item[1])
    found = beam(scores, 50)
    assert tuple(found[0][0]) == truth[0][0]
    assert [np.exp(score) for _, score, _ in found[:3]] == pytest.approx([p for _, p in truth[:3]], rel=1e-4)


def test_beam_beats_greedy_where_alignments_add_up() -> None:
    # The example of Graves et al. 2006: the best path is blank-blank, yet "a" is more probable than nothing.
    scores = np.log(np.array([[0.6, 0.4], [0.6, 0.4]], dtype=np.float32))
    assert greedy(scores) == []
    texts = beam(scores, 2)
    assert texts[0][0] == [1]
    assert np.exp(texts[0][1]) == pytest.approx(0.64, rel=1e-5)


def test_beam_gives_each_text_once_and_best_first() -> None:
    texts = beam(random_scores(3, 8, 4), 10)
    assert len({tuple(text) for text, _, _ in texts}) == len(texts)
    assert [score for _, score, _ in texts] == sorted((score for _, score, _ in texts), reverse=True)


def one_hot(path: list[int], classes: int = 4) -> np.ndarray:
    scores = np.full((len(path), classes), np.log(0.01 / (classes - 1)), dtype=np.float32)
    scores[np.arange(len(path)), path] = np.log(0.99)
    return scores


def test_greedy_joins_repeats_and_drops_blanks() -> None:
    letters = greedy(one_hot([0, 1, 1, 0, 1, 2, 2, 0]))
    assert [(letter.number, letter.start, letter.end) for letter in letters] == [(1, 1, 3), (1, 4, 5), (2, 5, 7)]
    assert letters[0].probability == pytest.approx(0.99, rel=1e-3)


def test_greedy_of_no_frames_is_nothing() -> None:
    assert greedy(np.zeros((0, 4), np.float32)) == []


@given(st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_locate_places_the_greedy_text_where_greedy_saw_it(seed: int) -> None:
    scores = random_scores(seed, 12, 4, sharpness=4.0)
    letters = greedy(scores)
    placed = locate(scores, [letter.number for letter in letters])
    assert [(p.number, p.start, p.end) for p in placed] == [(x.number, x.start, x.end) for x in letters]


def test_restrict_forbids_and_renormalises() -> None:
    scores = random_scores(1, 6, 4)
    allowed = np.array([True, False, True, True])
    kept = restrict(scores, allowed)
    assert np.all(np.isneginf(kept[:, 1]))
    assert np.exp(kept).sum(axis=1) == pytest.approx(np.ones(6), rel=1e-5)
    assert all(letter.number != 1 for letter in greedy(kept))


def test_a_language_decides_between_letters_that_look_alike() -> None:
    from manuscribe.training.ngrams import Text, fit, joined

    counted = joined([Text(np.array([0, 1, 2, 3], dtype=np.uint64), 20.0, 1.0)])
    model = fit(counted, range(4), order=3, threshold=0.0)
    scores = one_hot([0, 1, 0, 2, 0, 3])
    scores[5] = np.log([0.02, 0.03, 0.5, 0.45])  # 2 looks a little more like it than 3
    assert beam(scores, 8)[0][0] == [1, 2, 2]
    assert beam(scores, 8, Fusion(model, weight=0.5, bonus=0.0))[0][0] == [1, 2, 3]
    assert beam(scores, 8, Fusion(model, weight=0.0, bonus=0.0)) == beam(scores, 8)


def test_what_the_network_is_used_to_is_taken_off() -> None:
    from manuscribe.training.ngrams import Text, fit, joined

    def model(*numbers: int) -> CharacterModel:
        counted = joined([Text(np.array(numbers, dtype=np.uint64), 20.0, 1.0)])
        return fit(counted, range(4), order=3, threshold=0.0)

    language, habit = model(0, 1, 3, 0, 1, 2), model(0, 1, 2, 0, 1, 2)
    scores = one_hot([0, 1, 0, 2])
    scores[3] = np.log([0.02, 0.03, 0.5, 0.45])
    assert beam(scores, 8, Fusion(language, 0.5, 0.0))[0].numbers == [1, 2]
    assert beam(scores, 8, Fusion(language, 0.5, 0.0, habit, 0.3))[0].numbers == [1, 3]
    assert beam(scores, 8, Fusion(language, 0.5, 0.0, habit, 0.0)) == beam(scores, 8, Fusion(language, 0.5, 0.0))


def test_what_is_far_behind_is_given_up() -> None:
    scores = one_hot([0, 1, 0, 2, 3])
    assert [text for text, _, _ in beam(scores, 8, behind=2.0)] == [[1, 2, 3]]
    assert len(beam(scores, 8)) == 8


def test_a_long_line_does_not_run_out_of_numbers() -> None:
    scores = one_hot([0, 1, 0, 2, 0, 3] * 700)
    (best, *_) = beam(scores, 4, behind=6.0)
    assert best.numbers == [1, 2, 3] * 700
    assert best.score == best.seen == pytest.approx(4200 * np.log(0.99), rel=1e-5)


def test_what_was_seen_is_told_apart_from_what_the_model_adds() -> None:
    from manuscribe.training.ngrams import Text, fit, joined

    model = fit(joined([Text(np.array([0, 1, 2, 3], dtype=np.uint64), 20.0, 1.0)]), range(4), order=3, threshold=0.0)
    scores = one_hot([0, 1, 0, 2, 0, 3])
    best = beam(scores, 8, Fusion(model, weight=0.5, bonus=0.3))[0]
    assert best.seen == pytest.approx(log_probability(scores, best.numbers), abs=0.05)
    assert best.score - best.seen == pytest.approx(0.5 * sum(model.scores(best.numbers)) + 0.9, abs=1e-6)


def test_more_letters_than_frames_are_placed_somewhere() -> None:
    placed = locate(one_hot([1, 2]), [1, 2, 3, 1])
    assert [letter.number for letter in placed] == [1, 2, 3, 1]
    assert all(0 <= letter.start < letter.end <= 2 for letter in placed)


def test_a_blank_that_is_certain_parts_two_letters() -> None:
    scores = one_hot([1, 0, 1])
    scores[1] = [0.0, -np.inf, -np.inf, -np.inf]
    assert beam(scores, 4)[0].numbers == [1, 1]


def test_frames_in_which_nothing_is_likely_leave_an_improbable_text() -> None:
    scores = np.full((600, 348), -np.log(348), np.float32)
    (found,) = beam(scores, 8)
    assert found.numbers == []
    assert found.score == pytest.approx(-600 * np.log(348), rel=1e-4)


@pytest.mark.parametrize("beams", [1, 2, 8, 32])
def test_to_ask_for_other_readings_does_not_make_the_first_one_less_sure(beams: int) -> None:
    line = Seen(random_scores(3, frames=40, classes=6, sharpness=5.0), (64, 160))
    alone, beside = (Decoder("abcd ", beams, nbest)(line, None) for nbest in (1, 3))
    assert beside.line.text == alone.line.text
    assert len(beside.texts) <= min(beams, 8)
    assert beside.line.confidence == pytest.approx(alone.line.confidence, abs=0.02)
