"""Review lists on the command line: what is listed, what is promised, and that nothing from outside does harm."""

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import manuscribe as package
from manuscribe.document import Character, Line
from manuscribe.errors import InputError
from manuscribe.formats.reading import read_document
from manuscribe.images.opening import open_image
from manuscribe.models.files import WEIGHTS
from manuscribe.readers.options import ReaderOptions
from manuscribe.readers.protocol import LineReader, load_bare_reader
from manuscribe.readers.trust.calibration import Calibration, CalibrationFile, Level, Levels
from manuscribe.readers.trust.features import Rows, character_rows, evidence_of, line_row, word_rows
from manuscribe.readers.trust.trusted import conditions_of, read_with_signals
from tests.cli.conftest import with_weights

EXAMPLES = Path(__file__).parents[2] / "examples"
ORACLE = """
import json
import os

from manuscribe.document import Character, Line


class Oracle:
    name, version = "oracle", "1"

    def __init__(self, options):
        self.options = options

    def read(self, lines, *, of_one_page=False):
        return [self.line(*json.loads(os.environ["ORACLE"])[str(line.shape[1])]) for line in lines]

    def line(self, text, confidence, *notes):
        return Line(text, confidence, tuple(Character(c, confidence) for c in text), notes=notes)
"""


def weighted(rows: Rows, name: str, weight: float) -> Level:
    """A regression on one column alone."""
    size = len(rows.names)
    weights = np.zeros(2 * size + 1)
    weights[rows.names.index(name)] = weight
    return Level(columns=rows.names, mean=(0.0,) * size, scale=(1.0,) * size, weights=tuple(weights))


def calibration_of(name: str, reader: LineReader, path: Path) -> Path:
    """A file after which a line has as many errors as it is unsure: its expected CER is 1 − confidence."""
    image = np.full((64, 60, 3), 230, np.uint8)
    ((line, signals),) = read_with_signals(reader, [image])
    line = line if line.text else Line("a b", 0.5, tuple(map(Character, "a b")))
    signals = type(signals)(
        {name: np.resize(one, len(line.text)) for name, one in signals.characters.items()}, signals.line
    )
    evidence = evidence_of(line, signals, image)
    characters = character_rows(evidence)
    sure = np.full(len(evidence.text), 0.5)
    words = word_rows(evidence, sure)
    whole = line_row(evidence, sure, np.full(len(evidence.words), 0.5))
    levels = Levels(
        characters=weighted(characters, "sureness", 1),
        words=weighted(words, words.names[0], 1),
        line=weighted(whole, "line's confidence", 1),
        errors=weighted(whole, "line's confidence", -1),
    )
    found = Calibration(reader=name, version=reader.version, conditions=conditions_of(reader), lines=1, levels=levels)
    path.write_text(CalibrationFile(calibrations=(found,)).model_dump_json(), encoding="utf-8")
    return path


@pytest.fixture
def says(tmp_path, monkeypatch):
    """Install the reader `oracle`, and tell it what it reads: text, confidence and notes by the line's width."""
    folder = tmp_path / "oracle"
    metadata = folder / "oracle-1.dist-info"
    metadata.mkdir(parents=True)
    (folder / "oracle.py").write_text(ORACLE, encoding="utf-8")
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: oracle\nVersion: 1\n", encoding="utf-8")
    (metadata / "entry_points.txt").write_text("[manuscribe.readers]\noracle = oracle:Oracle\n", encoding="utf-8")
    monkeypatch.syspath_prepend(folder)

    def say(readings):
        monkeypatch.setenv("ORACLE", json.dumps({60: ("a b", 0.5), **readings}))

    say({})
    return say


@pytest.fixture
def calibration(says, tmp_path):
    return calibration_of("oracle", load_bare_reader("oracle", ReaderOptions()), tmp_path / "oracle.json")


