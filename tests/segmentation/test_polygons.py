from itertools import product

import cv2
import numpy as np
import pytest

from manuscribe.segmentation import polygons
from manuscribe.segmentation.polygons import line_polygons
from manuscribe.segmentation.ridges import FoundLine

LINE = FoundLine(np.array([[50, 100], [350, 100]], np.float32), 40.0, 20.0)


def paper():
    return np.full((200, 400), 0.9, np.float32)


def inside(polygon, x, y):
    return cv2.pointPolygonTest(polygon.astype(np.float32), (float(x), float(y)), False) > 0


def test_no_lines_no_polygons():
    assert line_polygons(paper(), []) == []


def test_a_lonely_line_has_its_whole_height():
    (polygon,) = line_polygons(paper(), [LINE])
    assert inside(polygon, 200, 62)
    assert inside(polygon, 200, 118)
    assert not inside(polygon, 200, 50)
    assert not inside(polygon, 200, 130)
    assert not inside(polygon, 380, 100)


def test_own_ascenders_belong_to_the_line():
    page = paper()
    page[62:100, 200:203] = 0.1
    (polygon,) = line_polygons(page, [LINE])
    assert inside(polygon, 201, 64)


def test_what_hangs_in_from_above_is_left_out():
    page = paper()
    page[40:72, 196:206] = 0.1
    (polygon,) = line_polygons(page, [LINE])
    assert not inside(polygon, 201, 66)
    assert inside(polygon, 201, 84)
    assert inside(polygon, 120, 64)


def test_a_negative_is_treated_alike():
    page = 1 - paper()
    page[40:72, 196:206] = 0.9
    (polygon,) = line_polygons(page, [LINE])
    assert not inside(polygon, 201, 66)


def test_lines_of_different_length_together():
    short = FoundLine(np.array([[20, 170], [60, 170]], np.float32), 12.0, 5.0)
    long_polygon, short_polygon = line_polygons(paper(), [LINE, short])
    assert np.ptp(long_polygon[:, 0]) > 290
    assert 35 < np.ptp(short_polygon[:, 0]) < 55
    assert inside(short_polygon, 40, 160)
    assert not inside(short_polygon, 40, 150)


def test_one_very_tall_line_among_many_small_ones():
    page = np.full((1400, 1000), 0.9, np.float32)
    ends = [np.array([[x, y], [x + 80, y]], np.float32) for x in range(10, 900, 100) for y in range(600, 1390, 16)]
    lines = [FoundLine(np.array([[100, 500], [900, 500]], np.float32), 480.0, 60.0)]
    lines += [FoundLine(baseline, 8.0, 3.0) for baseline in ends]
    tall, *small = line_polygons(page, lines)
    assert inside(tall, 500, 40)
    assert not inside(tall, 500, -60)
    assert len(small) == len(ends)
    for line, polygon in zip(lines[1:], small, strict=True):
        x, y = line.baseline.mean(axis=0)
        assert inside(polygon, x, y - 6)
        assert not inside(polygon, x, y - 14)


def test_seams_do_not_depend_on_how_many_are_sought_at_once(monkeypatch):
    page = 0.9 - 0.8 * np.random.default_rng(1).random((400, 400), np.float32)
    lines = [FoundLine(np.array([[20, y], [y, y]], np.float32), 30.0, 12.0) for y in range(60, 390, 30)]
    together = line_polygons(page, lines)
    monkeypatch.setattr(polygons, "AT_ONCE", 50)
    for one, other in zip(together, line_polygons(page, lines), strict=True):
        np.testing.assert_array_equal(one, other)


def plain_cheapest(cost, length):
    """As `_cheapest`, of one line, step by step; of equal ways the first."""
    rows = range(len(cost))
    steps = range(-polygons.REACH, polygons.REACH + 1)
    total, came_from = cost[:, 0], []
    for column in range(1, length):
        ways = [
            [
                (total[row + step] + np.float32(polygons.CLIMB * abs(step)), row + step)
                for step in steps
                if row + step in rows
            ]
            for row in rows
        ]
        best = [min(one, key=lambda way: way[0]) for one in ways]
        came_from.append([origin for _, origin in best])
        total = np.array([way for way, _ in best], np.float32) + cost[:, column]
    path = [int(total.argmin())]
    for origins in reversed(came_from):
        path.append(origins[path[-1]])
    return path[::-1]


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize(("rows", "columns"), list(product((2, 3, 9), (1, 2, 17))))
def test_seams_are_the_cheapest(rows, columns, compiled, monkeypatch):
    if not compiled:
        monkeypatch.setattr(polygons, "native", None)
    elif not polygons.native:
        pytest.skip("manuscribe was built without a compiler")
    rng = np.random.default_rng(rows * columns)
    # Few different costs, so that many ways cost the same.
    cost = (rng.integers(0, 4, (6, rows, columns)) * 0.02).astype(np.float32)
    lengths = rng.integers(1, columns + 1, 6)
    lengths[0] = columns
    found = polygons._cheapest(cost, lengths)
    for one, path, length in zip(cost, found, lengths, strict=True):
        assert path[:length].tolist() == plain_cheapest(one, length)
