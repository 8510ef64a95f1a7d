"""A reader in a process of its own, with a plugin that prints, fails and dies."""

import pytest

from manuscribe.datasets.labelled import LabelledLine
from manuscribe.errors import ModelError, UsageError
from manuscribe.evaluation.candidates import Candidate
from manuscribe.evaluation.processes import ReaderEndedError, ReaderProcess
from manuscribe.readers.options import ReaderOptions

PLUGIN = """
import os

from manuscribe.document import Line
from manuscribe.errors import UsageError

print("noise on stdout at import")


class OddReader:
    name, version, choices = "odd", "7", {"colour": 3}

    def __init__(self, options):
        if options.language:
            raise UsageError("odd knows no language.", "Leave it out.")
        if options.beams == 9:
            raise RuntimeError("nine\\nbeams")

    def read(self, lines, *, of_one_page=False):
        print("noise on stdout")
        widths = [line.shape[1] for line in lines]
        if 3 in widths:
            os._exit(3)
        if 4 in widths:
            raise ValueError("four")
        return [Line(f"ж{width}") for width in widths]
"""


@pytest.fixture
def odd(tmp_path, monkeypatch):
    """Start the reader `odd` with some options."""
    (tmp_path / "odd_reader.py").write_text(PLUGIN, encoding="utf-8")
    metadata = tmp_path / "odd_reader-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: odd-reader\nVersion: 1\n", encoding="utf-8")
    (metadata / "entry_points.txt").write_text("[manuscribe.readers]\nodd = odd_reader:OddReader\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return lambda **options: ReaderProcess(Candidate("odd", "the odd one", ReaderOptions(**options)), "lines")


@pytest.fixture
def lines(tmp_path, monkeypatch):
    """Make lines of these widths; a width of 0 is a file that is no image."""
    from PIL import Image

    def make(*widths):
        found = []
        for width in widths:
            path = tmp_path / f"{width}.png"
            if width:
                Image.new("L", (width, 8)).save(path)
            else:
                path.write_bytes(b"no image")
            found.append(LabelledLine(path if width % 2 else path.read_bytes(), "text"))
        return found

    return make


def test_readings_come_in_order_whatever_is_printed(odd, lines):
    with odd(beams=2) as reader:
        read = reader.read_lines(lines(5, 6, 7))
        assert read.texts == ("ж5", "ж6", "ж7")
        assert (reader.name, reader.version) == ("odd", "7")
        assert reader.choices == {"colour": "3", "confidence": "uncalibrated"}
        first = reader.expense.reading
        reader.read_lines(lines(8))
        assert reader.expense.reading > first > 0
        assert reader.expense.loading > 0
        assert reader.expense.peak > 10_000_000


def test_a_bad_line_costs_itself_alone(odd, lines):
    with odd() as reader:
        read = reader.read_lines(lines(5, 4, 0, 6))
        assert read.texts == ("ж5", None, None, "ж6")
        assert read.failed == {1: "ValueError: four"}
        assert list(read.unreadable) == [2]
        assert reader.read_lines(lines(0)).texts == (None,)


def test_a_reader_that_dies_is_told(odd, lines):
    with pytest.raises(ReaderEndedError, match="the odd one: its process ended with code 3"), odd() as reader:
        reader.read_lines(lines(3))


def test_what_is_wrong_at_loading_is_told_as_it_is(odd):
    with pytest.raises(UsageError, match=r"odd knows no language\. Leave it out\."):
        odd(language="fr")
    with pytest.raises(ModelError, match="the odd one fails: RuntimeError: nine beams"):
        odd(beams=9)
