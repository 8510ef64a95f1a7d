import numpy as np
import pytest

from manuscribe.segmentation.maps import STRIDE
from manuscribe.segmentation.ridges import find_baselines

ABSENT, SURE = -6.0, 4.0
ASCENDER, DESCENDER = 24.0, 10.0


def empty_maps(height=120, width=300):
    maps = np.full((4, height, width), ABSENT, np.float32)
    maps[2], maps[3] = np.log(ASCENDER), np.log(DESCENDER)
    return maps


def draw(maps, start, end, slope=0.0, row=50, logit=SURE):
    for x in range(start, end):
        y = round(row + slope * (x - start))
        maps[0, y - 1 : y + 2, x] = (logit - 1, logit, logit - 1)
    return maps


def end(maps, x, row=50):
    maps[1, row - 6 : row + 4, x - 1 : x + 2] = SURE


def test_nothing_on_an_empty_page():
    assert find_baselines(empty_maps()) == []


def test_a_line_is_measured_in_pixels():
    (line,) = find_baselines(draw(empty_maps(), 40, 240))
    assert line.baseline[0] == pytest.approx((38 * STRIDE, 50 * STRIDE), abs=2)
    assert line.baseline[-1] == pytest.approx((241 * STRIDE, 50 * STRIDE), abs=2)
    assert line.ascender == pytest.approx(ASCENDER, rel=0.01)
    assert line.descender == pytest.approx(DESCENDER, rel=0.01)


def test_slanted_and_curved_lines_are_followed():
    maps = empty_maps()
    xs = np.arange(20, 280)
    rows = 60 + 15 * np.sin(xs / 60)
    for x, y in zip(xs, rows, strict=True):
        maps[0, round(y) - 1 : round(y) + 2, x] = (SURE - 1, SURE, SURE - 1)
    (line,) = find_baselines(maps)
    there = np.interp(xs * STRIDE, line.baseline[:, 0], line.baseline[:, 1])
    assert np.abs(there - rows * STRIDE).max() < 4


def test_close_lines_stay_apart():
    maps = draw(draw(empty_maps(), 30, 250, row=50), 30, 250, row=57)
    assert len(find_baselines(maps)) == 2


def test_a_weak_gap_is_bridged():
    maps = draw(draw(empty_maps(), 30, 120), 130, 250)
    draw(maps, 120, 130, logit=-1.0)
    assert len(find_baselines(maps)) == 1


def test_a_gap_without_any_sign_of_a_line_is_not_bridged():
    maps = draw(draw(empty_maps(), 30, 120), 130, 250)
    assert len(find_baselines(maps)) == 2


def test_ends_split_neighbouring_columns():
    maps = draw(empty_maps(), 30, 250)
    draw(maps, 137, 143, logit=1.5)
    end(maps, 140)
    left, right = sorted(find_baselines(maps), key=lambda line: line.baseline[0, 0])
    assert left.baseline[-1, 0] <= 142 * STRIDE
    assert right.baseline[0, 0] >= 138 * STRIDE


def test_specks_and_doubtful_lines_are_dropped():
    maps = draw(empty_maps(), 30, 33)
    draw(maps, 30, 250, row=90, logit=-0.5)
    assert find_baselines(maps) == []


def test_infinite_logits_do_no_harm():
    maps = draw(empty_maps(), 40, 240)
    maps[0, :, 280:] = -np.inf
    maps[2, :, 280:] = np.inf
    assert len(find_baselines(maps)) == 1
