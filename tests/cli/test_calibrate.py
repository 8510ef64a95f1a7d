"""`manuscribe calibrate`, and reading with what it found."""

import json
from pathlib import Path

import pytest

import manuscribe as package
from manuscribe.datasets.lines import write_lines
from manuscribe.readers.trust.trusted import UNCALIBRATED
from tests.evaluation.calibration.making import lines

GUESSER = """
from tests.evaluation.calibration.making import Guesser, lines


class Installed(Guesser):
    def __init__(self, options):
        super().__init__(lines(120)[1])
"""


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A data set that the installed reader `guesser` knows."""
    folder = tmp_path / "guesser"
    metadata = folder / "guesser-1.dist-info"
    metadata.mkdir(parents=True)
    (folder / "guesser_reader.py").write_text(GUESSER, encoding="utf-8")
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: guesser\nVersion: 1\n", encoding="utf-8")
    points = "[manuscribe.readers]\nguesser = guesser_reader:Installed\n"
    (metadata / "entry_points.txt").write_text(points, encoding="utf-8")
    monkeypatch.syspath_prepend(folder)
    write_lines(tmp_path / "lines.parquet", lines(120)[0])
    return tmp_path / "lines.parquet"


def line_of(text):
    (line,) = [line for page in json.loads(text)["pages"] for region in page["regions"] for line in region["lines"]]
    return line


def test_a_reader_is_calibrated_and_then_reads_with_probabilities(manuscribe, data, tmp_path, line_image):
    image = line_image()
    code, out, err = manuscribe(
        "calibrate", "guesser", data, "-o", tmp_path / "c.json", "--report", tmp_path / "report"
    )
    assert code == 0, err
    assert "### Confidences, cross-validation" in out
    assert f"Read with --calibration {tmp_path / 'c.json'}." in err
    assert {path.name for path in (tmp_path / "report").iterdir()} == {"report.html", "report.json", "report.md"}
    report = json.loads((tmp_path / "report" / "report.json").read_text(encoding="utf-8"))
    assert report["measured"][0]["words"]["after"]["calibration_error"] < 0.1
    assert len(report["measured"][0]["checking"]["after"]) == 21

    read = ("read", image, "--level", "line", "--reader", "guesser", "-f", "json")
    code, out, err = manuscribe(*read, "--calibration", tmp_path / "c.json")
    assert (code, err) == (0, "")
    line = line_of(out)
    assert 0 < line["expected_cer"] < 1
    assert len(line["word_confidences"]) == len(line["text"].split())
    assert json.loads(out)["provenance"][-1]["options"]["confidence"].startswith("calibrated ")
    code, out, _ = manuscribe(*read)
    assert code == 0
    assert line_of(out)["notes"] == [UNCALIBRATED]
    assert "expected_cer" not in line_of(out)


@pytest.mark.parametrize("form", ["page", "alto", "json"])
def test_no_format_has_confidences_that_nobody_measured_without_saying_so(manuscribe, data, line_image, form):
    code, out, _ = manuscribe("read", line_image(), "--level", "line", "--reader", "guesser", "-f", form)
    assert code == 0
    assert "uncalibrated" in out


def test_where_a_calibration_cannot_be_kept_is_told_before_anything_is_read(manuscribe, data):
    code, _, err = manuscribe("calibrate", "compact", data)
    assert code == 2
    assert "Name a file with -o" in err


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["no-reader", "{data}", "-o", "c.json"], 4, "No reader named"),
        (["guesser", "missing.parquet", "-o", "c.json"], 3, "missing.parquet"),
        (["guesser", "{data}", "-o", "c.json", "--report", "{data}"], 2, "is a file"),
        (["guesser", "{data}", "-o", "{data}"], 4, "is no calibration"),
        (["guesser", "{data}", "-o", "c.json", "--beams", "0"], 2, "beams"),
    ],
)
def test_what_cannot_be_done_is_told(manuscribe, data, tmp_path, monkeypatch, arguments, code, told):
    monkeypatch.chdir(tmp_path)
    found, _, err = manuscribe("calibrate", *(one.format(data=data) for one in arguments))
    assert found == code
    assert told in err
    assert not (tmp_path / "c.json").exists()


def test_a_calibration_of_another_reader_is_refused(manuscribe, data, tmp_path, line_image):
    assert manuscribe("calibrate", "guesser", data, "-o", tmp_path / "c.json", "-q")[0] == 0
    code, _, err = manuscribe("read", line_image(), "--level", "line", "--calibration", tmp_path / "c.json")
    assert code == 4
    assert "has no calibration for version" in err


def test_a_calibration_lies_beside_a_trained_reader(manuscribe, data, tmp_path):
    weights = Path(package.__file__).parent / "models" / "weights"
    for suffix in (".onnx", ".json"):
        (tmp_path / f"hand{suffix}").write_bytes((weights / f"compact{suffix}").read_bytes())
    # Blank images: there is nothing to learn, but the place is told by then.
    code, _, err = manuscribe("calibrate", tmp_path / "hand.onnx", data)
    assert code == 3
    assert "Only 0 lines were read" in err