@pytest.fixture
def review(manuscribe, calibration, says, line_image, tmp_path):
    """Read images of lines, of which text, confidence and notes are given; returns exit code, stderr, and the list."""

    def command(*readings, at=0.02, arguments=(), names=None):
        says({100 + n: reading for n, reading in enumerate(readings)})
        for n, name in enumerate([f"{n}.png" for n in range(len(readings))] if names is None else names):
            if not (tmp_path / "scans" / name).exists():  # what is written again is read again
                line_image(f"scans/{name}", 100 + n)
        chosen = ("--level", "line", "--reader", "oracle", "--calibration", calibration, "--review-at", at)
        code, out, err = manuscribe("read", tmp_path / "scans", "-o", tmp_path / "out", *chosen, *arguments)
        assert out == ""
        return code, err, json.loads((tmp_path / "out" / "review.json").read_text("utf-8"))

    return command


def table(out):
    with (out / "review.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def pictures(out):
    return {f"review/{path.name}" for path in (out / "review").iterdir()}


def test_lines_to_check_are_listed_most_errors_first(review, tmp_path):
    code, err, found = review(("sure " * 10, 0.99), ("doubt", 0.8), ("doubtful " * 4, 0.9), ("", None), ("sure", 0.99))
    assert code == 0
    assert (found["format"], found["version"]) == ("manuscribe-review", 1)
    assert [Path(line["image"]).name for line in found["lines"]] == ["3.png", "2.png", "1.png"]
    assert [line["why"] for line in found["lines"]] == [["nothing read"], ["expected CER 0.1"], ["expected CER 0.2"]]
    assert [line["expected_errors"] for line in found["lines"]] == [None, pytest.approx(4), pytest.approx(1.25)]
    assert found["summary"] == {
        "promise": 0.02,
        "lines": 5,
        "accepted": 2,
        "to_check": 3,
        "share_to_check": 0.6,
        "expected_cer_of_accepted": 0.01,
        "expected_cer": pytest.approx((0.54 / 0.99 + 1.25 + 4) / (54 / 0.99 + 6.25 + 40), abs=1e-4),
    }
    assert err.splitlines()[-2:] == [
        f"3 of 5 lines are to be checked: {tmp_path / 'out' / 'review.csv'}.",
        "The others together have an expected CER of 1 %.",
    ]


def test_the_table_says_the_same(review, tmp_path):
    _, _, found = review(("doubt", 0.8, "truncated: too long"), ("sure", 0.99))
    (row,) = table(tmp_path / "out")
    (line,) = found["lines"]
    assert row == {
        "why": "truncated", "text": "doubt", "expected_errors": "1.25", "expected_cer": "0.2", "confidence": "0.8",
        "image": str(tmp_path / "scans" / "0.png"), "page": "1", "region": "r1", "line": "l1",
        "crop": "review/0.line1.png", "alternatives": "", "notes": "truncated: too long",
    }  # fmt: skip
    assert line["notes"] == ["truncated: too long"]
    assert line["polygon"] == [[0, 0], [100, 0], [100, 30], [0, 30]]


def test_json_documents_are_written_too_whatever_was_asked_for(review, tmp_path):
    review(("doubt", 0.8), arguments=["-f", "txt"])
    assert (tmp_path / "out" / "0.txt").read_text("utf-8") == "doubt\n"
    (line,) = read_document(tmp_path / "out" / "0.json").pages[0].lines
    assert line.expected_cer == 0.2
    assert line.word_confidences


def test_what_an_earlier_run_has_read_is_in_the_list_too(review):
    _, _, first = review(("doubt", 0.8), ("sure", 0.99))
    code, err, again = review(("doubt", 0.8), ("sure", 0.99), ("new", 0.5))
    assert code == 0
    assert "1 of 3 images read" in err
    assert "2 were already" in err
    assert [line["text"] for line in again["lines"]] == ["new", "doubt"]
    assert again["lines"][1] == first["lines"][0]


def test_another_rate_reads_nothing_anew_and_leaves_no_old_pictures(review, tmp_path):
    readings = ("doubt", 0.8), ("sure", 0.99), ("doubtful", 0.9)
    assert len(review(*readings)[2]["lines"]) == 2
    own = tmp_path / "out" / "review" / "mine.png"
    own.write_bytes(b"a file of somebody else's")
    _, err, found = review(*readings, at=0.08)
    assert "0 of 3 images read" in err
    assert [line["text"] for line in found["lines"]] == ["doubt"]
    assert pictures(tmp_path / "out") == {found["lines"][0]["crop"], "review/mine.png"}


def test_an_image_that_can_no_longer_be_read_is_not_in_the_list(review, tmp_path):
    assert len(review(("doubt", 0.8), ("doubtful", 0.9))[2]["lines"]) == 2
    (tmp_path / "scans" / "0.png").write_bytes(b"")
    code, _, found = review(("doubt", 0.8), ("doubtful", 0.9), names=[])
    assert code == 6
    assert [line["text"] for line in found["lines"]] == ["doubtful"]
    assert pictures(tmp_path / "out") == {"review/1.line1.png"}


def test_a_promise_that_no_line_keeps(review):
    code, err, found = review(("doubt", 0.8), ("doubtful", 0.9), at=0.01)
    assert code == 0
    assert found["summary"]["accepted"] == 0
    assert found["summary"]["expected_cer_of_accepted"] is None
    assert "2 of 2 lines are to be checked" in err
    assert err.splitlines()[-1] == "No line has an expected CER of 1 % or less; that of all together is 14.1 %."


def test_nothing_was_read_anywhere(review):
    code, err, found = review(("", None))
    assert (code, found["summary"]["expected_cer"]) == (0, None)
    assert err.splitlines()[-1] == "No line has an expected CER of 2 % or less; that of all together is unknown."


def test_every_line_keeps_the_promise(review, tmp_path):
    _, err, found = review(("sure", 0.99))
    assert found["lines"] == table(tmp_path / "out") == []
    assert err.splitlines()[-1] == "No line need be checked: all 1 have an expected CER of 1 % together."
    assert not (tmp_path / "out" / "review").exists()


def test_quiet_says_nothing(review):
    code, err, found = review(("doubt", 0.8), arguments=["-q"])
    assert (code, err) == (0, "")
    assert len(found["lines"]) == 1


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "＝", "\0"])
def test_no_text_becomes_a_formula(review, tmp_path, start):
    text = f'{start}HYPERLINK("http://example.org","1"),2'
    _, _, found = review((text, 0.8, f"truncated{start}"), (f"{start}1", 0.8, "repetition", f"{start}2"))
    rows = {row["image"][-5]: row for row in table(tmp_path / "out")}
    assert rows["0"]["text"] == f"'{text}"
    assert rows["1"]["text"] == f"'{start}1"
    assert {line["text"] for line in found["lines"]} == {text, f"{start}1"}


