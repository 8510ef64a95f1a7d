"""Outlines for what nobody measured."""

from hypothesis import given, settings
from hypothesis import strategies as st

from manuscribe.document.model import Line, Page, Region, Word
from manuscribe.formats.layout import box_of, line_outline, on_page, region_outline, word_outlines

PAGE = Page(200, 100)
OUTLINE = ((10, 10), (110, 10), (110, 30), (10, 30))


def words(*texts):
    return [Word(text, None, None, ()) for text in texts]


def boxes(outlines):
    return [(box.left, box.right) for box in map(box_of, outlines)]


def test_points_are_whole_and_on_the_page():
    assert on_page([(-5, 3.4), (-4, 3.6), (-3, 4), (500, 99.9)], PAGE) == ((0, 3), (0, 4), (199, 99))
    assert on_page([(7, 7)], PAGE) == ((7, 7), (7, 7))


def test_lines_without_polygon_lie_around_their_baseline():
    line = Line(text="0123456789", baseline=((20, 50), (120, 60)))
    assert line_outline(line, Region(), PAGE) == ((20, 35), (120, 45), (120, 65), (20, 55))


def test_lines_without_anything_lie_in_their_region():
    region = Region(polygon=OUTLINE)
    assert line_outline(Line("a"), region, PAGE) == OUTLINE
    assert line_outline(Line("a"), Region(), PAGE) == ((0, 0), (199, 0), (199, 99), (0, 99))


def test_regions_without_polygon_lie_around_their_lines():
    region = Region((Line(polygon=OUTLINE), Line(baseline=((5, 80), (50, 90)))))
    assert region_outline(region, PAGE) == ((5, 10), (110, 10), (110, 90), (5, 90))


def test_words_share_the_line_by_their_letters():
    places = word_outlines(words("abcd", "ef", "ij"), OUTLINE, None, PAGE)
    assert boxes(places) == [(10, 50), (60, 80), (90, 110)]


def test_words_follow_the_direction_of_the_baseline():
    places = word_outlines(words("abcd", "ef", "ij"), OUTLINE, ((110, 28), (10, 28)), PAGE)
    assert boxes(places) == [(70, 110), (40, 60), (10, 30)]


def test_words_of_an_upright_line_are_stacked():
    places = word_outlines(words("ab", "cd"), ((10, 0), (20, 0), (20, 50), (10, 50)), None, PAGE)
    assert [(box.top, box.bottom) for box in map(box_of, places)] == [(0, 20), (30, 50)]


def test_words_of_a_slanted_line_slant():
    slanted = ((0, 0), (100, 50), (100, 60), (0, 10))
    first, last = word_outlines(words("aaa", "bbb"), slanted, None, PAGE)
    assert box_of(first).bottom < box_of(last).bottom
    assert box_of(first).bottom <= 32


def test_known_places_stay():
    known = Word("ab", None, ((1, 1), (9, 1), (9, 9)), ())
    assert word_outlines([known], OUTLINE, None, PAGE) == [((1, 1), (9, 1), (9, 9))]


_coordinate = st.floats(-1e5, 1e5)
_polygons = st.lists(st.tuples(_coordinate, _coordinate), min_size=2, max_size=8)


@settings(derandomize=True)
@given(_polygons, st.lists(st.text("ab", max_size=5), max_size=5))
def test_outlines_are_always_on_the_page(polygon, texts):
    outline = line_outline(Line(polygon=tuple(polygon)), Region(), PAGE)
    for place in (outline, *word_outlines(words(*texts), outline, None, PAGE)):
        assert len(place) >= 2
        assert all(0 <= x < 200 and 0 <= y < 100 and x == int(x) and y == int(y) for x, y in place)
