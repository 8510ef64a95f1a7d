import shutil

import cv2
import numpy as np
import pytest

import peers
from manuscribe.datasets.lines import LabelledLine
from manuscribe.document import Line
from manuscribe.errors import InputError, ModelError
from truth import TruePage

HEADER = "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext\n"
TABLE = HEADER + (
    "1\t1\t0\t0\t0\t0\t0\t0\t100\t80\t-1\t\n"
    "4\t1\t1\t1\t1\t0\t10\t20\t60\t15\t-1\t\n"
    '5\t1\t1\t1\t1\t1\t10\t20\t20\t15\t90.5\t"Dear\n'
    "5\t1\t1\t1\t1\t2\t40\t20\t20\t15\t81\tsir,\n"
    "4\t1\t1\t1\t2\t0\t10\t40\t60\t15\t-1\t\n"
    "5\t1\t1\t1\t2\t1\t10\t40\t60\t15\t95\t \n"
    "4\t1\t2\t1\t1\t0\t10\t60\t60\t15\t-1\t\n"
    "5\t1\t2\t1\t1\t1\t10\t60\t60\t15\t95\tyours\n"
)
BOX = ((0.0, 0.0), (50.0, 0.0), (50.0, 20.0), (0.0, 20.0))


def engine(name, turns, page_text="Dear sir", line_text="Dear"):
    def read_page(_):
        turns.append(name)
        return [Line(page_text, polygon=BOX)]

    def read_line(_):
        turns.append(name)
        return line_text

    return peers.Engine(name, read_page, read_line)


def pages(folder, count):
    line = Line("Dear sir", polygon=BOX)
    return [TruePage(folder / f"{i}.jpg", "letters", (line,), line.text, placed=True) for i in range(count)]


def test_lines_of_tesseract_are_its_words_in_its_boxes():
    first, second = peers.tesseract_lines(TABLE)
    assert first == Line('"Dear sir,', polygon=((10, 20), (70, 20), (70, 35), (10, 35)))
    assert second.text == "yours"


def test_a_blank_page_of_tesseract_has_no_lines():
    assert peers.tesseract_lines(HEADER) == []


def test_without_tesseract_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(ModelError, match=r"no program named tesseract.*apt-get install .* tesseract-ocr-fra"):
        peers.tesseract_engine(1, "fra")


@pytest.mark.skipif(shutil.which("tesseract") is None, reason="tesseract is not installed")
def test_a_language_that_tesseract_lacks_is_named():
    with pytest.raises(ModelError, match="not installed for the language 'qqq'"):
        peers.tesseract_engine(1, "qqq")


def test_engines_take_turns_on_pages(tmp_path):
    turns = []
    text = peers.compare_pages([engine("a", turns), engine("b", turns, "Dear xxx")], pages(tmp_path, 2))
    assert turns == ["a", "b", "b", "a"]
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in text.splitlines()[2:]]
    assert [row[:3] for row in rows] == [
        ["letters, a", "2", "0.0 %"],
        ["letters, b", "2", "37.5 %"],
        ["**all**, a", "2", "0.0 %"],
        ["**all**, b", "2", "37.5 %"],
    ]


def test_a_page_that_cannot_be_read_counts_as_missed(tmp_path, capsys):
    def fail(_):
        raise InputError("0.jpg is empty.")

    text = peers.compare_pages([peers.Engine("a", fail, str)], pages(tmp_path, 1))
    assert "| letters, a | 1 | 100.0 % | 100.0 % | 100.0 % | 100.0 % | 0 | 1 | 0 |" in text
    assert "0.jpg is empty." in capsys.readouterr().err


def test_engines_take_turns_on_lines():
    turns = []
    _, png = cv2.imencode(".png", np.full((8, 30), 255, np.uint8))
    line = LabelledLine(png.tobytes(), "D^ear", "letters", "g", "p", "en")
    text = peers.compare_lines([engine("a", turns), engine("b", turns, line_text="Dea")], [line, line])
    assert turns == ["a", "b", "b", "a"]
    assert [row.split("|")[1:5] for row in text.splitlines()[2:]] == [
        [" a ", " 2 ", " 0.0 % ", " 0.0 % "],
        [" b ", " 2 ", " 25.0 % ", " 100.0 % "],
    ]
