"""Real writers who lend their strokes to other texts."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from manuscribe.datasets.labelled import LabelledLine
from manuscribe.datasets.rendering.hands import DRAWN, load_faces
from manuscribe.datasets.rendering.pens import PenHand, Writer, cut_lines
from manuscribe.datasets.rendering.synthetic import LineRenderer
from manuscribe.datasets.rendering.texts import TextSource

WIDTH = 16  # of a letter, in the lines of these tests
LETTERS = " aceimnotu"


def line(text: str, group: str = "w") -> LabelledLine:
    """Each letter a box of its own width on the line, its columns 16 apart."""
    image = np.full((64, WIDTH * len(text) + 64), 230, np.uint8)
    for place, letter in enumerate(text):
        if letter != " ":
            width = 4 + LETTERS.find(letter)
            image[28:46, place * WIDTH + 2 : place * WIDTH + 2 + width] = 20
    return LabelledLine(cv2.imencode(".png", image)[1].tobytes(), text, "own", group, group, "fr")


def scorer(text: str, sure: float = 0.95):
    """A reader that sees each letter of a text in the middle of its box."""

    def scores(ink: np.ndarray) -> np.ndarray:
        rest = (1 - sure) / len(LETTERS)
        found = np.full((ink.shape[3] // 4, len(LETTERS) + 1), rest)
        found[:, 0] = sure
        for place, letter in enumerate(text):
            frame = place * WIDTH // 4 + 2
            found[frame] = rest
            found[frame, LETTERS.index(letter) + 1] = sure
        return np.log(found / found.sum(axis=1, keepdims=True)).astype(np.float32)

    return scores


@pytest.fixture
def writer() -> Writer:
    text = "nom tu cie mot nu"
    lines = [line(text) for _ in range(12)]
    (found,) = cut_lines(lines, 12, scorer(text), LETTERS, seed=0)
    return found


@pytest.fixture
def helper(faces_folder: Path) -> Path:
    return load_faces(faces_folder)[0].path


def test_lines_are_cut_between_letters_and_stand_on_their_feet(writer: Writer) -> None:
    assert len(writer) == 12
    cut = writer[0]
    assert cut.text == "nom tu cie mot nu"
    assert np.all(np.abs(np.diff(cut.starts)[1:] - WIDTH) <= 2)
    assert np.all(cut.ends[:-1] <= cut.starts[1:])
    assert np.all(np.abs(cut.feet - 46) <= 1)
    assert abs(cut.small - 18) <= 2


def test_letters_that_the_reader_does_not_find_are_not_lent() -> None:
    text = "nom tu cie mot nu"
    lines = [line(text) for _ in range(12)]
    assert cut_lines(lines, 12, scorer(text, sure=0.3), LETTERS, seed=0) == []
    mistaken = scorer(text.replace("tu", "te"))
    (found,) = cut_lines(lines, 12, mistaken, LETTERS, seed=0)
    assert "tu" not in found[0].text
    assert "mot" in found[0].text


def test_a_writer_of_few_or_short_lines_lends_nothing() -> None:
    text = "nom tu cie mot nu"
    few = [line(text, "few") for _ in range(5)]
    short = [line("nom", "short") for _ in range(20)]
    unknown = [line("nom tu cie mot nü", "unknown") for _ in range(12)]
    assert cut_lines([*few, *short, *unknown], 100, scorer(text), LETTERS, seed=0) == []


def test_words_come_from_the_longest_pieces_that_were_written(writer: Writer, helper: Path) -> None:
    ink, advance = PenHand(writer, helper, np.random.default_rng(0)).word("mot")
    scale = 0.42 * DRAWN / writer[0].small
    assert ink.shape[0] == 3 * DRAWN
    assert advance == pytest.approx(3 * WIDTH * scale, abs=4)
    inked = np.flatnonzero(ink.max(axis=1) > 0.5)
    assert abs(int(inked[-1]) + 1 - 2 * DRAWN) <= 2  # they stand on the baseline


def test_cyrillic_takes_latin_letters_of_the_same_strokes(writer: Writer, helper: Path) -> None:
    (latin, _), (cyrillic, _) = (
        PenHand(writer, helper, np.random.default_rng(0)).word(word) for word in ("nom", "пот")
    )
    assert np.array_equal(latin, cyrillic)


def test_a_font_adds_what_was_never_written(writer: Writer, helper: Path) -> None:
    hand = PenHand(writer, helper, np.random.default_rng(0))
    (without, short), (added, longer) = hand.word("mo"), hand.word("mob")
    assert longer > short + 4
    assert added.sum() > without.sum()


def test_rendered_lines_have_pens_among_their_hands(writer: Writer, faces_folder: Path) -> None:
    source = TextSource({"en": ["nom tu cie mot nu"]})
    faces = load_faces(faces_folder)
    with_pens, without = (LineRenderer(faces, source, writers) for writers in ([writer], []))
    differ = [
        not np.array_equal(
            with_pens.draw("en", 20, np.random.default_rng(n))[0], without.draw("en", 20, np.random.default_rng(n))[0]
        )
        for n in range(20)
    ]
    assert any(differ)
