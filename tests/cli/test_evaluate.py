import json
import re
import shutil
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from manuscribe.datasets.labelled import LabelledLine
from manuscribe.datasets.lines import write_lines
from manuscribe.document import Document, Page, Region
from manuscribe.formats import get_format
from manuscribe.formats.reading import read_document
from tests.cli.conftest import with_weights

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def lines(tmp_path, line_image):
    """Make a data set whose lines the reader `size` reads right where its texts say so."""

    def make(*widths, texts=None, **known):
        path = tmp_path / "lines.jsonl"
        images = [line_image(f"{n}.png", width) for n, width in enumerate(widths)]
        found = texts or [f"{width}x30" for width in widths]
        write_lines(path, [LabelledLine(i, t, **known) for i, t in zip(images, found, strict=True)])
        return path

    return make


def test_what_is_right_is_right(manuscribe, lines):
    code, out, err = manuscribe("evaluate", lines(60, 70, 80), "--reader", "size")
    assert (code, err) == (0, "")
    assert "| size | 3 | 0.00 % (0.00–0.00) | 0.00 % (0.00–0.00) |" in out
    assert "NFC" in out
    assert "lines/s" in out


def test_errors_are_counted(manuscribe, lines):
    code, out, _ = manuscribe("evaluate", lines(60, 70, texts=["60x31", "70x30"]), "--reader", "size")
    assert code == 0
    assert "| size | 2 | 10.00 % (0.00–20.00) | 50.00 %" in out


def test_the_report_is_in_its_folder(manuscribe, lines, tmp_path):
    data = lines(60, 70, texts=["60x31", "70x30"], group="one", language="fr")
    code, _, err = manuscribe("evaluate", data, "--reader", "size", "--report", tmp_path / "new" / "report")
    assert code == 0
    assert "report.html" in err
    record = json.loads((tmp_path / "new" / "report" / "report.json").read_text("utf-8"))
    assert record["readers"][0]["figures"]["cer"]["value"] == 0.1
    assert record["readers"][0]["name"] == "size"
    assert record["readers"][0]["version"] == "1"
    assert record["readers"][0]["peak_memory"] > 10_000_000
    assert record["readers"][0]["seconds_loading"] > 0
    assert record["lines"][0]["readings"] == {"size": "60x30"}
    assert "## Error rates" in (tmp_path / "new" / "report" / "report.md").read_text("utf-8")
    assert "data:image/jpeg" in (tmp_path / "new" / "report" / "report.html").read_text("utf-8")


def test_every_reader_reads_with_every_width(manuscribe, lines):
    code, out, _ = manuscribe("evaluate", lines(60, 70), "--reader", "size", "--beams", 1, "--beams", 8)
    assert code == 0
    assert "| size, 1 beam |" in out
    assert "| size, 8 beams | +0.00" in out


def test_images_in_parquet_are_read(manuscribe, lines, tmp_path):
    pytest.importorskip("pyarrow")
    manuscribe("data", "merge", lines(60, 70), "-o", tmp_path / "lines.parquet")
    code, out, _ = manuscribe("evaluate", tmp_path / "lines.parquet", "--reader", "size")
    assert code == 0
    assert "| size | 2 | 0.00 %" in out


def test_an_image_that_cannot_be_opened_is_told_and_left_out(manuscribe, lines, tmp_path):
    data = lines(60, 70, 80)
    (tmp_path / "1.png").write_bytes(b"no image")
    code, out, err = manuscribe("evaluate", data, "--reader", "size", "--beams", 1, "--beams", 2)
    assert code == 6
    assert "| size, 1 beam | 2 | 0.00 %" in out
    assert "| size, 2 beams | 2 | 0.00 %" in out
    assert err.count("line 2 is left out") == 1
    assert "1.png" in err


def test_a_line_on_which_the_reader_fails_counts_as_not_read(manuscribe, lines):
    code, out, err = manuscribe("evaluate", lines(13, 60, 70), "--reader", "size")
    assert code == 6
    assert "| size | 3 | 33.33 %" in out
    assert "line 1: ValueError: thirteen" in err


def test_empty_truths_count_insertions(manuscribe, lines):
    code, out, _ = manuscribe("evaluate", lines(60, 70, texts=["", ""]), "--reader", "size")
    assert code == 0
    assert "| size | 2 | 100.00 %" in out


@pytest.mark.parametrize(
    ("code", "arguments", "words"),
    [
        (2, ["DATA", "--reader", "size", "--reader", "size"], "size is named twice"),
        (2, ["DATA", "--reader", "size", "--beams", "2", "--beams", "2"], "size, 2 beams is named twice"),
        (2, ["DATA", "--reader", "size", "--beams", "0"], "Option 'beams'"),
        (2, ["DATA", "--reader", "size", "--peer", "nobody"], "Use tesseract or rapidocr"),
        (2, ["DATA", "--reader", "size", "--engine", "steam"], "Option 'engine'"),
        (2, ["DATA", "--reader", "size", "--report", "DATA"], "Name a folder"),
        (2, ["FOLDER", "--reader", "size", "--peer", "tesseract"], "manuscribe data import"),
        (3, ["absent.jsonl", "--reader", "size"], "No data set at absent.jsonl"),
        (3, ["EMPTY", "--reader", "size"], "holds no line"),
        (3, ["BARE", "--reader", "size"], "holds no images"),
        (3, ["FOLDER", "--reader", "size"], "has no ground truth beside it"),
        (4, ["DATA", "--reader", "nobody"], "Installed readers: compact, size"),
        (4, ["DATA", "--reader", "size", "--reader", "nobody"], "Installed readers: compact, size"),
        (5, ["DATA", "--reader", "size", "--report", "DATA/report"], "cannot be made"),
    ],
)
def test_what_makes_no_sense_is_told(manuscribe, lines, tmp_path, monkeypatch, code, arguments, words):
    data = lines(60)
    for name in ("bare", "folder"):
        (tmp_path / name).mkdir()
    shutil.copy(tmp_path / "0.png", tmp_path / "folder" / "page.png")
    (tmp_path / "empty.jsonl").write_text("")
    monkeypatch.chdir(tmp_path)
    places = {
        **{"DATA": data, "DATA/report": data / "report", "EMPTY": tmp_path / "empty.jsonl"},
        **{"BARE": tmp_path / "bare", "FOLDER": tmp_path / "folder"},
    }
    left, out, err = manuscribe("evaluate", *(places.get(argument, argument) for argument in arguments))
    assert (left, out) == (code, "")
    assert words in err
    assert len(err.splitlines()) == 1


