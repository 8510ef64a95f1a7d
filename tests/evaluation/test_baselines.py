import pytest

from manuscribe.evaluation.baselines import BaselineScore, score_baselines


def level(y, left=0.0, right=500.0):
    return ((left, y), (right, y))


PAGE = [level(y) for y in (100.0, 140.0, 180.0, 220.0)]


def shifted(by):
    return [level(line[0][1] + by) for line in PAGE]


def test_the_truth_is_perfect():
    score = score_baselines(PAGE, PAGE)
    assert (score.precision, score.recall, score.f1) == (1.0, 1.0, 1.0)


def test_a_quarter_of_the_line_distance_is_free():
    assert score_baselines(PAGE, shifted(9.9)).f1 == 1.0


def test_credit_falls_to_nothing_at_three_quarters():
    single = [level(100.0), level(1000.0)]
    assert score_baselines(PAGE, shifted(20.0)).recall < 1
    # The tolerance of two lines 900 apart is 225.
    assert score_baselines(single, [level(100 + 450.0)]).covered == pytest.approx(0.5 + 0.5, abs=0.01)
    assert score_baselines(PAGE, [level(220 + 30.0)]).covered == pytest.approx(0, abs=1e-6)


def test_pieces_cost_precision_but_not_recall():
    pieces = [part for y in (100.0, 140.0, 180.0, 220.0) for part in (level(y, 0, 248), level(y, 252, 500))]
    score = score_baselines(PAGE, pieces)
    assert score.recall == pytest.approx(1.0)
    assert score.precision == pytest.approx(0.5)


def test_invented_lines_cost_precision():
    assert score_baselines(PAGE, [*PAGE, level(600.0)]).precision == pytest.approx(0.8)


def test_missed_lines_cost_recall():
    score = score_baselines(PAGE, PAGE[:3])
    assert score.recall == pytest.approx(0.75)
    assert score.precision == 1.0


def test_writing_direction_and_number_of_points_do_not_matter():
    other = [((500.0, 100.0), (430.0, 100.0), (100.0, 100.0), (0.0, 100.0)), *PAGE[1:]]
    assert score_baselines(PAGE, other).f1 == pytest.approx(1.0)


def test_blank_pages():
    assert score_baselines([], []).f1 == 1.0
    assert score_baselines([], PAGE).f1 == 0.0
    assert score_baselines(PAGE, []).f1 == 0.0


def test_scores_add_up():
    total = score_baselines(PAGE, PAGE) + score_baselines(PAGE, PAGE[:2]) + BaselineScore()
    assert (total.true, total.found) == (8, 6)
    assert total.recall == pytest.approx(0.75)
