"""Dates and look-alikes on the command line, with a reader that reads what it is told."""

import json
import shutil
from pathlib import Path

import pytest

import manuscribe as package
from manuscribe.datasets.labelled import LabelledLine
from manuscribe.datasets.lines import write_lines
from manuscribe.formats.reading import read_document
from manuscribe.reading.record import NAME as RECORD
from tests.cli.conftest import with_weights

EXAMPLES = Path(__file__).parents[2] / "examples"
PARROT = """
import json
import os

from manuscribe.document import Alternative, Character, Line


class Parrot:
    name, version = "parrot", "1"

    def __init__(self, options):
        self.options = options

    def read(self, lines, *, of_one_page=False):
        said = json.loads(os.environ["PARROT"])
        texts = [said.get(str(line.shape[1]), said["else"]) for line in lines]
        others = (Alternative("none of it", 0.1),) if self.options.nbest > 1 else ()
        return [Line(text, 0.5, tuple(map(Character, text)), others) for text in texts]
"""


@pytest.fixture
def says(tmp_path, monkeypatch):
    """Install the reader `parrot`, and say what it reads in lines of some widths and in all others."""
    folder = tmp_path / "parrot"
    metadata = folder / "parrot-1.dist-info"
    metadata.mkdir(parents=True)
    (folder / "parrot.py").write_text(PARROT, encoding="utf-8")
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: parrot\nVersion: 1\n", encoding="utf-8")
    (metadata / "entry_points.txt").write_text("[manuscribe.readers]\nparrot = parrot:Parrot\n", encoding="utf-8")
    monkeypatch.syspath_prepend(folder)

    def say(text, widths=()):
        monkeypatch.setenv("PARROT", json.dumps({**dict(widths), "else": text}))

    return say


@pytest.fixture
def read(manuscribe, says, line_image):
    """Read an image of a line with this text in it; returns exit code, stdout and stderr."""

    def command(text, *arguments):
        says(text)
        return manuscribe("read", line_image(), "--level", "line", "--reader", "parrot", *arguments)

    return command


def the_line(out):
    (page,) = json.loads(out)["pages"]
    (region,) = page["regions"]
    (line,) = region["lines"]
    return line


TEXT = "Арест. 12/XI-37 г., 3 мaя 1889"  # a Latin a in мая
REPAIRED = "Арест. 12/XI-37 г., 3 мая 1889"


@pytest.mark.parametrize(
    ("arguments", "written"),
    [
        ([], REPAIRED),
        (["--no-lookalikes"], TEXT),
        (["--dates", "keep"], REPAIRED),
        (["--dates", "iso"], "Арест. 12/XI-37 г., 1889-05-03"),
        (["--dates", "iso", "--dates-near", "1940"], "Арест. 1937?-11-12 г., 1889-05-03"),
        (["--dates", "roman"], "Арест. 12.XI.37 г., 3.V.1889"),
        (["--dates", "roman", "--no-lookalikes"], "Арест. 12.XI.37 г., 3 мaя 1889"),
        (["--dates", "iso", "--language", "ru"], "Арест. 12/XI-37 г., 1889-05-03"),
        (["--dates", "iso", "--language", "cu"], "Арест. 12/XI-37 г., 1889-05-03"),  # only a reader may know it
    ],
)
def test_plain_text_is_what_was_asked_for(read, arguments, written):
    assert read(TEXT, *arguments) == (0, f"{written}\n", "")


def test_json_has_the_reading_and_what_was_found_beside_it(read, tmp_path):
    code, out, err = read(TEXT, "--dates", "iso", "-f", "json", "--nbest", 2)
    assert (code, err) == (0, "")
    line = the_line(out)
    assert line["text"] == REPAIRED
    assert line["normalised"] == "Арест. 12/XI-37 г., 1889-05-03"
    assert line["dates"] == [
        {"text": "12/XI-37", "start": 7, "end": 15, "edtf": "XX37-11-12"},
        {"text": "3 мая 1889", "start": 20, "end": 30, "edtf": "1889-05-03"},
    ]
    assert "look-alikes: a at 23 made Cyrillic" in line["notes"]
    assert "".join(character["text"] for character in line["characters"]) == REPAIRED
    assert line["alternatives"] == [{"text": "none of it", "confidence": 0.1}]
    path = tmp_path / "line.json"
    path.write_text(out, encoding="utf-8")
    assert read_document(path).pages[0].lines[0].dates[1].edtf == "1889-05-03"


def test_page_files_have_the_dates_as_tags(read, tmp_path):
    code, out, _ = read(TEXT, "--dates", "keep", "-f", "page")
    assert code == 0
    assert "date {offset:20; length:10; when:1889-05-03;}" in out
    (tmp_path / "line.xml").write_text(out, encoding="utf-8")
    assert [date.text for date in read_document(tmp_path / "line.xml").pages[0].lines[0].dates] == [
        "12/XI-37",
        "3 мая 1889",
    ]


def test_an_impossible_date_is_told_in_a_note_and_stays(read):
    code, out, _ = read("31.02.1937", "--dates", "iso", "-f", "json")
    assert code == 0
    line = the_line(out)
    assert "normalised" not in line
    assert line["dates"] == [{"text": "31.02.1937", "start": 0, "end": 10, "reason": "1937-02 has no day 31"}]
    assert "impossible date: 31.02.1937 (1937-02 has no day 31)" in line["notes"]


def test_unasked_there_are_no_dates(read):
    line = the_line(read("3.V.1889", "-f", "json")[1])
    assert not {"dates", "normalised"} & set(line)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--dates", "english"], "Option 'dates'"),
        (["--dates", "iso", "--dates-near", "37"], "Option 'dates_near'"),
        (["--dates", "iso", "--dates-near", "soon"], "Invalid value"),
        (["--dates-near", "1937"], "Option 'dates_near': It is for dates"),
    ],
)
def test_what_makes_no_sense_is_told(read, arguments, words):
    code, out, err = read("3.V.1889", *arguments)
    assert (code, out) == (2, "")
    assert words in err


