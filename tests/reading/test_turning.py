"""Pages that lie on their side, stand on their head, are negatives, or have two tones only."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import manuscribe
from manuscribe.document import Character, Line, Page, Region
from manuscribe.images.tones import softened
from manuscribe.reading.pages import NEGATIVE
from manuscribe.reading.turning import is_doubtful, turned, turned_back

LETTER = Path(__file__).parents[2] / "examples" / "letter.jpg"
PIXELS = np.asarray(Image.open(LETTER).convert("RGB"))[:760]  # the upper half: nine lines


@pytest.fixture(scope="module")
def upright(tmp_path_factory: pytest.TempPathFactory) -> Page:
    return read(PIXELS, tmp_path_factory.mktemp("upright"))


def read(pixels: np.ndarray, folder: Path) -> Page:
    Image.fromarray(pixels).save(folder / "page.png")
    (page,) = manuscribe.read(folder / "page.png", threads=2)
    return page


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_turned_page_is_read_and_its_lines_lie_where_they_are_in_the_image(turns, upright, tmp_path) -> None:
    page = read(turned(PIXELS, turns), tmp_path)
    assert page.text == upright.text
    back = 360 - 90 * turns
    assert page.notes == (f"turned: the image was read after turning it by {back} degrees clockwise",)
    height, width = turned(PIXELS, turns).shape[:2]
    assert (page.width, page.height) == (width, height)
    for line, there in zip(page.lines, upright.lines, strict=True):
        assert np.allclose(corners(line, turns), there.baseline, atol=0.2)
        assert line.polygon
        assert all(0 <= x <= width and 0 <= y <= height for x, y in line.polygon)
    assert page.lines[0].characters[0].polygon


def corners(line: Line, turns: int) -> list[tuple[float, float]]:
    """Where the baseline lies on the page before it was turned."""
    height, width = PIXELS.shape[:2]
    back = {
        1: lambda x, y: (y, height - x),
        2: lambda x, y: (width - x, height - y),
        3: lambda x, y: (width - y, x),
    }
    assert line.baseline
    return [back[turns](x, y) for x, y in line.baseline]


def test_an_upright_page_says_nothing(upright: Page) -> None:
    assert upright.notes == ()


def test_a_negative_reads_as_the_page_does(upright: Page, tmp_path: Path) -> None:
    page = read(255 - PIXELS, tmp_path)
    assert page.notes == (NEGATIVE,)
    assert page.text == upright.text


def test_a_page_in_two_tones_is_read_with_soft_edges(tmp_path: Path) -> None:
    sharp = np.where(PIXELS[:400] < 120, np.uint8(0), np.uint8(255)).max(axis=2)
    page = read(sharp, tmp_path)
    assert page == read(softened(sharp, 0.7 / 1600 * max(sharp.shape)), tmp_path)


def test_pages_that_are_well_read_are_not_read_once_more() -> None:
    sure = tuple(Character(letter, 0.9) for letter in "a line")
    assert not is_doubtful([Line("a line", 0.1, sure)])
    assert is_doubtful([Line("a line", 0.9, tuple(replace(one, confidence=0.3) for one in sure))])
    assert is_doubtful([Line("a line", 0.9, sure, expected_cer=0.7)])
    assert not is_doubtful([])
    assert not is_doubtful([Line("a line")])


def test_four_quarters_are_a_whole_turn() -> None:
    corner = ((3.0, 1.0), (5.0, 2.0))
    line = Line("a", characters=(Character("a", 0.5, corner),), polygon=corner, baseline=corner)
    page = Page(30, 20, (Region((line,), polygon=corner), Region((Line("lost"),))))
    again = turned_back(turned_back(page, 1), 3)
    assert (again.regions, again.width, again.height) == (page.regions, 30, 20)
    assert turned_back(turned_back(page, 2), 2).regions == page.regions
