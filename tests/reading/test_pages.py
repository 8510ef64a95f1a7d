"""Reading pages through the public API."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import manuscribe
from manuscribe.errors import InputError, ModelError, UsageError
from manuscribe.evaluation.metrics import character_error_rate
from manuscribe.models.files import ModelFile
from manuscribe.reading.pages import BLANK

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def letter() -> manuscribe.Document:
    return manuscribe.read(EXAMPLES / "letter.jpg", threads=2)


def test_the_sample_letter_is_read(letter: manuscribe.Document) -> None:
    truth = (EXAMPLES / "letter.txt").read_text(encoding="utf-8")
    assert character_error_rate([(truth, letter.text)]) < 0.15


def test_a_page_knows_its_image_and_the_document_how_it_was_made(letter: manuscribe.Document) -> None:
    (page,) = letter.pages
    assert (page.image, page.width, page.height) == ("letter.jpg", 1240, 1600)
    assert [step.name for step in letter.provenance] == ["manuscribe", "segmenter", "compact"]
    assert all(step.version for step in letter.provenance)


def test_characters_stand_on_the_page_in_their_line(letter: manuscribe.Document) -> None:
    for line in letter.pages[0].lines:
        assert line.polygon
        assert line.baseline
        left, right = (pick(x for x, _ in line.polygon) for pick in (min, max))
        for character in line.characters:
            assert character.polygon
            middle = np.mean([x for x, _ in character.polygon])
            assert left - 20 <= middle <= right + 20


def test_reading_twice_gives_the_same(letter: manuscribe.Document) -> None:
    assert manuscribe.read(str(EXAMPLES / "letter.jpg"), threads=1).text == letter.text


@pytest.mark.parametrize("noise", [0, 3])
def test_a_blank_page_is_empty_with_a_note(tmp_path: Path, noise: int) -> None:
    paper = np.random.default_rng(0).normal(225, noise, (900, 700)).clip(0, 255).astype(np.uint8)
    Image.fromarray(paper).save(tmp_path / "blank.png")
    (page,) = manuscribe.read(tmp_path / "blank.png", threads=1)
    assert page.lines == ()
    assert page.notes == (BLANK,)


def test_a_line_image_is_one_line_with_places_in_the_image(tmp_path: Path) -> None:
    from manuscribe.images.lines import cut_line
    from manuscribe.images.opening import open_image

    letter = EXAMPLES / "letter.jpg"
    found = manuscribe.read(letter, threads=1).pages[0].lines[2]
    Image.fromarray(cut_line(open_image(letter), found)).save(tmp_path / "line.png")
    (page,) = manuscribe.read(tmp_path / "line.png", level="line", threads=1)
    (line,) = page.lines
    assert line.text == found.text
    assert line.polygon
    assert all(0 <= x <= page.width for c in line.characters for x, _ in c.polygon or ())


def test_further_pages_of_a_file_are_not_left_out_silently(tmp_path: Path) -> None:
    paper = [Image.new("L", (400, 300), 220) for _ in range(3)]
    paper[0].save(tmp_path / "three.tif", save_all=True, append_images=paper[1:])
    (page,) = manuscribe.read(tmp_path / "three.tif", threads=1)
    assert "only the first of 3 pages was read" in page.notes


def test_bad_input_and_bad_options(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing\.jpg"):
        manuscribe.read(tmp_path / "nothing.jpg")
    with pytest.raises(UsageError, match="'level'"):
        manuscribe.read(EXAMPLES / "letter.jpg", level="book")  # type: ignore[arg-type]


def test_what_is_missing_is_told_although_both_parts_are_loaded_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match="nobody"):
        manuscribe.read(EXAMPLES / "letter.jpg", reader="nobody")
    monkeypatch.setattr("manuscribe.segmentation.segmenter.embedded", lambda _: ModelFile(tmp_path / "none.onnx"))
    with pytest.raises(ModelError, match=r"none\.onnx"):
        manuscribe.read(EXAMPLES / "letter.jpg")
