"""Long lines in pieces: cut between words, joined without doubled or lost letters."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from manuscribe.document import Character, Line
from manuscribe.readers.trocr.windows import join, windows


def words(count: int, height: int = 40, word: int = 90, gap: int = 30) -> np.ndarray:
    """A line of dark blocks on paper."""
    line = np.full((height, count * (word + gap) + gap), 230, np.uint8)
    for n in range(count):
        start = gap + n * (word + gap)
        line[8:-8, start : start + word] = 40
    return line


def read(text: str, confidence: float = 0.9) -> Line:
    return Line(text=text, confidence=confidence, characters=tuple(Character(c, confidence) for c in text))


def test_short_lines_stay_whole() -> None:
    line = words(5)
    assert windows(line) == [(0, line.shape[1])]


@pytest.mark.parametrize("count", [8, 13, 30, 60])
def test_pieces_overlap_and_cuts_lie_in_gaps(count: int) -> None:
    line = words(count)
    spans = windows(line)
    assert len(spans) > 1
    assert (spans[0][0], spans[-1][1]) == (0, line.shape[1])
    assert all(end - start <= 20 * 40 for start, end in spans)
    for (_, end), (start, _) in pairwise(spans):
        assert end - start >= 40
        assert (line[8:-8, end - 1] == 230).all()
        assert (line[8:-8, start] == 230).all()


def test_without_gaps_it_is_cut_all_the_same() -> None:
    spans = windows(np.full((20, 2000, 3), 128, np.uint8))
    assert len(spans) > 5
    assert all(0 < end - start <= 20 * 20 for start, end in spans)


def test_a_line_of_one_pixel_height() -> None:
    spans = windows(np.full((1, 20_000), 128, np.uint8))
    assert join([read("ab")] * len(spans), spans).text


LINES = [
    "the quick brown fox jumps over the lazy dog and runs away from it",
    "I saw a dog I was a child then a cat a bird a mouse and I ran",
    "Anno 1789 den 3ten Martii 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16",
    "dito dito dito dito dito dito dito dito dito dito dito dito dito",
    "Item 4 ......................................................12",
    "Total 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0",
    "Xaa Xbb Xcc Xdd Xee Xff Xgg Xhh Xii Xjj Xkk Xll Xmm Xnn Xoo Xpp",
]  # fmt: skip


def in_windows(text: str, overlap: int) -> tuple[list[str], list[tuple[int, int]]]:
    """A text of letters 10 pixels wide as windows show it: ends at spaces, where there are some."""
    places = [0, *(n for n, letter in enumerate(text) if letter == " "), len(text)]

    def near(wish: float) -> int:
        place = min(places, key=lambda n: abs(n - wish))
        return place if abs(place - wish) < 8 else round(wish)

    first, second = near(len(text) / 2 - overlap / 2), near(len(text) / 2 + overlap / 2 + 1)
    cuts = [(0, second), (first, len(text))]
    return [text[a:b].strip() for a, b in cuts], [(10 * a, 10 * b) for a, b in cuts]


@pytest.mark.parametrize("overlap", [2, 5, 9])
@pytest.mark.parametrize("text", LINES)
def test_texts_are_joined_without_doubled_or_lost_letters(text: str, overlap: int) -> None:
    pieces, spans = in_windows(text, overlap)
    joined = join([read(piece) for piece in pieces], spans)
    assert joined.text == "".join(c.text for c in joined.characters)
    if text.startswith(("dito", "Item", "Total")):  # how often the same came, nobody can tell to the letter
        assert abs(len(joined.text) - len(text)) <= 6
    else:
        assert joined.text == text
    assert joined.confidence == pytest.approx(0.81, abs=1e-3)


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (["the quick brown fex", "brewn fox jumps off"], "the quick brown fox jumps off"),  # wrong at their edges
        (["one two", "three four"], "one two three four"),  # nothing shared
        (["", "alone"], "alone"),
        (["alone", ""], "alone"),
        (["", ""], ""),
    ],
)
def test_windows_that_differ(pieces: list[str], expected: str) -> None:
    spans = [(0, 190), (100, 290)]
    assert join([read(piece) for piece in pieces], spans).text == expected


def test_a_checkpoint_reads_in_windows(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    from manuscribe.readers.options import ReaderOptions
    from manuscribe.readers.trocr.reader import TrocrReader
    from tests.readers.trocr.building import build, lines

    build(tmp_path)
    reader = TrocrReader(str(tmp_path), ReaderOptions(fit="window", threads=1))
    long = words(30)
    spans = windows(long)
    pieces = TrocrReader(str(tmp_path), ReaderOptions(threads=1)).read([long[:, a:b] for a, b in spans])
    short, found = reader.read([lines(1)[0], long])
    assert found.text == join(pieces, spans).text
    assert short.text
    assert reader.choices["fit"] == "window"