def test_no_file_name_becomes_a_formula(manuscribe, calibration, says, line_image, tmp_path, monkeypatch):
    says({100: ("doubt", 0.5)})
    line_image("scans/=1+1.png", 100)
    monkeypatch.chdir(tmp_path / "scans")
    options = ("--level", "line", "--reader", "oracle", "--calibration", calibration, "--review-at", 0.02)
    assert manuscribe("read", ".", "-o", "../out", *options)[0] == 0
    (row,) = table(tmp_path / "out")
    assert row["image"] == "'=1+1.png"
    assert (tmp_path / "out" / row["crop"]).is_file()


NAMES = [
    "a b?#%.png", "a_b___.png", "a..;.png", "line\nbreak.png", "caf\udce9.png", "<b>&.png", "письмо.png",
    f"{'x' * 230}.png", f"{'ж' * 110}.png", "-q.png",
]  # fmt: skip


def test_pictures_have_safe_names_whatever_the_images_are_called(review, tmp_path):
    code, _, found = review(*(("doubt", 0.8) for _ in NAMES), names=NAMES)
    assert code == 0
    assert {Path(line["image"]).name for line in found["lines"]} == set(NAMES)
    crops = [line["crop"] for line in found["lines"]]
    assert set(crops) == pictures(tmp_path / "out") == {row["crop"].lstrip("'") for row in table(tmp_path / "out")}
    assert len(set(crops)) == len(NAMES)
    for crop in crops:
        name = crop.removeprefix("review/")
        assert all(character.isalnum() or character in "._-" for character in name)
        assert len(os.fsencode(name)) <= 255
    assert "review/письмо.line1.png" in crops
    before = pictures(tmp_path / "out")
    review(*(("doubt", 0.8) for _ in NAMES), names=NAMES)
    assert pictures(tmp_path / "out") == before


