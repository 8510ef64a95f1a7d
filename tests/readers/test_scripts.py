"""Which script a page is in, and what strokes mean in it."""

import numpy as np
import pytest

from manuscribe.document import Line
from manuscribe.readers.compact.reader import CompactReader
from manuscribe.readers.compact.reading import Seen
from manuscribe.readers.compact.scripts import ScriptScores, scripts_of
from manuscribe.readers.options import ReaderOptions
from manuscribe.text.charset import charset

TEXTS = [
    "на второй группе",
    "относятся героев",
    "bmopocmenenu",
    "Massachusetts, the 4th of July",
    "в романе Толстого",
    "omnocamca repoeb",
]


def seen(text: str, sure: float = 0.9) -> np.ndarray:
    """Scores of a network that sees a text, with a blank after each letter and a little of everything else."""
    characters = charset()
    frames = np.full((2 * len(text), len(characters) + 1), (1 - sure) / len(characters), np.float32)
    frames[1::2, 0] = sure
    for place, letter in enumerate(text):
        frames[2 * place, characters.index(letter) + 1] = sure
    return np.log(frames / frames.sum(axis=1, keepdims=True))


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> CompactReader:
    """The embedded reader, for which a line's image is the number of a text that its network then sees."""
    reader = CompactReader(ReaderOptions(threads=1))
    monkeypatch.setattr(reader, "_look", lambda line, network, frame: Seen(seen(TEXTS[line[0, 0]]), (64, 400)))
    return reader


def read(reader: CompactReader, *numbers: int, of_one_page: bool = False) -> list[str]:
    images = [np.full((64, 9), number, np.uint8) for number in numbers]
    lines: list[Line] = reader.read(images, of_one_page=of_one_page)
    return [line.text for line in lines]


def test_strokes_seen_as_latin_are_read_as_the_pages_cyrillic(reader: CompactReader) -> None:
    first, second, third, _ = read(reader, 0, 1, 2, 4, of_one_page=True)
    assert (first, second) == (TEXTS[0], TEXTS[1])
    assert scripts_of(third) == {"CYRILLIC"}
    assert third.startswith("вто")


def test_a_page_that_is_all_seen_as_latin_strokes_is_read_as_cyrillic(reader: CompactReader) -> None:
    lines = read(reader, 2, 5, of_one_page=True)
    assert scripts_of("".join(lines)) == {"CYRILLIC"}


def test_what_is_clearly_another_script_stays(reader: CompactReader) -> None:
    assert read(reader, 0, 3, 1, of_one_page=True) == [TEXTS[0], TEXTS[3], TEXTS[1]]
    assert read(reader, 3, 3, 0, of_one_page=True) == [TEXTS[3], TEXTS[3], TEXTS[0]]


def test_lines_that_are_no_page_do_not_depend_on_each_other(reader: CompactReader) -> None:
    assert read(reader, 0, 2, 4) == [read(reader, number)[0] for number in (0, 2, 4)]
    assert scripts_of(read(reader, 2)[0]) == {"LATIN"}


def test_a_language_tells_what_strokes_mean() -> None:
    reader = CompactReader(ReaderOptions(threads=1, language="ru"))
    assert reader._read(Seen(seen(TEXTS[2]), (64, 400))).line.text.startswith("вто")


def test_scores_of_a_script_are_a_distribution_without_the_other_letters() -> None:
    characters = charset()
    scores, _ = ScriptScores(characters, "CYRILLIC")(seen("m!"))
    chances = np.exp(scores)
    assert chances.sum(axis=1) == pytest.approx(1, abs=1e-4)
    assert chances[0, characters.index("т") + 1] > 0.3
    assert chances[0, characters.index("m") + 1] == 0
    assert chances[2, characters.index("!") + 1] > 0.8


def test_scripts_of_texts() -> None:
    assert scripts_of("le 12 mai") == {"LATIN"}
    assert scripts_of("1905, №") == set()
    assert scripts_of("том II") == {"LATIN", "CYRILLIC"}
