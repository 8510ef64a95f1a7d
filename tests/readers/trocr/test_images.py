"""Line images become the encoder's input exactly as the image processors of transformers make it."""

from typing import Any

import numpy as np
import pytest

pytest.importorskip("transformers")

from PIL import Image
from transformers import DeiTImageProcessorPil, ViTImageProcessorPil

from manuscribe.readers.trocr.configuration import Preprocessing
from manuscribe.readers.trocr.images import prepare

SIZES = [(30, 200), (64, 900), (100, 100), (200, 31), (7, 5), (1, 1), (1, 3000)]


def noise(height: int, width: int, channels: int = 3) -> np.ndarray:
    shape = (height, width, channels) if channels > 1 else (height, width)
    return np.random.default_rng(height * width).integers(0, 256, shape, dtype=np.uint8)


def theirs(processor: Any, line: np.ndarray) -> np.ndarray:
    return np.asarray(processor(Image.fromarray(line).convert("RGB"), return_tensors="np").pixel_values[0])


@pytest.mark.parametrize("resample", [2, 3])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", SIZES)
def test_the_same_as_the_processor(size: tuple[int, int], channels: int, resample: int) -> None:
    line = noise(*size, channels)
    processor = ViTImageProcessorPil(
        size={"height": 48, "width": 80}, resample=resample, image_mean=[0.4, 0.5, 0.6], image_std=[0.2, 0.3, 0.5]
    )
    settings = Preprocessing(size=(48, 80), resample=resample, image_mean=(0.4, 0.5, 0.6), image_std=(0.2, 0.3, 0.5))
    ours = prepare(line, settings)
    assert (ours.shape, ours.dtype, ours.flags.c_contiguous) == ((3, 48, 80), np.float32, True)
    assert np.abs(ours - theirs(processor, line)).max() < 1e-6


@pytest.mark.parametrize("crop", [(24, 40), (23, 41), (48, 80), (55, 61)])
def test_the_middle_is_cut_as_the_processor_does(crop: tuple[int, int]) -> None:
    """A cut that is larger than the image, too: both put black around it."""
    line = noise(30, 200)
    processor = DeiTImageProcessorPil(
        size={"height": 48, "width": 80}, crop_size={"height": crop[0], "width": crop[1]}, resample=3
    )
    ours = prepare(line, Preprocessing(size=(48, 80), resample=3, crop=crop))
    assert np.abs(ours - theirs(processor, line)).max() < 1e-6


@pytest.mark.parametrize("changes", [{"do_rescale": False}, {"do_normalize": False}, {"rescale_factor": 1 / 100}])
def test_steps_that_a_processor_leaves_out(changes: dict[str, Any]) -> None:
    line = noise(30, 200)
    processor = ViTImageProcessorPil(
        size={"height": 48, "width": 80}, image_mean=[0.5] * 3, image_std=[0.5] * 3, **changes
    )
    ours = prepare(line, Preprocessing(size=(48, 80), **changes))
    assert ours == pytest.approx(theirs(processor, line), rel=1e-6, abs=1e-6)


PLAIN = Preprocessing(size=(40, 80), do_normalize=False, do_rescale=False)
PADDED = Preprocessing(size=(40, 80), do_normalize=False, do_rescale=False, fit="pad")
INK = 20


def place(line: np.ndarray) -> tuple[int, int, int, int]:
    """Where the dark part of a padded image stands: top, bottom, left, right."""
    dark = prepare(line, PADDED)[0] < 128
    rows, columns = np.flatnonzero(dark.any(1)), np.flatnonzero(dark.any(0))
    return rows[0], rows[-1] + 1, columns[0], columns[-1] + 1


def with_paper(height: int, width: int) -> np.ndarray:
    """Mostly paper, with a dark frame that shows where the line's edges come to lie."""
    line = np.full((height, width), 220, np.uint8)
    edge = max(1, min(height, width) // 10)
    line[:edge] = line[-edge:] = line[:, :edge] = line[:, -edge:] = INK
    return line


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((40, 80), (0, 40, 0, 80)),
        ((20, 40), (0, 40, 0, 80)),  # small ones grow
        ((100, 400), (10, 30, 0, 80)),  # in the middle of the height
        ((200, 100), (0, 40, 0, 20)),  # from the left, where writing begins
    ],
)
def test_padding_keeps_proportions(size: tuple[int, int], expected: tuple[int, ...]) -> None:
    assert place(with_paper(*size)) == expected


def test_what_is_around_a_padded_line_is_its_paper() -> None:
    framed = prepare(with_paper(100, 400), PADDED)
    assert framed.shape == (3, 40, 80)
    assert set(framed[:, :9].ravel()) == {220.0}
    assert set(framed[:, 31:].ravel()) == {220.0}
    colour = np.full((10, 100, 3), (250, 240, 200), np.uint8)
    assert [set(channel.ravel()) for channel in prepare(colour, PADDED)] == [{250.0}, {240.0}, {200.0}]


def test_padding_without_need_is_squashing() -> None:
    line = noise(20, 40)
    assert (prepare(line, PADDED) == prepare(line, PLAIN)).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1)])
@pytest.mark.parametrize("fit", ["squash", "pad"])
def test_extreme_images(fit: Any, size: tuple[int, int]) -> None:
    made = prepare(np.full(size, 200, np.uint8), Preprocessing(size=(40, 80), fit=fit))
    assert made.shape == (3, 40, 80)
    assert made == pytest.approx(200 / 127.5 - 1, abs=1e-6)
