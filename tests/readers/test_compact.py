"""The embedded reader with its own weights."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import manuscribe
from manuscribe.errors import ModelError, UsageError
from manuscribe.text.charset import charset

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def line_images() -> list[np.ndarray]:
    """Lines of the sample letter, of several widths and heights."""
    from manuscribe.images.lines import cut_line
    from manuscribe.images.opening import open_image
    from manuscribe.segmentation.segmenter import Segmenter

    letter = open_image(EXAMPLES / "letter.jpg")
    lines = Segmenter(threads=1).segment(letter).lines
    return [cut_line(letter, line, height) for line, height in zip(lines, (64, 40, 100, 64, 64, 90), strict=False)]


def test_the_same_image_reads_the_same_in_any_batch(line_images: list[np.ndarray]) -> None:
    reader = manuscribe.Reader("compact", threads=2)
    together = reader.read_lines(line_images)
    assert [reader.read_lines([image])[0] for image in line_images] == together
    assert reader.read_lines(line_images[::-1])[::-1] == together


def test_paths_pictures_and_arrays_are_the_same(line_images: list[np.ndarray], tmp_path: Path) -> None:
    reader = manuscribe.Reader("compact", threads=1)
    grey = line_images[0]
    Image.fromarray(grey).save(tmp_path / "line.png")
    colour = np.repeat(grey[..., None], 3, axis=2)
    readings = reader.read_lines(
        [grey, colour, Image.fromarray(grey), tmp_path / "line.png", str(tmp_path / "line.png")]
    )
    assert all(reading == readings[0] for reading in readings)


def test_a_line_tells_its_characters_and_their_places(line_images: list[np.ndarray]) -> None:
    (line,) = manuscribe.Reader("compact", threads=1).read_lines(line_images[:1])
    assert line.text == "".join(character.text for character in line.characters)
    assert 0 <= (line.confidence or 0) <= 1
    height, width = line_images[0].shape
    lefts = [character.polygon[0][0] for character in line.characters if character.polygon]
    assert len(lefts) == len(line.text)
    assert lefts == sorted(lefts)
    for character in line.characters:
        assert all(0 <= x <= width and 0 <= y <= height for x, y in character.polygon or ())
        assert 0 <= (character.confidence or 0) <= 1


def test_nbest_are_other_texts_and_less_sure(line_images: list[np.ndarray]) -> None:
    for line in manuscribe.Reader("compact", nbest=4, threads=1).read_lines(line_images):
        assert len(line.alternatives) == 3
        texts = [line.text, *(alternative.text for alternative in line.alternatives)]
        assert len(set(texts)) == 4
        scores = [line.confidence, *(alternative.confidence for alternative in line.alternatives)]
        assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("language", ["ru", "vi"])
def test_a_language_restricts_what_is_written(line_images: list[np.ndarray], language: str) -> None:
    lines = manuscribe.Reader("compact", language=language, beams=2, threads=1).read_lines(line_images)
    assert {character for line in lines for character in line.text} <= set(charset(language))


@pytest.mark.parametrize("size", [(1, 1), (64, 3), (3, 900), (200, 200)])
def test_odd_images_without_writing_read_as_nothing_much(size: tuple[int, int]) -> None:
    (line,) = manuscribe.Reader("compact", threads=1).read_lines([np.full(size, 210, np.uint8)])
    assert len(line.text) <= 2


def test_a_very_long_line_is_read_whole(line_images: list[np.ndarray]) -> None:
    widest = max(line_images[:1] + line_images[3:5], key=lambda image: image.shape[1])
    reader = manuscribe.Reader("compact", threads=2)
    once, thrice = reader.read_lines([widest, np.hstack([widest] * 3)])
    assert len(thrice.text) > 2 * len(once.text)


def test_a_line_beyond_the_limit_is_squeezed_with_a_note_and_its_places_hold(line_images: list[np.ndarray]) -> None:
    line = line_images[0]
    height, width = line.shape
    long = np.full((height, 140 * height), int(np.median(line)), np.uint8)
    long[:, -width:] = line
    (read,) = manuscribe.Reader("compact", threads=2).read_lines([long])
    assert any(note.startswith("squeezed") for note in read.notes)
    lefts = [character.polygon[0][0] for character in read.characters if character.polygon]
    assert np.median(lefts) > long.shape[1] - 1.2 * width


def test_no_images_no_lines() -> None:
    assert manuscribe.Reader("compact", threads=1).read_lines([]) == []


def test_bad_arguments_say_what_is_wrong() -> None:
    with pytest.raises(ModelError, match="Installed readers: compact"):
        manuscribe.Reader("nobody")
    with pytest.raises(UsageError, match="Known languages"):
        manuscribe.Reader(language="tlh")
    with pytest.raises(UsageError, match="'beams'"):
        manuscribe.Reader(beams=0)
    with pytest.raises(UsageError, match="uint8"):
        manuscribe.Reader().read_lines([np.zeros((4, 4), np.float32)])  # type: ignore[list-item]