def test_the_record_has_the_options_and_others_read_again(manuscribe, says, line_image, tmp_path):
    image, out = line_image(), tmp_path / "out"
    says("3.V.1889")

    def run(*arguments):
        always = ("--level", "line", "--reader", "parrot", "-o", out, "-f", "txt,json")
        code, _, err = manuscribe("read", image, *always, *arguments)
        assert code == 0
        return "1 of 1 images read" in err

    assert run()
    assert not run()
    for arguments in (["--no-lookalikes"], ["--dates", "keep"], ["--dates", "iso"]):
        assert run(*arguments)
        assert not run(*arguments)
    assert run("--dates", "iso", "--dates-near", "1880")
    assert (out / "line.txt").read_text("utf-8") == "1889-05-03\n"
    options = json.loads((out / "line.json").read_text("utf-8"))["provenance"][0]["options"]
    assert {name: options[name] for name in ("lookalikes", "dates", "dates_near")} == {
        "lookalikes": "True",
        "dates": "iso",
        "dates_near": "1880",
    }
    assert len({json.loads(row)["job"] for row in (out / RECORD).read_text("utf-8").splitlines()}) == 5


@with_weights
def test_a_page_and_the_api_do_the_same(says):
    says(TEXT)
    options = {"reader": "parrot", "dates": "iso", "threads": 1}
    (page,) = package.read(EXAMPLES / "letter.jpg", **options)
    assert len(page.lines) > 10
    for line in page.lines:
        assert line.text == REPAIRED
        assert line.normalised == "Арест. 12/XI-37 г., 1889-05-03"
        assert len(line.dates) == 2
        assert line.polygon
    (page,) = package.read(EXAMPLES / "letter.jpg", reader="parrot", lookalikes=False, threads=1)
    assert page.lines[0].text == TEXT
    assert page.lines[0].dates == ()


@with_weights
def test_the_date_of_the_letter_is_read(manuscribe):
    code, out, _ = manuscribe("read", EXAMPLES / "letter.jpg", "--dates", "iso", "--language", "en")
    assert code == 0
    assert out.startswith("Harbour House, 1887-03-14\n")


@pytest.fixture
def evaluate(manuscribe, says, line_image, tmp_path):
    """Evaluate `parrot` on lines of truth, reading, label; returns exit code, stdout and the report."""

    def command(*lines, arguments=()):
        images = [line_image(f"{n}.png", 60 + n) for n in range(len(lines))]
        says("", {60 + n: reading for n, (_, reading, _) in enumerate(lines)})
        data = tmp_path / "lines.jsonl"
        known = [LabelledLine(i, t, label=label) for i, (t, _, label) in zip(images, lines, strict=True)]
        write_lines(data, known)
        report = tmp_path / "report"
        code, out, err = manuscribe("evaluate", data, "--reader", "parrot", "--report", report, *arguments)
        assert code == 0, err
        return out, json.loads((report / "report.json").read_text("utf-8")), report

    return command


def test_what_is_measured_is_repaired_as_what_is_read(evaluate):
    out, report, _ = evaluate(("3 мая", "3 мaя", "text"))
    assert report["readers"][0]["figures"]["cer"]["value"] == 0
    assert report["readers"][0]["options"] == {"confidence": "uncalibrated"}
    out, report, _ = evaluate(("3 мая", "3 мaя", "text"), arguments=["--no-lookalikes"])
    assert report["readers"][0]["figures"]["cer"]["value"] == 1 / 5
    assert report["readers"][0]["options"] == {"lookalikes": "False", "confidence": "uncalibrated"}
    assert "lookalikes False" in out


@with_weights
def test_pages_are_measured_so_too(manuscribe, says, tmp_path):
    folder = tmp_path / "pages"
    folder.mkdir()
    shutil.copy(EXAMPLES / "letter.jpg", folder)
    says(TEXT)
    parrot = ("--reader", "parrot", "--threads", 1)
    manuscribe("read", folder / "letter.jpg", "-o", folder, "-f", "page", "-q", *parrot)
    assert "| parrot | 16 | 0.00 %" in manuscribe("evaluate", folder, *parrot)[1]
    assert "| parrot | 16 | 3.33 %" in manuscribe("evaluate", folder, *parrot, "--no-lookalikes")[1]


def test_dates_that_are_written_differently_are_told_apart_from_wrong_ones(evaluate):
    out, report, folder = evaluate(
        ("3.V.1889", "3 мая 1889", "date"),  # the same day
        ("12.X.1937", "13.X.1937", "date"),
        ("Paris", "Pari", "date"),  # no date that is understood
        ("text", "text", "text"),
    )
    dates = report["readers"][0]["dates"]
    assert (dates["lines"], dates["understood"], dates["right"]["value"]) == (3, 2, 0.5)
    assert dates["cer"]["value"] > dates["cer_normalised"]["value"] == pytest.approx(2 / 25)
    row = next(line for line in out.splitlines() if line.startswith("| parrot | 3 |"))
    assert "50.00 % (0.00–100.00)" in row
    assert "### Dates" in out
    assert "## Dates" in (folder / "report.md").read_text("utf-8")
    assert "<h2>Dates</h2>" in (folder / "report.html").read_text("utf-8")


def test_without_lines_labelled_so_there_is_no_table(evaluate):
    out, report, _ = evaluate(("3.V.1889", "3.V.1889", "text"))
    assert "Dates" not in out
    assert report["readers"][0]["dates"] is None
