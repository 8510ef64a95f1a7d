import sys
from typing import ClassVar

import cv2
import numpy as np
import pytest

import peers
from engines import EngineFailedError
from manuscribe.datasets.labelled import LabelledLine
from manuscribe.document import Document, Line, Page, Region
from manuscribe.errors import InputError, ModelError, UsageError
from manuscribe.formats import get_format
from truth import TruePage

BOX = ((0.0, 0.0), (50.0, 0.0), (50.0, 20.0), (0.0, 20.0))


class Toy:
    """Reads the same on every image, and keeps whose turn it was."""

    note = "A note."
    models: ClassVar = {"toy.onnx": 2_500_000}
    peak = 7_000_000

    def __init__(self, name, turns, text="Dear sir", baseline=None):
        self.name, self.turns, self.line = name, turns, Line(text, polygon=BOX, baseline=baseline)

    def read(self, image):
        self.turns.append(self.name)
        return (self.line,)


class Unable(Toy):
    def read(self, image):
        raise InputError(f"{image.name} is empty.")


def pages(folder, count):
    line = Line("Dear sir", polygon=BOX)
    return [TruePage(folder / f"{i}.jpg", "letters", (line,), line.text, placed=True) for i in range(count)]


def cells(text):
    return [[cell.strip() for cell in row.split("|")[1:-1]] for row in text.splitlines()]


def labelled_line():
    _, png = cv2.imencode(".png", np.full((8, 30), 255, np.uint8))
    return LabelledLine(png.tobytes(), "D^ear", "letters", "g", "p", "en")


def test_engines_take_turns_on_pages(tmp_path):
    turns = []
    text = peers.compare_pages([Toy("a", turns), Toy("b", turns, "Dear xxx")], pages(tmp_path, 2))
    assert turns == ["a", "b", "b", "a"]
    read, needs = (cells(table)[2:] for table in text.split("\n\n"))
    assert [row[:3] for row in read] == [
        ["letters, a", "2", "0.0 %"],
        ["letters, b", "2", "37.5 %"],
        ["**all**, a", "2", "0.0 %"],
        ["**all**, b", "2", "37.5 %"],
    ]
    assert needs == [["a", "7 MB", "2.5 MB"], ["b", "7 MB", "2.5 MB"]]


def test_a_page_that_cannot_be_read_counts_as_missed(tmp_path, capsys):
    text = peers.compare_pages([Unable("a", [])], pages(tmp_path, 1))
    assert "| letters, a | 1 | 100.0 % | 100.0 % | 100.0 % | 100.0 % | 0 | 1 | 0 |" in text
    assert "0.jpg is empty." in capsys.readouterr().err


def test_engines_take_turns_on_lines():
    turns = []
    text = peers.compare_lines([Toy("a", turns, "Dear"), Toy("b", turns, "Dea")], [labelled_line()] * 2)
    assert turns == ["a", "b", "b", "a"]
    assert [row[:4] + row[6:] for row in cells(text)[2:]] == [
        ["a", "2", "0.0 %", "0.0 %", "7 MB", "2.5 MB"],
        ["b", "2", "25.0 %", "100.0 %", "7 MB", "2.5 MB"],
    ]


def test_a_line_that_cannot_be_read_counts_as_empty(capsys):
    text = peers.compare_lines([Unable("a", [])], [labelled_line()])
    assert cells(text)[2][:4] == ["a", "1", "100.0 %", "100.0 %"]
    assert "line.png is empty." in capsys.readouterr().err


def test_engines_take_turns_on_baselines(tmp_path):
    turns = []
    baseline = ((0.0, 15.0), (50.0, 15.0))
    document = Document((Page(60, 30, (Region((Line("Dear", polygon=BOX, baseline=baseline, id="l1"),), id="r1"),)),))
    images = [tmp_path / f"{i}.jpg" for i in range(2)]
    for image in images:
        image.with_suffix(".xml").write_bytes(get_format("page").write(document))
    text = peers.compare_baselines([Toy("a", turns, baseline=baseline), Toy("b", turns)], images)
    assert turns == ["a", "b", "b", "a"]
    assert [row[:7] + row[9:] for row in cells(text)[2:]] == [
        ["a", "2", "2", "2", "1.000", "1.000", "1.000", "7 MB", "2.5 MB"],
        ["b", "2", "2", "0", "1.000", "0.000", "0.000", "7 MB", "2.5 MB"],
    ]


def test_notes_name_the_models_that_are_counted():
    text = peers.notes([Toy("a", []), Toy("b", [])])
    assert "(a: toy.onnx; b: toy.onnx)" in text
    assert text.count("A note.") == 2


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--engines", "kraken"], "kraken has an environment of its own. Name its Python with --kraken-python."),
        (["--engines", "tesseract", "--baselines-only"], "None of the engines can do baselines."),
        (["--count", "-1"], "--count must not be negative."),
        (["--threads", "0"], "--threads must be at least 1."),
    ],
)
def test_options_without_sense_are_refused(monkeypatch, arguments, problem):
    monkeypatch.setattr(sys, "argv", ["peers.py", *arguments])
    with pytest.raises(UsageError) as refused:
        peers.main()
    assert problem in str(refused.value)


def test_baselines_need_pages_that_have_them(monkeypatch, tmp_path):
    (tmp_path / "a.jpg").touch()
    (tmp_path / "a.txt").write_text("Dear sir", encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["peers.py", "--pages", str(tmp_path), "--baselines-only"])
    with pytest.raises(InputError, match="have no baselines"):
        peers.main()


def test_an_engine_that_fails_ends_everything(monkeypatch, tmp_path):
    def fail(*_):
        raise EngineFailedError("toy 1 ended with code 9.")

    (tmp_path / "a.jpg").touch()
    (tmp_path / "a.txt").write_text("Dear sir", encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["peers.py", "--pages", str(tmp_path), "--pages-only"])
    monkeypatch.setattr(peers, "start", fail)
    with pytest.raises(ModelError, match="toy 1 ended with code 9"):
        peers.main()
