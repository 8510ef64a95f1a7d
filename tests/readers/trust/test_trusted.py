"""Readers with and without a calibration."""

import json
from pathlib import Path

import numpy as np
import pytest

from manuscribe.document import Alternative, Character, Line
from manuscribe.errors import ModelError
from manuscribe.images.opening import open_image
from manuscribe.models.files import WEIGHTS
from manuscribe.readers.options import ReaderOptions
from manuscribe.readers.protocol import load_bare_reader, load_reader
from manuscribe.readers.trust.calibration import CalibrationFile, load_calibrations
from manuscribe.readers.trust.signals import Signals
from manuscribe.readers.trust.trusted import (
    UNCALIBRATED,
    TrustedReader,
    calibration_path,
    read_with_signals,
    trusted,
)
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
    older.version, slower.conditions = "0", {"beams": "4"}
    greedy = made(conditions={"beams": "1"})
    path.write_text(CalibrationFile(calibrations=(greedy,)).model_dump_json(), encoding="utf-8")
    for other, told in ((older, "version 0"), (slower, "beams 4")):
        with pytest.raises(ModelError, match=told):
            trusted("parrot", other, path)


def test_one_for_all_languages_serves_for_each_but_not_the_other_way_round(tmp_path):
    whole, french = made(conditions={"beams": "8"}), made(conditions={"beams": "8", "language": "fr"})
    path = tmp_path / "a.json"
    path.write_text(CalibrationFile(calibrations=(french, whole)).model_dump_json(), encoding="utf-8")
    reader = Parrot()
    for conditions, fitting in (
        ({"beams": "8"}, whole),
        ({"beams": "8", "language": "fr"}, french),
        ({"beams": "8", "language": "ru"}, whole),
    ):
        reader.conditions = conditions
        assert trusted("parrot", reader, path).calibration == fitting
    path.write_text(CalibrationFile(calibrations=(french,)).model_dump_json(), encoding="utf-8")
    reader.conditions = {"beams": "8"}
    with pytest.raises(ModelError, match="beams 8"):
        trusted("parrot", reader, path)


def test_a_calibration_of_another_version_beside_a_reader_is_left_alone(tmp_path):
    (tmp_path / "hand.calibration.json").write_text(CalibrationFile(calibrations=(made(),)).model_dump_json())
    other = Parrot()
    other.version = "2"
    assert trusted(str(tmp_path / "hand.onnx"), other, None).calibration is None


def test_where_calibrations_lie(tmp_path):
    assert calibration_path("compact") == WEIGHTS / "compact.calibration.json"
    assert calibration_path(str(tmp_path / "hand.onnx")) == tmp_path / "hand.calibration.json"
    assert calibration_path(str(tmp_path)) == tmp_path / "manuscribe.calibration.json"
    assert calibration_path("owner/compact") is None
    assert calibration_path("plugin") is None


def test_a_folder_named_like_a_reader_is_not_asked(tmp_path, monkeypatch):
    (tmp_path / "compact").mkdir()
    (tmp_path / "compact" / "manuscribe.calibration.json").write_text("{", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert calibration_path("compact") == WEIGHTS / "compact.calibration.json"


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1.5, -0.1])
@pytest.mark.parametrize("calibration", [None, made()])
def test_what_is_no_probability_is_not_passed_on(bad, calibration):
    line = Line("ab", bad, (Character("a", bad), Character("b", 0.5)), (Alternative("ob", bad),))
    (found,) = TrustedReader(Parrot(line), calibration).read([IMAGE])
    told = [found.confidence, *(character.confidence for character in found.characters)]
    assert all(one is None or 0 <= one <= 1 for one in told)
    assert found.alternatives == ()


@pytest.mark.parametrize(
    "signals", [Signals({"lead": np.zeros(3)}), Signals({"lead": np.array([0, np.nan])}), Signals({}, {"a": np.inf})]
)
def test_signals_that_do_not_fit_are_told(signals):
    class Telling(Parrot):
        def read_with_signals(self, lines, *, of_one_page=False):
            return [(line, signals) for line in self.lines]

    with pytest.raises(ModelError, match="'parrot' do not fit"):
        list(read_with_signals(Telling(Line("ab", 0.5, (Character("a"), Character("b")))), [IMAGE]))


@pytest.mark.parametrize(
    "options",
    [{}, {"beams": 1}, {"beams": 32}, {"nbest": 3}, {"nbest": 12}, {"language": "fr"}, {"beams": 1, "language": "en"}],
)
def test_the_reader_in_the_package_is_calibrated(options):
    reader = load_reader("compact", ReaderOptions(**options))
    lines = reader.read([open_image(path) for path in LINES])
    for line in lines:
        assert 0 < line.expected_cer < 1
        assert len(line.word_confidences) == len(line.text.split())
        assert not line.notes


def test_with_other_beams_it_is_not():
    assert load_reader("compact", ReaderOptions(beams=4)).calibration is None


def test_to_ask_for_other_readings_hardly_changes_how_sure_the_first_one_is():
    images = [open_image(path) for path in LINES]
    alone, beside = (load_reader("compact", ReaderOptions(nbest=n)).read(images) for n in (1, 3))
    for one, other in zip(alone, beside, strict=True):
        assert other.text == one.text
        assert other.expected_cer == pytest.approx(one.expected_cer, abs=0.005)


def test_the_calibration_in_the_package_tells_nothing_of_the_machine_it_was_made_on():
    for one in load_calibrations(WEIGHTS / "compact.calibration.json").calibrations:
        assert "/" not in "".join(one.data)
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