def test_no_image_can_be_opened(manuscribe, lines, tmp_path):
    data = lines(60)
    (tmp_path / "0.png").unlink()
    code, out, err = manuscribe("evaluate", data, "--reader", "size")
    assert (code, out) == (3, "")
    assert "can be opened" in err


@pytest.mark.parametrize(
    ("peer", "remedy"), [("tesseract", "apt-get install tesseract-ocr"), ("rapidocr", "pip install rapidocr")]
)
def test_a_peer_that_is_not_installed_says_how_it_is(manuscribe, lines, monkeypatch, peer, remedy):
    monkeypatch.setattr("manuscribe.evaluation.peers.shutil.which", lambda name: None)
    monkeypatch.setattr("manuscribe.evaluation.peers.find_spec", lambda name: None)
    code, _, err = manuscribe("evaluate", lines(60), "--reader", "size", "--peer", peer)
    assert code == 2
    assert remedy in err


@pytest.mark.skipif(shutil.which("tesseract") is None, reason="Tesseract is not installed")
def test_tesseract_reads_beside(manuscribe, lines):
    code, out, err = manuscribe(
        "evaluate", lines(60, 70), "--reader", "size", "--peer", "tesseract", "--language", "en"
    )
    assert (code, err) == (0, "")
    assert "language eng" in out
    assert "| tesseract | +" in out


@pytest.fixture
def pages(manuscribe, tmp_path):
    """A folder with the letter and a truth at half its size, one line of it with a letter too many, one left out."""
    folder = tmp_path / "pages"
    folder.mkdir()
    shutil.copy(EXAMPLES / "letter.jpg", folder)
    manuscribe("read", folder / "letter.jpg", "-o", folder, "-f", "page", "--reader", "size", "--threads", 1, "-q")
    truth = folder / "letter.page.xml"
    (page,) = read_document(truth).pages
    lines = [replace(line, polygon=_half(line.polygon), baseline=_half(line.baseline)) for line in page.lines]
    lines = [replace(lines[0], text=f"{lines[0].text}!"), *lines[1:-1]]
    page = Page(page.width // 2, page.height // 2, (Region(tuple(lines), "r1"),), image="letter.jpg")
    truth.write_bytes(get_format("page").write(Document((page,))))
    return folder


def _half(points):
    return tuple((x / 2, y / 2) for x, y in points)


@with_weights
def test_pages_are_read_from_end_to_end(manuscribe, pages, tmp_path):
    code, out, err = manuscribe("evaluate", pages, "--reader", "size", "--report", tmp_path / "report", "--threads", 1)
    assert code == 0, err
    assert "### Pages" in out
    record = json.loads((tmp_path / "report" / "report.json").read_text("utf-8"))
    assert record["kind"] == "pages"
    placed = record["readers"][0]["pages"]["by_position"]
    assert (placed["matched"], placed["missed"], placed["extra"]) == (15, 0, 1)
    assert placed["errors"] == placed["invented"] + 1
    assert record["readers"][0]["figures"]["cer"]["value"] == placed["errors"] / placed["length"]
    assert record["readers"][0]["name"] == "size"
    page = (tmp_path / "report" / "report.html").read_text("utf-8")
    assert page.count("<article>") == page.count("data:image/jpeg") == 2


@with_weights
def test_a_page_without_truth_is_told_and_left_out(manuscribe, pages):
    shutil.copy(pages / "letter.jpg", pages / "other.jpg")
    shutil.copy(pages / "letter.page.xml", pages / "third.xml")
    Image.new("RGB", (100, 300)).save(pages / "third.png")
    code, out, err = manuscribe("evaluate", pages, "--reader", "size", "--threads", 1)
    assert code == 6
    assert "other.jpg has no ground truth" in err
    assert "its image has 100 × 300" in err
    assert "1 page," in out


@with_weights
def test_a_page_on_which_the_reader_fails_counts_as_not_read(manuscribe, pages):
    Image.new("RGB", (600, 400), "white").save(pages / "letter.jpg")  # no line: that is what `size` trips over
    text = (pages / "letter.page.xml").read_text("utf-8")
    text = re.sub(r'imageWidth="\d+" imageHeight="\d+"', 'imageWidth="600" imageHeight="400"', text)
    (pages / "letter.page.xml").write_text(text, encoding="utf-8")
    code, out, err = manuscribe("evaluate", pages, "--reader", "size", "--threads", 1)
    assert code == 6
    assert "letter.jpg: size fails: IndexError" in err
    assert "| size | 15 | 100.00 %" in out


def test_ctrl_c_ends_the_reader_too(start, lines):
    process = start("evaluate", lines(60), "--reader", "size", SIZE_READER_SECONDS="60")
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    if not children.is_file():
        process.kill()
        pytest.skip("the system does not tell a process's children")
    while not (found := children.read_text().split()):
        time.sleep(0.1)
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "manuscribe: interrupted\n")
    assert not Path(f"/proc/{found[0]}").exists()
