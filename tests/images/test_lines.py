import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manuscribe.document.model import Line
from manuscribe.errors import InputError
from manuscribe.images.lines import LONGEST, crop_line, cut_line

BOX = ((50.0, 60.0), (350.0, 60.0), (350.0, 120.0), (50.0, 120.0))
LEVEL = ((50.0, 103.0), (350.0, 103.0))


def page(height=200, width=400, tone=220):
    return np.full((height, width, 3), tone, np.uint8)


def test_height_and_width_follow_the_line():
    crop = cut_line(page(), Line(polygon=BOX, baseline=LEVEL), height=64)
    assert crop.dtype == np.uint8
    assert crop.shape[0] == 64
    assert crop.shape[1] == pytest.approx(300 * 64 / 60, rel=0.08)


def test_the_baseline_is_level_in_the_crop():
    image = page(300, 500)
    slanted = ((60.0, 80.0), (440.0, 200.0))
    points = np.linspace(*np.array(slanted), 4000)
    for x, y in points.round().astype(int):
        image[y - 1 : y + 2, x] = 0
    polygon = tuple((x, y - 40) for x, y in slanted) + tuple((x, y + 15) for x, y in slanted[::-1])
    crop = crop_line(image, Line(polygon=polygon, baseline=slanted))
    dark = crop.pixels[:, 24:-24].argmin(axis=0)
    assert np.ptp(dark) <= 2
    assert dark.mean() == pytest.approx(crop.above * crop.scale, abs=1.5)


def test_a_curved_line_becomes_straight():
    image = page(300, 800)
    xs = np.arange(50, 750)
    ys = 150 + 30 * np.sin(xs / 120)
    for x, y in zip(xs, ys.round().astype(int), strict=True):
        image[y - 1 : y + 2, x] = 0
    curve = tuple(zip(xs[::5].tolist(), ys[::5].tolist(), strict=True))
    polygon = tuple((x, y - 35) for x, y in curve) + tuple((x, y + 15) for x, y in curve[::-1])
    dark = cut_line(image, Line(polygon=polygon, baseline=curve))[:, 12:-12].argmin(axis=0)
    assert np.ptp(dark) <= 3


def test_outside_of_the_polygon_is_paper():
    image = page()
    image[:59] = 0
    image[122:] = 0
    image[:, :49] = 0
    crop = cut_line(image, Line(polygon=BOX, baseline=LEVEL))
    assert crop[1:-1, 2:-2].min() > 150


def test_grey_pages_and_colour_pages_agree():
    image = page()
    image[80:100, 100:200] = 30
    line = Line(polygon=BOX, baseline=LEVEL)
    assert np.array_equal(cut_line(image, line), cut_line(image[..., 0].copy(), line))


def test_a_thin_stroke_survives_strong_shrinking():
    image = page(2000, 6000)
    image[500:1100, 3000:3010] = 0
    box = tuple((x * 15, y * 10) for x, y in BOX)
    crop = cut_line(image, Line(polygon=box, baseline=tuple((x * 15, y * 10) for x, y in LEVEL)))
    assert crop[20:40].min() < 150


@settings(max_examples=50, deadline=None)
@given(st.floats(0, 1), st.floats(0, 64), st.floats(-60, 60))
def test_points_find_back_to_the_page(share, y, fall):
    baseline = ((100.0, 150.0), (500.0, 150.0 + fall))
    polygon = tuple((x, b - 40) for x, b in baseline) + tuple((x, b + 15) for x, b in baseline[::-1])
    crop = crop_line(page(300, 600), Line(polygon=polygon, baseline=baseline))
    column = share * (crop.pixels.shape[1] - 1)
    ((px, py), begin) = crop.to_page([(column, y), (0, y)])
    along = np.array([400, fall]) / np.hypot(400, fall)
    across = np.array([-along[1], along[0]])
    offset = np.array([px, py]) - baseline[0]
    assert offset @ across == pytest.approx(y / crop.scale - crop.above, abs=0.5)
    start = np.array(begin) - baseline[0]
    assert (offset - start) @ along == pytest.approx(column / crop.scale, rel=0.02, abs=1)


def test_located_columns_cover_the_line():
    crop = crop_line(page(), Line(polygon=BOX, baseline=LEVEL))
    corners = np.array(crop.locate(0, crop.pixels.shape[1]))
    assert corners.min(axis=0) == pytest.approx((48, 58), abs=2)
    assert corners.max(axis=0) == pytest.approx((352, 122), abs=2)


@pytest.mark.parametrize("baseline", [None, (), ((60.0, 100.0),), ((60.0, 100.0), (60.0, 100.0))])
def test_a_line_without_a_usable_baseline_is_taken_as_level(baseline):
    crop = cut_line(page(), Line(polygon=BOX, baseline=baseline))
    assert crop.shape[1] == pytest.approx(300 * 64 / 60, rel=0.1)


@pytest.mark.parametrize("polygon", [None, (), ((1.0, 1.0), (2.0, 2.0))])
def test_a_line_without_polygon_is_refused(polygon):
    with pytest.raises(InputError, match="no polygon"):
        cut_line(page(), Line(id="l7", polygon=polygon, baseline=LEVEL))


def test_a_polygon_beside_the_page_is_refused():
    beside = tuple((x + 1000, y) for x, y in BOX)
    with pytest.raises(InputError, match="not on its page"):
        cut_line(page(), Line(polygon=beside))


def test_half_a_polygon_on_the_page_is_enough():
    beyond = tuple((x + 200, y) for x, y in BOX)
    assert cut_line(page(), Line(polygon=beyond)).shape[0] == 64


def test_flat_polygons_and_endless_lines_have_a_size():
    flat = ((0.0, 100.0), (399.0, 100.0), (399.0, 100.5))
    crop = cut_line(page(), Line(polygon=flat))
    assert crop.shape[0] == 64
    assert crop.shape[1] <= LONGEST


@given(st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_the_papers_tone_is_a_percentile_of_the_tones_inside(seed):
    random = np.random.default_rng(seed)
    image = random.integers(0, 256, (80, 200), np.uint8)
    corners = ((20.0, 20.0), (180.0, 20.0), (180.0, 60.0), (20.0, 60.0))
    crop = cut_line(image, Line(polygon=corners, baseline=((20.0, 50.0), (180.0, 50.0))))
    assert abs(int(crop[0, 0]) - np.percentile(image[20:61, 20:181], 85)) <= 1
