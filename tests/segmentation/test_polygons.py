import cv2
import numpy as np

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