def test_an_image_called_review_does_not_overwrite_the_list(review, tmp_path):
    code, _, found = review(("doubt", 0.8), names=["Review.png"])
    assert code == 0
    assert found["lines"][0]["crop"] == "review/scans-Review.png.line1.png"
    assert read_document(tmp_path / "out" / "scans-Review.png.json").text == "doubt"


def test_a_damaged_document_of_an_earlier_run_is_told(manuscribe, review, tmp_path, calibration):
    review(("doubt", 0.8))
    (tmp_path / "out" / "0.json").write_text("{}", encoding="utf-8")
    options = ("--level", "line", "--reader", "oracle", "--calibration", calibration, "--review-at", 0.02)
    code, _, err = manuscribe("read", tmp_path / "scans", "-o", tmp_path / "out", *options)
    assert code == 3
    assert "0.json" in err


def test_a_reader_that_nobody_calibrated_is_refused_before_reading(manuscribe, says, line_image, tmp_path):
    arguments = ("read", line_image(), "--level", "line", "--reader", "oracle", "-o", tmp_path / "out")
    code, out, err = manuscribe(*arguments, "--review-at", "0.02")
    assert (code, out) == (4, "")
    assert "manuscribe calibrate oracle" in err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_a_calibration_of_another_reader_is_refused(manuscribe, calibration, line_image, tmp_path):
    code, _, err = manuscribe(
        "read", line_image(), "--level", "line", "--reader", "size", "--calibration", EXAMPLES / "letter.txt"
    )
    assert code == 4
    assert "letter.txt is no calibration" in err
    other = json.loads(calibration.read_text("utf-8"))
    other["calibrations"][0]["version"] = "2"
    calibration.write_text(json.dumps(other), encoding="utf-8")
    code, _, err = manuscribe(
        "read", line_image(), "--level", "line", "--reader", "oracle", "--calibration", calibration
    )
    assert code == 4
    assert "no calibration for version 1 of oracle" in err


@pytest.mark.parametrize("rate", ["0", "1", "-0.1", "1.5", "nan", "inf", "many", "2%"])
def test_rates_that_are_no_promise(manuscribe, calibration, line_image, tmp_path, rate):
    options = ("--level", "line", "--reader", "oracle", "--calibration", calibration)
    code, out, err = manuscribe("read", line_image(), *options, "-o", tmp_path / "out", f"--review-at={rate}")
    assert (code, out) == (2, "")
    assert "review" in err
    assert not (tmp_path / "out").exists()


def test_a_list_needs_a_folder(manuscribe, calibration, line_image):
    options = ("--level", "line", "--reader", "oracle", "--calibration", calibration)
    code, out, err = manuscribe("read", line_image(), *options, "--review-at", "0.02")
    assert (code, out) == (2, "")
    assert "-o" in err


def test_python_takes_a_calibration_too(calibration, says, line_image):
    image = line_image()
    (page,) = package.read(image, level="line", reader="oracle", calibration=str(calibration))
    assert page.lines[0].expected_cer == 0.5
    (line,) = package.Reader("oracle", calibration=calibration).read_lines([image])
    assert line.expected_cer == 0.5
    (line,) = package.Reader("oracle").read_lines([image])
    assert line.expected_cer is None


@pytest.fixture(scope="module")
def of_compact(tmp_path_factory):
    """A calibration of the embedded reader by hand: what it says does not matter here, that it differs does."""
    path = tmp_path_factory.mktemp("calibration") / "compact.json"
    return calibration_of("compact", load_bare_reader("compact", ReaderOptions(threads=1)), path)


