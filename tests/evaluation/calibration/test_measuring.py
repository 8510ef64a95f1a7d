"""Figures of probabilities, against sums by hand and definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manuscribe.evaluation.calibration.measuring import auroc, calibration_error, errors_found, reliability
from manuscribe.readers.trust.review import acceptable

RIGHT = np.array([True, True, False, False])


def test_the_calibration_error_by_hand():
    # Bins 0.9: said 0.95, true 0.5, two of them; 0.1: said 0.15, true 0.5.
    said = np.array([0.95, 0.15, 0.95, 0.15])
    assert calibration_error(said, RIGHT) == pytest.approx(0.5 * 0.45 + 0.5 * 0.35)
    assert [(one.said, one.true, one.count) for one in reliability(said, RIGHT)] == [
        (pytest.approx(0.15), 0.5, 2),
        (pytest.approx(0.95), 0.5, 2),
    ]


def test_certainty_belongs_to_the_last_bin():
    assert [one.count for one in reliability(np.array([1.0, 0.99]), np.array([True, True]))] == [2]


def test_of_nothing_there_is_no_error():
    assert calibration_error(np.zeros(0), np.zeros(0, bool)) == 0


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=30))
def test_the_auroc_is_the_share_of_pairs_in_order(found):
    scores, right = np.array([one for one, _ in found], float), np.array([two for _, two in found])
    good, bad = scores[right], scores[~right]
    if not len(good) or not len(bad):
        assert auroc(scores, right) is None
        return
    pairs = [(one > two) + 0.5 * (one == two) for one in good for two in bad]
    assert auroc(scores, right) == pytest.approx(np.mean(pairs))


def test_errors_found_by_checking():
    expected, errors = np.array([0.1, 3.0, 1.0, 0.5]), np.array([1.0, 5.0, 4.0, 0.0])
    assert errors_found(expected, errors, np.array([0, 0.25, 0.5, 1.0])).tolist() == [0, 0.5, 0.9, 1]
    assert errors_found(expected, np.zeros(4), np.array([0.5])).tolist() == [0]


@given(
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 80)), max_size=30),
    st.floats(0.001, 0.5),
)
def test_what_is_accepted_keeps_the_promise_and_no_more_would(found, promise):
    rates, lengths = np.array([one for one, _ in found]), np.array([two for _, two in found], float)
    chosen = acceptable(rates, lengths, promise)
    errors, characters = (rates * lengths)[chosen].sum(), lengths[chosen].sum()
    assert errors <= promise * max(1, characters) + 1e-9
    if not chosen.all():
        following = np.flatnonzero(~chosen)[np.argsort(rates[~chosen], kind="stable")[0]]
        more, longer = errors + rates[following] * lengths[following], characters + lengths[following]
        assert more > promise * max(1, longer) - 1e-9
