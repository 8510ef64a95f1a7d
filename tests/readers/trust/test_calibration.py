"""Calibrations: what they say of readings, and files that are none."""

import json
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from manuscribe.document import Alternative, Character, Line
from manuscribe.errors import ModelError
from manuscribe.readers.trust.calibration import Calibration, CalibrationFile, Level, Levels, load_calibrations
from manuscribe.readers.trust.features import Rows, character_rows, evidence_of, line_row, word_rows
from manuscribe.readers.trust.signals import Signals

IMAGE = np.full((64, 400, 3), 200, np.uint8)
LINE = Line("ab c", 0.6, tuple(Character(letter, 0.9) for letter in "ab c"))


def level(rows, **weights):
    """A regression in which some columns count."""
    values = [weights.get(name.replace("'", "").replace(" ", "_"), 0.0) for name in rows.names]
    ones = [1.0] * len(values)
    return Level(
        columns=rows.names,
        mean=tuple(np.zeros(len(values))),
        scale=tuple(ones),
        weights=(*values, *np.zeros(len(values)), weights.get("one", 0.0)),
    )


def made(line=LINE, signals=None, **changes):
    evidence = evidence_of(line, signals or Signals(), IMAGE)
    rows = character_rows(evidence)
    words = word_rows(evidence, np.full(len(evidence.text), 0.5))
    whole = line_row(evidence, np.full(len(evidence.text), 0.5), np.full(len(evidence.words), 0.5))
    levels = Levels(
        characters=level(rows, sureness=1.0),
        words=level(words, all_right=1.0),
        line=level(whole, one=-1.0),
        errors=level(whole, one=-3.0),
    )
    return Calibration(reader="parrot", version="1", lines=100, levels=levels, **changes)


def test_probabilities_take_the_place_of_confidences():
    found = made().calibrated(LINE, Signals(), IMAGE)
    assert [character.confidence for character in found.characters] == pytest.approx([0.9] * 4, abs=1e-3)
    assert found.word_confidences == pytest.approx((0.81, 0.9), abs=1e-3)
    assert [word.confidence for word in found.words] == list(found.word_confidences)
    assert found.confidence == pytest.approx(1 / (1 + np.exp(1)), abs=1e-3)
    assert found.expected_cer == pytest.approx(1 / (1 + np.exp(3)), abs=1e-3)
    assert (found.text, found.notes) == (LINE.text, LINE.notes)


def test_where_nothing_was_read_other_readings_are_not_sure_of_anything():
    found = made().calibrated(Line("", 0.9, (), (Alternative("a", 0.4),)), Signals(), IMAGE)
    assert (found.confidence, found.expected_cer, found.alternatives) == (None, 1.0, ())


@pytest.mark.parametrize("sure", [0.6, 0.2])
def test_other_readings_stay_as_sure_beside_the_reading_and_take_no_more_than_it_leaves(sure):
    others = (Alternative("ab e", 0.15), Alternative("ob c", 0.05))
    found = made().calibrated(Line("ab c", sure, LINE.characters, others), Signals(), IMAGE)
    one, other = (alternative.confidence for alternative in found.alternatives)
    assert one == pytest.approx(3 * other, abs=1e-3)
    assert one / found.confidence <= 0.15 / sure + 1e-3
    assert one + other <= 1 - found.confidence


def test_a_reader_that_was_certain_leaves_nothing_to_other_readings():
    found = made().calibrated(Line("ab c", 1.0, LINE.characters, (Alternative("ab e", 0.0),)), Signals(), IMAGE)
    assert found.alternatives[0].confidence == 0


def test_where_nothing_was_read_all_may_be_missing():
    found = made().calibrated(Line("", 0.99), Signals(), IMAGE)
    assert (found.expected_cer, found.confidence) == (1.0, None)


def test_a_line_without_characters_gets_none():
    found = made().calibrated(Line("ab c", 0.6), Signals(), IMAGE)
    assert found.characters == ()
    assert len(found.word_confidences) == 2


def test_signals_that_it_does_not_know_are_refused():
    with pytest.raises(ModelError, match="other signals"):
        made().calibrated(LINE, Signals({"new": np.zeros(4)}), IMAGE)


@pytest.mark.parametrize(
    "change",
    [{"mean": (0.0,)}, {"scale": (1.0,)}, {"weights": (0.0,)}, {"scale": (0.0, 1.0)}, {"mean": (float("nan"), 0.0)}],
)
def test_a_level_whose_numbers_do_not_fit_is_refused(change):
    whole = {"columns": ("a", "b"), "mean": (0.0, 0.0), "scale": (1.0, 1.0), "weights": (0.0,) * 5}
    with pytest.raises(ValidationError):
        Level(**whole | change)


def test_what_is_bad_counts_with_a_slope_of_its_own():
    one = Level(columns=("a",), mean=(0.0,), scale=(1.0,), weights=(1.0, 2.0, 0.0))
    rows = Rows(np.array([[1.0], [-1.0], [100.0]]), ("a",))
    assert np.log(1 / one.probabilities(rows) - 1) == pytest.approx([-1, 3, -5])


def test_a_file_keeps_one_for_each_condition(tmp_path):
    greedy, beam = made(conditions={"beams": "1"}), made(conditions={"beams": "8"})
    file = CalibrationFile(calibrations=(greedy,)).with_(beam).with_(greedy)
    (tmp_path / "a.json").write_text(file.model_dump_json(), encoding="utf-8")
    assert load_calibrations(tmp_path / "a.json").calibrations == (beam, greedy)
    assert greedy.id != beam.id


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"format": "other"}', "\udcff", "[" * 100_000, '{"calibrations": [{"a": NaN}]}'],
)
def test_what_is_no_calibration_is_told(tmp_path, content):
    path = tmp_path / "a.json"
    path.write_text(content, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(ModelError, match="no calibration"):
        load_calibrations(path)


def test_a_file_of_another_version_is_told(tmp_path):
    path = tmp_path / "a.json"
    content = {"format": "manuscribe-calibration", "version": 2, "calibrations": [{"new": 1}]}
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ModelError, match="another version"):
        load_calibrations(path)


def test_a_missing_and_a_huge_file_are_told(tmp_path):
    with pytest.raises(ModelError, match="cannot be read"):
        load_calibrations(tmp_path / "none.json")
    with (tmp_path / "huge.json").open("wb") as file:
        file.truncate(17 << 20)
    with pytest.raises(ModelError, match="too large"):
        load_calibrations(tmp_path / "huge.json")


@pytest.mark.parametrize("path", ["/dev/zero", "/"])
def test_what_is_no_file_is_told(path):
    with pytest.raises(ModelError, match="is no file"):
        load_calibrations(Path(path))