@pytest.fixture
def letter(manuscribe, of_compact, tmp_path):
    """Review the sample letter at a rate; returns the list and the folder."""

    def command(at, *arguments, code=0):
        out = tmp_path / "out"
        options = ("-o", out, "--calibration", of_compact, "--review-at", at, "--threads", 1)
        assert manuscribe("read", EXAMPLES / "letter.jpg", *options, *arguments)[0] == code
        return json.loads((out / "review.json").read_text("utf-8")), out

    return command


@with_weights
def test_the_letter_keeps_the_promise(letter):
    found, out = letter(0.1)
    lines = {line.id: line for line in read_document(out / "letter.json").pages[0].lines}
    listed = {line["line"] for line in found["lines"]}
    assert 0 < len(listed) < len(lines)
    accepted = [line for name, line in lines.items() if name not in listed]
    size = {name: len(line.text) / (1 - line.expected_cer) for name, line in lines.items()}
    errors = sum(line.expected_cer * size[line.id] for line in accepted)
    characters = sum(size[line.id] for line in accepted)
    assert errors / characters <= 0.1
    surest = min((lines[name] for name in listed), key=lambda line: line.expected_cer)
    assert (errors + surest.expected_cer * size[surest.id]) / (characters + size[surest.id]) > 0.1
    assert found["summary"]["expected_cer_of_accepted"] == pytest.approx(errors / characters, abs=1e-4)
    gains = [line["expected_errors"] for line in found["lines"]]
    assert gains == sorted(gains, reverse=True)


@with_weights
def test_pictures_show_the_lines(letter):
    found, out = letter(0.01, "--nbest", 3)
    assert len(found["lines"]) > 5
    reader = package.Reader("compact", threads=1)
    again = reader.read_lines([out / line["crop"] for line in found["lines"]])
    same = [line.text == entry["text"] for line, entry in zip(again, found["lines"], strict=True)]
    assert sum(same) >= 0.7 * len(same)
    assert any(entry["alternatives"] for entry in found["lines"])
    for entry in found["lines"]:
        picture = open_image(out / entry["crop"])
        assert picture.shape[0] == 96
        assert picture.min() < 128 < picture.max()  # ink on paper


@with_weights
def test_a_line_that_failed_is_listed_without_a_picture(letter, monkeypatch):
    from manuscribe.images import lines as cutting
    from manuscribe.reading import pages, review_files

    def cut(image, line, height=64):
        if line.id == "l2":
            raise InputError("A line's polygon is not on its page.")
        return cutting.crop_line(image, line, height)

    monkeypatch.setattr(pages, "crop_line", cut)
    monkeypatch.setattr(review_files, "cut_line", lambda *arguments: cut(*arguments).pixels)
    found, _ = letter(0.5, code=6)
    (failed,) = (entry for entry in found["lines"] if entry["line"] == "l2")
    assert found["lines"][0] == failed
    assert (failed["why"], failed["text"], failed["crop"]) == (["failed"], "", "")
    assert failed["notes"] == ["failed: A line's polygon is not on its page."]


@with_weights
def test_a_blank_page_adds_nothing(manuscribe, of_compact, tmp_path):
    Image.new("RGB", (900, 1200), (235, 228, 210)).save(tmp_path / "blank.png")
    options = ("-o", tmp_path / "out", "--calibration", of_compact, "--review-at", 0.02)
    code, _, err = manuscribe("read", tmp_path / "blank.png", *options)
    assert code == 0
    assert err.splitlines()[-1] == "No lines were found: there is nothing to check."
    assert json.loads((tmp_path / "out" / "review.json").read_text("utf-8"))["lines"] == []


@with_weights
@pytest.mark.skipif(not (WEIGHTS / "compact.calibration.json").is_file(), reason="the reader is not calibrated here")
def test_the_embedded_reader_brings_its_calibration(manuscribe, tmp_path):
    code, _, err = manuscribe("read", EXAMPLES / "letter.jpg", "-o", tmp_path / "out", "--review-at", 0.05)
    assert code == 0
    summary = json.loads((tmp_path / "out" / "review.json").read_text("utf-8"))["summary"]
    assert summary["lines"] == 16
    assert "expected CER" in err.splitlines()[-1]
