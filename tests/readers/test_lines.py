"""Line images as network input."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manuscribe.readers.compact.lines import HEIGHT, MAX_WIDTH, is_squeezed, pad, to_height, to_ink


@given(st.integers(1, 300), st.integers(1, 400))
def test_any_size_comes_to_the_networks_height(height: int, width: int) -> None:
    scaled = to_height(np.full((height, width), 200, np.uint8))
    assert scaled.shape[0] == HEIGHT
    assert scaled.shape[1] == pytest.approx(min(width * HEIGHT / height, MAX_WIDTH), abs=1)


def test_an_endless_line_is_squeezed_to_the_limit() -> None:
    assert to_height(np.zeros((1, 20_000), np.uint8)).shape == (HEIGHT, MAX_WIDTH)
    assert to_height(np.zeros((HEIGHT, MAX_WIDTH + 9), np.uint8)).shape == (HEIGHT, MAX_WIDTH)

    right_end = np.full((HEIGHT, MAX_WIDTH * 2), 255, np.uint8)
    right_end[:, -200:] = 0
    assert to_height(right_end)[:, -90:].max() == 0
    assert is_squeezed(HEIGHT, MAX_WIDTH * 2)
    assert not is_squeezed(HEIGHT, MAX_WIDTH)


def stroke(paper: int, ink: int) -> np.ndarray:
    line = np.full((HEIGHT, 128), paper, np.uint8)
    line[20:44, 40:60] = ink
    return line


@pytest.mark.parametrize(("paper", "ink"), [(255, 0), (180, 60), (120, 40)])
def test_ink_does_not_depend_on_exposure(paper: int, ink: int) -> None:
    values = to_ink(stroke(paper, ink))
    assert values[0, 0] == pytest.approx(0, abs=1e-6)
    assert values[30, 50] == pytest.approx(1, abs=1e-6)


def test_empty_paper_is_not_stretched_into_ink() -> None:
    noise = np.random.default_rng(0).normal(200, 2, (HEIGHT, 200)).astype(np.uint8)
    assert np.abs(to_ink(noise)).max() < 0.5


def test_padding_is_paper() -> None:
    padded = pad(np.ones((HEIGHT, 65), np.float32), 64)
    assert padded.shape == (HEIGHT, 128)
    assert not padded[:, 65:].any()
    assert pad(padded, 64).shape == (HEIGHT, 128)
