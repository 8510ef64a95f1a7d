"""Pages that a vision-language model reads as a whole."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from manuscribe.document import Page
from manuscribe.errors import UsageError
from manuscribe.options import validated
from manuscribe.readers.trust.trusted import UNCALIBRATED, TrustedReader
from manuscribe.readers.vlm.passages import passage_of
from manuscribe.readers.vlm.reader import SUSPECT, VlmReader
from manuscribe.reading import pages
from manuscribe.reading.options import ReadingOptions
from manuscribe.reading.pages import LOST, PageReader
from manuscribe.reading.whole import UNPLACED, UNREAD, page_of
from tests.readers.vlm.fakes import FakeRuntime, said

LETTER = Path(__file__).parents[2] / "examples" / "letter.jpg"


@pytest.fixture(scope="module")
def letter():
    """The example as the embedded reader reads it: what is written there, nearly."""
    return PageReader(ReadingOptions(beams=1)).read(LETTER).pages[0]


def reading(monkeypatch, answer, **options):
    runtime = FakeRuntime(answer)

    def load(name, reader_options):
        return TrustedReader(VlmReader(name, reader_options, runtime), None)

    monkeypatch.setattr(pages, "load_reader", load)
    return PageReader(validated(ReadingOptions, reader="vlm:fake", **options)), runtime


def test_a_page_read_as_a_whole_has_its_lines_places(letter, monkeypatch):
    text = "\n".join(line.text for line in letter.lines)
    reader, runtime = reading(monkeypatch, lambda _: said(text))
    (page,) = reader.read(LETTER)
    assert [line.text for line in page.lines] == [line.text for line in letter.lines]
    assert [line.polygon for line in page.lines] == [line.polygon for line in letter.lines]
    assert [line.baseline for line in page.lines] == [line.baseline for line in letter.lines]
    assert len(runtime.asked) == 1
    assert runtime.asked[0].prompt.endswith("page.")
    assert all(line.confidence and UNCALIBRATED in line.notes for line in page.lines)


def test_flowing_text_finds_its_lines_too(letter, monkeypatch):
    reader, _ = reading(monkeypatch, lambda _: said(" ".join(line.text for line in letter.lines)))
    (page,) = reader.read(LETTER)
    alike = [one.text == other.text for one, other in zip(page.lines, letter.lines, strict=True)]
    assert sum(alike) >= 0.9 * len(alike)


def test_a_lost_line_and_a_line_too_many_are_told(letter, monkeypatch):
    rows = [line.text for line in letter.lines]
    rows[3] = "A line that nobody wrote on this page"
    reader, _ = reading(monkeypatch, lambda _: said("\n".join([*rows[:5], *rows[6:]])))
    (page,) = reader.read(LETTER)
    assert any(note == UNREAD for line in page.lines for note in line.notes)
    text = "\n".join(line.text for line in page.lines)
    assert all(row in text for number, row in enumerate(rows) if number != 5)  # nothing is lost


def test_a_model_that_gets_lost_is_shown_the_lines(letter, monkeypatch):
    loop = "round and round it goes " * 200

    def answer(question):
        return said(loop, looped=True) if question.image.shape[0] > 300 else said("one line")

    reader, runtime = reading(monkeypatch, answer)
    (page,) = reader.read(LETTER)
    assert LOST in page.notes
    assert {line.text for line in page.lines} == {"one line"}
    assert runtime.asked[-1].prompt.endswith("line.")
    assert not any(SUSPECT in line.notes for line in page.lines)


def test_line_by_line_from_the_beginning(letter, monkeypatch):
    reader, runtime = reading(monkeypatch, lambda _: said("one line"), line_by_line=True)
    (page,) = reader.read(LETTER)
    assert len(runtime.asked) == len(letter.lines) == len(page.lines)
    assert LOST not in page.notes


def test_line_by_line_is_for_pages_that_would_be_shown_whole(monkeypatch):
    with pytest.raises(UsageError, match="line-by-line"):
        reading(monkeypatch, lambda _: said("a"), line_by_line=True, level="line")
    monkeypatch.undo()
    with pytest.raises(UsageError, match="line-by-line"):
        PageReader(ReadingOptions(line_by_line=True))


@pytest.mark.parametrize("level", ["word", "line"])
def test_single_words_and_lines(monkeypatch, tmp_path, level):
    Image.fromarray(np.full((60, 200, 3), 250, np.uint8)).save(tmp_path / "one.png")
    reader, runtime = reading(monkeypatch, lambda _: said("word"), level=level)
    (page,) = reader.read(tmp_path / "one.png")
    assert page.text == "word"
    assert runtime.asked[0].prompt.endswith(f"{level}.")


def test_a_paragraph_without_lines_that_are_found(monkeypatch, tmp_path):
    Image.fromarray(np.full((300, 400, 3), 250, np.uint8)).save(tmp_path / "one.png")
    reader, _ = reading(monkeypatch, lambda _: said("first line\n\nsecond line"), level="paragraph")
    (page,) = reader.read(tmp_path / "one.png")
    assert [line.text for line in page.lines] == ["first line", "second line"]
    assert len({line.id for line in page.lines}) == 2


def test_grounded_answers_make_regions():
    text = (
        "<|ref|>title<|/ref|><|det|>[[100, 50, 500, 100]]<|/det|>\n# Inventaire\n"
        "<|ref|>text<|/ref|><|det|>[[100, 200, 900, 400]]<|/det|>\nun coffre\nune table"
    )
    page = page_of(passage_of(said(text), ()), Page(1000, 2000), [])
    assert [[line.text for line in region.lines] for region in page.regions] == [
        ["# Inventaire"],
        ["un coffre", "une table"],
    ]
    (left, top), *_ = page.regions[1].polygon
    assert (round(left), round(top)) == (100, 400)


def test_what_belongs_nowhere_stays_in_its_place(letter):
    empty = replace(
        letter,
        regions=tuple(
            replace(region, lines=tuple(replace(line, text="", characters=(), notes=()) for line in region.lines))
            for region in letter.regions
        ),
    )
    hints = [line.text for line in letter.lines]
    rows = ["A heading that the segmenter overlooked entirely", *hints]
    page = page_of(passage_of(said("\n".join(rows)), ()), empty, hints)
    added = [line for line in page.lines if UNPLACED in line.notes]
    assert [line.text for line in added] == rows[:1]
    assert page.lines[0] == added[0]
    assert added[0].polygon is None
    assert len({line.id for line in page.lines}) == len(page.lines)
