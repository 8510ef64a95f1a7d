"""Readers with and without a calibration."""

import json
from pathlib import Path

import numpy as np
import pytest

from manuscribe.document import Line
from manuscribe.errors import ModelError
from manuscribe.images.opening import open_image
from manuscribe.models.files import WEIGHTS
from manuscribe.readers.options import ReaderOptions
from manuscribe.readers.protocol import load_bare_reader, load_reader
from manuscribe.readers.trust.calibration import CalibrationFile, load_calibrations
from manuscribe.readers.trust.trusted import UNCALIBRATED, TrustedReader, calibration_path, trusted
from tests.readers.trust.test_calibration import made

EXAMPLES = Path(__file__).parents[3] / "examples"
LINES = sorted((EXAMPLES / "letter-lines").glob("*.webp"))[:2]
assert LINES
IMAGE = np.full((64, 400, 3), 200, np.uint8)


class Parrot:
    name, version = "parrot", "1"

    def __init__(self, *lines):
        self.lines = list(lines)

    def read(self, lines, *, of_one_page=False):
        return self.lines


def test_a_reader_without_a_calibration_says_so():
    lines = [Line("ab", 0.9), Line("cd"), Line("", 1.0)]
    reader = TrustedReader(Parrot(*lines), None)
    assert [line.notes for line in reader.read([IMAGE] * 3)] == [(UNCALIBRATED,), (), ()]
    assert reader.choices == {"confidence": "uncalibrated"}


def test_a_reader_that_tells_no_signals_can_be_calibrated():
    reader = TrustedReader(Parrot(Line("ab c", 0.6)), made())
    (line,) = reader.read([IMAGE])
    assert line.expected_cer is not None
    assert line.notes == ()
    assert reader.choices["confidence"].startswith("calibrated ")


def test_a_calibration_is_used_where_reader_version_and_conditions_are_its_own(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(CalibrationFile(calibrations=(made(),)).model_dump_json(), encoding="utf-8")
    assert trusted("parrot", Parrot(), path).calibration is not None
    older, slower = Parrot(), Parrot()
    older.version, slower.conditions = "0", {"search": "beam"}
    for other, told in ((older, "version 0"), (slower, "search beam")):
        with pytest.raises(ModelError, match=told):
            trusted("parrot", other, path)


def test_a_calibration_of_another_version_beside_a_reader_is_left_alone(tmp_path):
    (tmp_path / "hand.calibration.json").write_text(CalibrationFile(calibrations=(made(),)).model_dump_json())
    other = Parrot()
    other.version = "2"
    assert trusted(str(tmp_path / "hand.onnx"), other, None).calibration is None


def test_where_calibrations_lie(tmp_path):
    assert calibration_path("compact") == WEIGHTS / "compact.calibration.json"
    assert calibration_path(str(tmp_path / "hand.onnx")) == tmp_path / "hand.calibration.json"
    assert calibration_path(str(tmp_path)) == tmp_path / "calibration.json"
    assert calibration_path("owner/compact") is None
    assert calibration_path("plugin") is None


@pytest.mark.parametrize("beams", [None, 1, 4])
def test_the_reader_in_the_package_is_calibrated(beams):
    reader = load_reader("compact", ReaderOptions(beams=beams))
    lines = reader.read([open_image(path) for path in LINES])
    for line in lines:
        assert 0 < line.expected_cer < 1
        assert len(line.word_confidences) == len(line.text.split())
        assert not line.notes


def test_the_calibration_in_the_package_tells_nothing_of_the_machine_it_was_made_on():
    for one in load_calibrations(WEIGHTS / "compact.calibration.json").calibrations:
        assert "/" not in "".join(one.data).replace("recipes/compact-reader.yaml", "")
        assert one.version.startswith(json.loads((WEIGHTS / "compact.json").read_text())["version"])


def test_signals_do_not_change_what_is_read():
    reader = load_bare_reader("compact", ReaderOptions())
    images = [open_image(path) for path in LINES]
    for line, (same, signals) in zip(reader.read(images), reader.read_with_signals(images), strict=True):
        assert line == same
        assert all(len(values) == len(line.characters) for values in signals.characters.values())
        assert all(np.isfinite(values).all() for values in signals.characters.values())
        assert np.isfinite(list(signals.line.values())).all()


def test_a_blank_line_has_signals_too():
    reader = load_bare_reader("compact", ReaderOptions())
    ((line, signals),) = reader.read_with_signals([np.full((64, 200), 255, np.uint8)])
    assert line.text == ""
    assert np.isfinite(list(signals.line.values())).all()
