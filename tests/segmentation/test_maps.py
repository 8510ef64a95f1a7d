import numpy as np
import pytest

from manuscribe.segmentation.maps import LONG_SIDE, MULTIPLE, prepare


@pytest.mark.parametrize("shape", [(3000, 2000, 3), (500, 900), (1, 1), (2, 5000, 3)])
def test_any_page_fits_the_network(shape):
    pixels, scale = prepare(np.full(shape, 128, np.uint8))
    assert pixels.dtype == np.float32
    assert pixels.shape[:2] == (1, 1)
    assert all(side % MULTIPLE == 0 for side in pixels.shape[2:])
    assert max(pixels.shape) == LONG_SIDE
    assert scale == pytest.approx(LONG_SIDE / max(shape[:2]))
    assert np.allclose(pixels, 128 / 255, atol=0.01)


def test_colours_are_weighed_as_rgb():
    red = np.zeros((64, 64, 3), np.uint8)
    red[..., 0] = 255
    assert prepare(red)[0].mean() == pytest.approx(0.299, abs=0.01)
