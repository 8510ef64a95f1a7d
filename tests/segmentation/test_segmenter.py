import cv2
import numpy as np
import pytest

from manuscribe.errors import ModelError
from manuscribe.evaluation.baselines import score_baselines
from manuscribe.models.files import ModelFile, embedded
from manuscribe.segmentation.levelling import View, angle_of
from manuscribe.segmentation.segmenter import Segmenter

FONT = cv2.FONT_HERSHEY_SCRIPT_SIMPLEX
WORDS = "We were glad to hear from you all"


@pytest.fixture(scope="module")
def segmenter():
    return Segmenter(threads=1)


def letter(height=1400, width=1000, lines=12, scale=1.5):
    """A page with drawn lines and their baselines."""
    page = np.full((height, width, 3), (235, 228, 210), np.uint8)
    baselines = []
    for k in range(lines):
        y = 150 + round(k * 60 * scale)
        cv2.putText(page, WORDS, (90, y), FONT, scale, (60, 50, 40), 2, cv2.LINE_AA)
        right = 90 + cv2.getTextSize(WORDS, FONT, scale, 2)[0][0]
        baselines.append(((90.0, float(y)), (float(right), float(y))))
    return page, baselines


@pytest.mark.parametrize(("across", "down"), [(9, 1), (1, 9)])
def test_a_scroll_is_no_blank_page(segmenter, across, down):
    page = segmenter.segment(np.tile(letter()[0], (down, across, 1)))
    assert 100 <= len(page.lines) <= 116


@pytest.mark.parametrize(("rows", "columns", "lines"), [(400, 500, 4), (200, 400, 2), (580, 300, 6)])
def test_a_clip_is_no_blank_page(segmenter, rows, columns, lines):
    page = segmenter.segment(letter()[0][180 : 180 + rows, 100 : 100 + columns])
    assert abs(len(page.lines) - lines) <= 1
    assert page.lines


def baselines_of(page):
    return [line.baseline for line in page.lines]


def test_a_letter_is_found_in_order(segmenter):
    image, truth = letter()
    page = segmenter.segment(image)
    assert (page.width, page.height) == (1000, 1400)
    assert score_baselines(truth, baselines_of(page)).f1 > 0.9
    heights = [np.mean([y for _, y in line.baseline]) for line in page.lines if len(line.baseline) > 1]
    assert heights == sorted(heights)


@pytest.mark.parametrize("angle", [-35, -12, 9, 18, 40])
def test_lines_that_slope_are_whole_and_where_they_are(segmenter, angle):
    image, truth = letter()
    matrix = cv2.getRotationMatrix2D((500, 700), angle, 1)
    matrix[:, 2] += 400, 250
    sloping = cv2.warpAffine(image, matrix, (1800, 1900), borderValue=(235, 228, 210))
    page = segmenter.segment(sloping)
    there = [tuple((float(x), float(y)) for x, y in np.array(line) @ matrix[:, :2].T + matrix[:, 2]) for line in truth]
    assert score_baselines(there, baselines_of(page)).f1 > 0.9
    back = cv2.invertAffineTransform(matrix)
    heights = [float(np.mean(np.array(line.baseline) @ back[1, :2] + back[1, 2])) for line in page.lines]
    assert heights == sorted(heights)
    assert all(0 <= x <= 1800 and 0 <= y <= 1900 for line in page.lines for x, y in line.polygon)


@pytest.mark.parametrize("shape", [(40_000, 400, 3), (400, 40_000), (1, 40_000), (30_000, 1, 3)])
def test_a_scroll_that_is_turned_takes_no_more_than_it_may(shape):
    view = View.turned(np.full(shape, 200, np.uint8), 30)
    assert view.image.ndim == len(shape)
    assert max(view.image.shape) <= 16_384 + 1
    assert view.image.shape[0] * view.image.shape[1] <= 16_000_000 * 1.01
    corner = (shape[1], shape[0])
    (there,) = np.array([corner]) @ view.matrix[:, :2].T + view.matrix[:, 2]
    assert view.on_page(np.array([there]))[0] == pytest.approx(corner, abs=0.1)


