"""Long lines in pieces: cut between words, joined without doubled or lost letters."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from manuscribe.document import Character, Line
from manuscribe.readers.trocr.windows import cut, join


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
    (piece,) = cut(line)
    assert piece is line


@pytest.mark.parametrize("count", [8, 13, 30, 60])
def test_pieces_overlap_and_cuts_lie_in_gaps(count: int) -> None:
    line = words(count)
    pieces = cut(line)
    assert len(pieces) > 1
    assert sum(piece.shape[1] for piece in pieces) > line.shape[1] + 40 * (len(pieces) - 1)
    for piece in pieces:
        assert piece.shape[1] <= 20 * 40
    for left, right in pairwise(pieces):
        assert (left[8:-8, -1] == 230).all()
        assert (right[8:-8, 0] == 230).all()


def test_without_gaps_it_is_cut_all_the_same() -> None:
    pieces = cut(np.full((20, 2000, 3), 128, np.uint8))
    assert len(pieces) > 5
    assert all(piece.shape[1] <= 20 * 20 for piece in pieces)


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (
            ["the quick brown fox", "brown fox jumps over", "over the lazy dog"],
            "the quick brown fox jumps over the lazy dog",
        ),
        (["the quick brown fex", "brewn fox jumps"], "the quick brown fox jumps"),  # each is wrong at its own edge
        (["one two", "three four"], "one two three four"),  # nothing shared
        (["", "alone"], "alone"),
        (["alone", ""], "alone"),
        (["Anno 1789 den", "1789 den 3ten"], "Anno 1789 den 3ten"),
    ],
)
def test_texts_are_joined(pieces: list[str], expected: str) -> None:
    joined = join([read(piece) for piece in pieces])
    assert joined.text == expected
    assert "".join(c.text for c in joined.characters) == expected
    assert joined.confidence == pytest.approx(0.9 ** len(pieces), abs=1e-3)


def test_a_checkpoint_reads_in_windows(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    from manuscribe.readers.options import ReaderOptions
    from manuscribe.readers.trocr.reader import TrocrReader
    from tests.readers.trocr.building import build, lines

    build(tmp_path)
    reader = TrocrReader(str(tmp_path), ReaderOptions(fit="window", threads=1))
    long = words(30)
    pieces = TrocrReader(str(tmp_path), ReaderOptions(threads=1)).read(cut(long))
    short, found = reader.read([lines(1)[0], long])
    assert found.text == join(pieces).text
    assert short.text
    assert reader.choices["fit"] == "window"
