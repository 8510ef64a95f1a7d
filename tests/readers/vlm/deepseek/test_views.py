import numpy as np
import pytest

from manuscribe.errors import UsageError
from manuscribe.readers.vlm.deepseek.views import MODES, grid_of, mode_of, places_of, show

SIZES = [
    (200, 80),
    (80, 200),
    (640, 640),
    (641, 640),
    (1000, 1400),
    (1600, 400),
    (2480, 3508),
    (5000, 7000),
    (7000, 700),
]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("mode", "paper"), [("tiny", 64), ("small", 100), ("base", 256), ("large", 400)])
def test_counts_of_the_paper(mode, paper, size):
    side = int(paper**0.5)
    # The paper counts places that show something: not the newline of each row, and not the separator.
    assert places_of(*size, MODES[mode]) == paper + side + 1


@pytest.mark.parametrize("size", SIZES)
def test_tiles_take_a_hundred_places_each(size):
    columns, rows = grid_of(*size, MODES["gundam"])
    tiles = columns * rows
    if max(size) <= 640:
        assert (columns, rows) == (1, 1)
        assert places_of(*size, MODES["gundam"]) == 256 + 16 + 1
        return
    assert 2 <= tiles <= 6
    assert places_of(*size, MODES["gundam"]) == tiles * 100 + 10 * rows + 256 + 16 + 1


def test_grid_is_nearest_to_the_images_proportions():
    expected = {(1000, 1400): (2, 3), (1600, 400): (4, 1), (7000, 700): (6, 1), (900, 901): (2, 2), (641, 641): (2, 2)}
    # A square of 641 pixels has fewer pixels than half of four tiles: but no smaller grid is a square.
    assert {size: grid_of(*size, MODES["gundam"]) for size in expected} == expected


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [(200, 80), (641, 500), (1000, 1400)])
def test_what_is_shown_has_the_places_that_are_told(mode, size):
    width, height = size
    found = show(np.full((height, width, 3), 90, np.uint8), MODES[mode])
    side, each = found.whole.shape[1] // 64, (found.tiles.shape[2] // 64 if found.tiles is not None else 0)
    columns, rows = found.grid
    assert found.places == (side + 1) * side + 1 + (each * columns + 1) * each * rows
    assert found.whole.dtype == np.float32
    assert (found.tiles is None) == (found.grid == (1, 1))


def test_large_modes_keep_proportions_on_grey_and_small_ones_stretch():
    image = np.zeros((100, 400), np.uint8)
    wide = show(image, MODES["base"]).whole
    assert (wide[0, 0] != -1).all()  # grey above
    assert (wide[0, 512] == -1).all()
    assert abs(wide[0, 0, 0]) < 0.01
    assert (show(image, MODES["tiny"]).whole == -1).all()


def test_tiles_come_row_by_row():
    image = np.zeros((1280, 1920, 3), np.uint8)
    for row in range(2):
        for column in range(3):
            image[row * 640 : (row + 1) * 640, column * 640 : (column + 1) * 640] = 40 * (3 * row + column)
    found = show(image, MODES["gundam"])
    assert found.grid == (3, 2)
    middles = [round(float(tile[0, 320, 320] + 1) * 127.5) for tile in found.tiles]
    assert middles == [0, 40, 80, 120, 160, 200]


def test_sizes_by_name_and_in_pixels():
    assert mode_of("tiny") == MODES["tiny"]
    assert mode_of("256").base == 256
    for wrong in ("huge", "100", "0", "99968", "-64", "٦٤"):
        with pytest.raises(UsageError):
            mode_of(wrong)
