"""Calibrating a reader whose confidences are wrong in a known way."""

import numpy as np
import pytest

from manuscribe.datasets.labelled import LabelledLine
from manuscribe.document import Character, Line
from manuscribe.errors import InputError, ModelError, UsageError
from manuscribe.evaluation.calibration.calibrating import FEWEST, calibrate, measure
from manuscribe.evaluation.calibration.dividing import divided
from manuscribe.evaluation.calibration.examples import examples_of
from manuscribe.evaluation.calibration.fitting import regress
from manuscribe.evaluation.calibration.storing import place_for, store
from manuscribe.readers.trust.calibration import load_calibrations
from manuscribe.readers.trust.features import Rows
from tests.evaluation.calibration.making import Guesser, Leaver, lines


@pytest.fixture(scope="module")
def found():
    some, texts = lines(300)
    return calibrate("guesser", Guesser(texts), some, data=("made",))


def test_confidences_become_what_they_say(found):
    calibration, (measured,) = found
    assert measured.error("characters", before=True) > 0.05
    for part in ("characters", "words", "lines"):
        assert measured.error(part) < 0.05
    assert calibration.figures == measured.figures()
    assert (calibration.reader, calibration.lines, calibration.data) == ("guesser", 300, ("made",))


def test_they_hold_on_lines_that_it_has_not_seen(found):
    calibration, _ = found
    some, texts = lines(300, seed=1)
    unseen = measure("others", Guesser(texts, seed=5), some, calibration.levels)
    assert unseen.error("words") < 0.05
    kept = {one.promise: one for one in unseen.kept()}
    assert min(kept[promise].lines for promise in (0.05, 0.1)) > 30
    assert kept[0.05].rate == pytest.approx(0.05, abs=0.015)
    assert kept[0.1].rate == pytest.approx(0.1, abs=0.02)


def test_a_single_hand_is_divided_by_lines():
    some, texts = lines(80, writers=1)
    _, (measured,) = calibrate("guesser", Guesser(texts), some)
    assert (measured.title, len(measured.truth.lines)) == ("cross-validation over single lines", 80)


def test_a_promise_holds_where_the_reader_leaves_words_out():
    some, texts = lines(400)
    _, (measured,) = calibrate("leaver", Leaver(texts, 0.03), some)
    true = measured.truth.errors.sum() / measured.truth.lengths.sum()
    assert true > 0.12
    kept = {one.promise: one for one in measured.kept()}
    for promise in (0.05, 0.1):
        assert 200 < kept[promise].lines < 400
        assert kept[promise].rate < promise + 0.02


def test_hands_of_which_nothing_is_read_do_not_matter():
    some, texts = lines(140, writers=7)
    blank = {text for line, text in zip(some, texts, strict=True) if line.group not in ("w0", "w1", "w2", "w3", "w4")}
    _, (measured,) = calibrate("guesser", Guesser([text if text not in blank else "" for text in texts]), some)
    assert (measured.empty, len(measured.truth.lines)) == (40, 100)


def test_test_lines_are_measured_apart():
    some, texts = lines(80)
    _, measured = calibrate("guesser", Guesser(texts), some[:60], some[60:])
    assert [(one.title, len(one.truth.lines)) for one in measured] == [
        ("cross-validation over writers or documents", 60),
        ("test lines", 20),
    ]


def test_too_few_lines_are_refused():
    some, texts = lines(FEWEST - 1)
    with pytest.raises(InputError, match=f"Only {FEWEST - 1} lines"):
        calibrate("guesser", Guesser(texts), some)


@pytest.mark.parametrize(("share", "told"), [(0.0, "all were read"), (1.5, "none were read")])
def test_nothing_is_learnt_where_all_is_right_or_wrong(share, told):
    some, texts = lines(60)
    with pytest.raises(InputError, match=told):
        calibrate("guesser", Guesser(texts, share), some)


class Says:
    name, version = "says", "1"

    def __init__(self, *texts):
        self._texts = texts

    def read(self, images, *, of_one_page=False):
        return [Line(text, 0.5, tuple(map(Character, text))) for text in self._texts]


@pytest.mark.parametrize(
    ("truth", "read", "characters", "words", "errors"),
    [
        ("ab cd", "ab cd", "11111", "11", 0),
        ("ab cd", "ab xd", "11101", "10", 1),
        ("ab cd", "abcd", "1111", "0", 1),
        ("ab", "ab cd", "11000", "10", 3),
        ("l’été", "l'été", "11111", "1", 0),
        ("abc", "", "", "", 3),
    ],
)
def test_what_is_right_in_a_reading(truth, read, characters, words, errors):
    (line,), _ = lines(1)
    line = LabelledLine(line.image, truth)
    (example,) = examples_of(Says(read), [line])
    assert "".join(str(int(one)) for one in example.characters) == characters
    assert "".join(str(int(one)) for one in example.words) == words
    assert (example.errors, example.length) == (errors, len(line.learnt))


def test_a_regression_finds_what_made_the_outcomes():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(20_000, 2))
    odds = 0.5 + 1.2 * values[:, 0] + 0.8 * np.minimum(values[:, 1], 0)
    right = (rng.random(20_000) < 1 / (1 + np.exp(-odds))).astype(float)
    level = regress(Rows(values, ("one", "other")), right)
    assert level.probabilities(Rows(values, ("one", "other"))) == pytest.approx(1 / (1 + np.exp(-odds)), abs=0.05)


def test_which_lines_are_learnt_from():
    (one, two, three), _ = lines(3)
    splits = [
        LabelledLine(line.image, line.text, split=name)
        for line, name in zip((one, two, three), ("train", "validation", "test"), strict=True)
    ]
    assert divided([one, two]) == ([one, two], [])
    assert divided(splits) == ([splits[1]], [splits[2]])
    with pytest.raises(InputError, match="no validation lines"):
        divided(splits[:1])


def test_calibrations_are_kept_beside_the_reader(found, tmp_path):
    calibration, _ = found
    place = place_for(str(tmp_path / "hand.onnx"), None)
    store(calibration, place)
    store(calibration.model_copy(update={"conditions": {"beams": "8"}}), place)
    assert len(load_calibrations(place).calibrations) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["hand.calibration.json"]


def test_a_reader_of_the_package_or_the_hub_needs_a_file(tmp_path):
    for reader in ("compact", "owner/model"):
        with pytest.raises(UsageError, match="cannot be kept"):
            place_for(reader, None)
    with pytest.raises(UsageError, match="is a folder"):
        place_for("compact", tmp_path)


def test_another_file_is_never_written_over(found, tmp_path):
    other = tmp_path / "lines.jsonl"
    other.write_text("{}", encoding="utf-8")
    with pytest.raises(ModelError, match="no calibration"):
        place_for("compact", other)
    with pytest.raises(ModelError, match="no calibration"):
        store(found[0], other)
    assert other.read_text(encoding="utf-8") == "{}"
