"""Lines as others cut them out: sloping, with wide margins, without any, as negatives."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import manuscribe
from manuscribe.evaluation.metrics import character_error_rate
from manuscribe.images.tones import softened
from manuscribe.readers.compact.framing import framed
from manuscribe.readers.compact.reader import CompactReader
from manuscribe.readers.options import ReaderOptions

LINES = sorted((Path(__file__).parents[2] / "examples" / "letter-lines").glob("*.webp"))[:6]
Grey = NDArray[np.uint8]


def line(path: Path) -> Grey:
    return np.asarray(Image.open(path).convert("L"))


def paper(image: Grey) -> int:
    return int(np.percentile(image, 80))


def with_margins(image: Grey, share: float) -> Grey:
    room = round(share * len(image))
    return np.asarray(cv2.copyMakeBorder(image, room, room, 0, 0, cv2.BORDER_CONSTANT, value=paper(image)), np.uint8)


def sloping(image: Grey, rise: int) -> Grey:
    """The line sinking by `rise` pixels from its beginning to its end."""
    height, width = image.shape
    taller = with_margins(image, abs(rise) / height / 2)
    matrix = np.array([[1, 0, 0], [rise / width, 1, -rise / 2]], np.float32)
    return np.asarray(cv2.warpAffine(taller, matrix, (width, len(taller)), borderValue=paper(image)), np.uint8)


def without_margins(image: Grey) -> Grey:
    rows = np.flatnonzero((image < paper(image) - 60).sum(axis=1) > 3)
    return image[rows[0] : rows[-1] + 1]


@pytest.fixture(scope="module")
def reader() -> manuscribe.Reader:
    return manuscribe.Reader(language="en", threads=2)


@pytest.fixture(scope="module")
def usual(reader: manuscribe.Reader) -> list[str]:
    return [one.text for one in reader.read_lines([line(path) for path in LINES])]


def test_lines_cut_out_of_pages_stay_as_they_are() -> None:
    kept = [framed(line(path)).shape == line(path).shape for path in LINES]
    assert kept.count(True) >= len(kept) - 1


@pytest.mark.parametrize(
    "changed",
    [
        lambda image: with_margins(image, 0.3),
        lambda image: with_margins(image, 0.8),
        lambda image: sloping(image, 40),
        lambda image: sloping(image, -60),
        without_margins,
        lambda image: 255 - image,
        lambda image: 255 - with_margins(image, 0.8),
    ],
)
def test_they_read_as_lines_do_that_were_cut_out_well(changed, reader, usual) -> None:
    read = reader.read_lines([np.ascontiguousarray(changed(line(path))) for path in LINES])
    assert character_error_rate((text, one.text) for text, one in zip(usual, read, strict=True)) < 0.1


def test_letters_stand_where_they_stand_in_the_image_as_it_came(reader: manuscribe.Reader) -> None:
    image = line(LINES[0])
    loose = with_margins(image, 0.8)
    one, other = reader.read_lines([image, loose])
    assert one.text == other.text
    for letter, there in zip(one.characters, other.characters, strict=True):
        assert letter.polygon
        assert there.polygon
        assert abs(letter.polygon[0][0] - there.polygon[0][0]) < 12
        assert {y for _, y in there.polygon} == {0.0, float(len(loose))}


@pytest.mark.parametrize(
    "image",
    [
        np.full((64, 400), 255, np.uint8),
        np.zeros((64, 400), np.uint8),
        np.full((1, 1), 7, np.uint8),
        np.full((1, 900), 200, np.uint8),
        np.full((900, 3), 200, np.uint8),
        np.tile(np.array([[0, 255]], np.uint8), (40, 300)),
    ],
)
def test_images_without_writing_do_no_harm(image: Grey, reader: manuscribe.Reader) -> None:
    assert framed(image).shape[1] == image.shape[1]
    assert isinstance(reader.read_lines([image])[0].text, str)


def test_a_dash_does_not_become_a_bar() -> None:
    image = np.full((64, 300), 230, np.uint8)
    cv2.line(image, (80, 34), (140, 34), 30, 3)
    assert len(framed(image)) >= 64 / 2.2 - 1


def test_a_line_in_two_tones_is_read_with_soft_edges() -> None:
    sharp = np.where(line(LINES[0]) < 120, np.uint8(0), np.uint8(255))
    soft = softened(sharp, 0.0125 * len(sharp))
    assert (soft != sharp).any()
    reader = CompactReader(ReaderOptions(threads=1))
    assert reader.read([sharp]) == reader.read([soft])
