import pytest

from manuscribe.evaluation.claims.card import Claim
from manuscribe.evaluation.claims.verdicts import verdict_on
from manuscribe.evaluation.scoring import Estimate


def claim(value=0.15, metric="cer", **more):
    return Claim(metric=metric, value=value, **more)


@pytest.mark.parametrize(
    ("measured", "verdict"),
    [(0.15, "confirmed"), (0.16, "confirmed"), (0.14, "confirmed"), (0.1601, "worse"), (0.1399, "better")],
)
def test_of_the_same_lines_the_value_alone_counts(measured, verdict):
    said, why = verdict_on(claim(lines=40), Estimate(measured, 0.0, 0.9), 40)
    assert said == verdict
    assert "as many lines as the card states (40)" in why


def test_one_line_that_is_the_same_needs_no_interval():
    assert verdict_on(claim(lines=1), Estimate(0.15), 1)[0] == "confirmed"


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.141, 0.159, "confirmed"),
        (0.139, 0.159, "cannot tell"),
        (0.0, 0.5, "cannot tell"),
        (0.155, 0.2, "cannot tell"),
        (0.161, 0.2, "worse"),
        (0.1, 0.139, "better"),
    ],
)
@pytest.mark.parametrize("lines", [None, 39])
def test_of_other_lines_the_whole_interval_counts(low, high, verdict, lines):
    said, why = verdict_on(claim(lines=lines), Estimate(0.15, low, high), 40)
    assert said == verdict
    assert ("does not state" in why) == (lines is None)


def test_without_an_interval_nobody_can_tell():
    assert verdict_on(claim(), Estimate(0.15), 1)[0] == "cannot tell"


def test_more_lines_without_error_are_better():
    assert verdict_on(claim(0.5, "exact", lines=2), Estimate(0.7), 2)[0] == "better"
    assert verdict_on(claim(0.5, "exact", lines=2), Estimate(0.3), 2)[0] == "worse"


def test_the_tolerance_is_the_cards():
    assert verdict_on(claim(tolerance="2 %", lines=2), Estimate(0.17), 2)[0] == "confirmed"
    assert verdict_on(claim(tolerance=0, lines=2), Estimate(0.151), 2)[0] == "worse"
