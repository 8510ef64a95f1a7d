"""What a checkpoint tells of its readings, for calibrations."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from manuscribe.readers.options import ReaderOptions
from manuscribe.readers.protocol import load_reader
from manuscribe.readers.trocr.decoding import chosen_of
from manuscribe.readers.trocr.reader import TrocrReader
from manuscribe.readers.trust.trusted import UNCALIBRATED
from tests.readers.trocr.building import build, lines


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("checkpoint")
    build(folder, decoder={"decoder_layers": 1}, generation={"max_length": 12})
    return str(folder)


@pytest.mark.parametrize("options", [{}, {"beams": 3}, {"beams": 3, "nbest": 3}, {"fit": "window"}])
def test_signals_fit_the_readings_and_change_none(checkpoint: str, options: dict[str, object]) -> None:
    reader = TrocrReader(checkpoint, ReaderOptions(threads=1, **options))
    images = lines(3)
    for line, (same, signals) in zip(reader.read(images), reader.read_with_signals(images), strict=True):
        assert line == same
        assert all(len(values) == len(line.characters) for values in signals.characters.values())
        assert all(np.isfinite(values).all() for values in signals.characters.values())
        assert np.isfinite(list(signals.line.values())).all()
        assert bool(signals.characters) == (options.get("fit") != "window")


def test_the_lead_is_what_a_token_is_ahead_of_the_next_best() -> None:
    logs = np.log(np.array([[0.5, 0.3, 0.2], [0.5, 0.3, 0.2], [1.0, 1e-30, 1e-30]], np.float32))
    first, second, third = chosen_of(logs, [0, 1, 0])
    assert first.lead == pytest.approx(np.log(0.5 / 0.3), abs=1e-5)
    assert second.lead == pytest.approx(np.log(0.3 / 0.5), abs=1e-5)
    assert (second.log_probability, third.lead) == (pytest.approx(np.log(0.3)), 30.0)


def test_a_forbidden_rival_is_none() -> None:
    (chosen,) = chosen_of(np.array([[-0.1, -np.inf, -np.inf]], np.float32), [0])
    assert chosen.lead == 30.0


def test_how_a_checkpoint_reads_is_a_condition_of_its_calibration(checkpoint: str) -> None:
    for options, beams in (({}, "1"), ({"beams": 2}, "2")):
        reader = TrocrReader(checkpoint, ReaderOptions(threads=1, **options))
        assert reader.conditions == {"beams": beams, "fit": "squash", "precision": "fp32"}


def test_a_checkpoint_is_uncalibrated_at_first(checkpoint: str) -> None:
    reader = load_reader(checkpoint, ReaderOptions(threads=1))
    assert all(line.notes[-1] == UNCALIBRATED for line in reader.read(lines(2)) if line.text)
