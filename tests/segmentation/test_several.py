"""Images of a line that hold two."""

from pathlib import Path

import numpy as np
import pytest

import manuscribe
from manuscribe.images.opening import open_image
from manuscribe.reading.pages import SEVERAL
from manuscribe.segmentation.segmenter import Segmenter
from manuscribe.segmentation.several import holds_several_lines

LETTER = Path(__file__).parents[2] / "examples" / "letter.jpg"


@pytest.fixture(scope="module")
def segmenter() -> Segmenter:
    return Segmenter(threads=1)


def cut(segmenter: Segmenter, first: int, count: int) -> np.ndarray:
    """Lines of the letter as one image."""
    image = open_image(LETTER)
    points = [point for line in segmenter.segment(image).lines[first : first + count] for point in line.polygon or ()]
    (left, top), (right, bottom) = np.min(points, axis=0).astype(int), np.max(points, axis=0).astype(int)
    return image[top:bottom, left:right]


@pytest.mark.parametrize("first", [4, 7, 12])
def test_one_line_and_two(first: int, segmenter: Segmenter) -> None:
    assert not holds_several_lines(cut(segmenter, first, 1), segmenter)
    assert holds_several_lines(cut(segmenter, first, 2), segmenter)
    assert holds_several_lines(cut(segmenter, first, 2)[..., 0], segmenter)


@pytest.mark.parametrize("size", [(1, 1), (300, 1), (1, 300), (64, 64, 3)])
def test_extreme_images(size: tuple[int, ...], segmenter: Segmenter) -> None:
    assert not holds_several_lines(np.full(size, 200, np.uint8), segmenter)


def test_a_reading_says_so(segmenter: Segmenter, tmp_path: Path) -> None:
    from PIL import Image

    for count in (1, 2):
        Image.fromarray(cut(segmenter, 7, count)).save(tmp_path / f"{count}.png")
    for count in (1, 2):
        (page,) = manuscribe.read(tmp_path / f"{count}.png", level="line", threads=1)
        assert (SEVERAL in page.lines[0].notes) == (count == 2)
