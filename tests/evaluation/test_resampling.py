import numpy as np
import pytest

from manuscribe.evaluation import resampling
from manuscribe.evaluation.resampling import (
    RESAMPLES,
    by_unit,
    interval,
    randomisation_test,
    ratio,
    resampled,
    resampled_medians,
)


def test_units_are_summed():
    sums = by_unit(np.array([[1.0, 10], [2, 20], [4, 40]]), np.array([7, 3, 7]))
    assert sums.tolist() == [[2, 20], [5, 50]]


def test_a_resample_has_as_many_units():
    totals = resampled(np.ones((37, 1)))
    assert totals.shape == (RESAMPLES, 1)
    assert (totals == 37).all()


def test_resamples_repeat():
    sums = np.random.default_rng(1).random((50, 2))
    assert (resampled(sums) == resampled(sums)).all()


def test_the_interval_is_that_of_the_mean():
    values = np.random.default_rng(2).normal(5, 1, size=(400, 1))
    low, high = interval(resampled(values)[:, 0] / 400)
    error = values.std() / 20
    assert low == pytest.approx(values.mean() - 1.96 * error, abs=0.25 * error)
    assert high == pytest.approx(values.mean() + 1.96 * error, abs=0.25 * error)


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    chance, covered = np.random.default_rng(3), 0
    for _ in range(60):
        errors = chance.binomial(40, 0.1, size=200).astype(np.float64)
        low, high = interval(resampled(np.stack([errors, np.full(200, 40.0)], axis=1)) @ np.array([1 / 8000, 0]))
        covered += low <= 0.1 <= high
    assert 51 <= covered <= 60


def test_lines_of_one_hand_make_intervals_wider():
    chance = np.random.default_rng(4)
    hands = chance.random(20).repeat(50)[:, None]
    alone = np.ptp(interval(resampled(hands)[:, 0]))
    together = np.ptp(interval(resampled(by_unit(hands, np.arange(20).repeat(50)))[:, 0]))
    assert together > 4 * alone


@pytest.mark.parametrize("lines", [1, 2, 3])
def test_medians_are_of_the_same_sets_as_totals(lines):
    units = np.arange(8).repeat(lines)
    values = np.random.default_rng(6).random(len(units))
    times = resampled(np.eye(8)).astype(np.int64)
    expected = [np.median(values.repeat(drawn[units])) for drawn in times]
    assert resampled_medians(values, units).tolist() == pytest.approx(expected)


def test_medians_of_many_lines_are_drawn_in_parts(monkeypatch):
    values, units = np.random.default_rng(7).random(500), np.arange(500) % 5
    at_once = resampled_medians(values, units)
    monkeypatch.setattr(resampling, "_CELLS", 10_000)
    in_parts = resampled_medians(values, units)
    assert in_parts.shape == (RESAMPLES,)
    assert interval(in_parts) == pytest.approx(interval(at_once), abs=0.02)


def test_rates_without_a_length():
    assert ratio(np.array([0.0, 3, 3]), np.array([0.0, 0, 6])).tolist() == [0, 1, 0.5]


def test_no_difference_is_no_evidence():
    assert randomisation_test(np.zeros(30)) == 1.0
    assert randomisation_test(np.array([1.0, -1.0] * 20)) == 1.0


def test_a_clear_difference_is_evidence():
    assert randomisation_test(np.full(30, -2.0)) == pytest.approx(1 / 10_001)
    # Of three units, two of the eight exchanges are as extreme.
    assert randomisation_test(np.full(3, 1.0)) == pytest.approx(0.25, abs=0.02)


def test_by_chance_one_in_twenty_is_significant():
    chance = np.random.default_rng(5)
    found = [randomisation_test(chance.normal(size=25)) < 0.05 for _ in range(60)]
    assert sum(found) <= 8