@pytest.mark.parametrize("shape", [(600, 500), (600, 500, 3), (1, 1), (2, 3000)])
def test_blank_paper_is_level(shape):
    assert angle_of(np.full(shape, 200, np.uint8)) == 0


def test_lines_have_all_that_a_reader_needs(segmenter):
    page = segmenter.segment(letter()[0])
    lines = page.lines
    assert len({line.id for line in lines}) == len(lines)
    assert all(region.id and region.polygon for region in page.regions)
    for line in lines:
        assert line.text == ""
        corners = np.array(line.polygon)
        assert len(corners) >= 4
        assert (corners >= 0).all()
        assert (corners <= (page.width, page.height)).all()


@pytest.mark.parametrize("zoom", [0.6, 3.0])
def test_other_resolutions(segmenter, zoom):
    image, truth = letter()
    image = cv2.resize(image, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
    truth = [tuple((x * zoom, y * zoom) for x, y in line) for line in truth]
    assert score_baselines(truth, baselines_of(segmenter.segment(image))).f1 > 0.9


def test_large_writing_on_a_small_sheet(segmenter):
    image, truth = letter(height=700, width=2400, lines=2, scale=4.0)
    assert score_baselines(truth, baselines_of(segmenter.segment(image))).f1 > 0.75


def test_slivers_of_the_facing_page_are_left_out(segmenter):
    image, _ = letter()
    gutter = np.full((1400, 120, 3), image[0, 0], np.uint8)
    both = np.hstack([image[:, 300:340], gutter, image])
    assert all(line.baseline[0][0] > 80 for line in segmenter.segment(both).lines)


def test_slanted_pages(segmenter):
    image, truth = letter()
    turn = cv2.getRotationMatrix2D((500, 700), 5, 1)
    image = cv2.warpAffine(image, turn, (1000, 1400), borderValue=(235, 228, 210))
    truth = [tuple(map(tuple, np.array(line) @ turn[:, :2].T + turn[:, 2])) for line in truth]
    assert score_baselines(truth, baselines_of(segmenter.segment(image))).f1 > 0.85


def test_grey_is_as_good_as_colour(segmenter):
    image, _ = letter()
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    assert segmenter.segment(grey) == segmenter.segment(np.stack([grey] * 3, axis=-1))


def test_the_same_page_gives_the_same_lines(segmenter):
    image, _ = letter()
    assert segmenter.segment(image) == segmenter.segment(image.copy())


def blank():
    return np.full((1400, 1000, 3), 240, np.uint8)


def noise():
    return np.random.default_rng(1).integers(0, 256, (1400, 1000, 3), np.uint8)


def black():
    return np.zeros((900, 1300, 3), np.uint8)


def ruled():
    page = blank()
    for y in range(100, 1350, 50):
        cv2.line(page, (0, y), (1000, y), (170, 180, 220), 2)
    return page


@pytest.mark.parametrize("make", [blank, noise, black, ruled])
def test_nothing_is_found_where_nothing_is_written(segmenter, make):
    assert segmenter.segment(make()).regions == ()


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 4000, 3), (4000, 5), (64, 64)])
def test_odd_shapes_are_survived(segmenter, shape):
    page = segmenter.segment(np.full(shape, 200, np.uint8))
    assert (page.height, page.width) == shape[:2]


def test_missing_and_damaged_weights_are_reported(tmp_path):
    with pytest.raises(ModelError, match=r"gone\.onnx"):
        Segmenter(ModelFile(tmp_path / "gone.onnx"))
    (tmp_path / "bad.onnx").write_bytes(b"nothing")
    with pytest.raises(ModelError, match=r"bad\.onnx"):
        Segmenter(ModelFile(tmp_path / "bad.onnx"))


def test_name_and_version_are_those_of_the_weights(segmenter):
    assert (segmenter.name, segmenter.version) == ("segmenter", embedded("segmenter").version)
