"""The embedded character model, and what a model does with contexts it does not know."""

import math
from pathlib import Path

import numpy as np
import pytest

from manuscribe.errors import ModelError
from manuscribe.models.files import embedded
from manuscribe.text.characters import CharacterModel


@pytest.fixture(scope="module")
def model() -> CharacterModel:
    return CharacterModel.load(embedded("characters").path)


def score(model: CharacterModel, text: str) -> float:
    """Mean log-probability of a text's characters."""
    numbers = {character: number for number, character in enumerate(embedded("characters").charset, start=1)}
    context, total = model.start, 0.0
    for character in text:
        gain, context = model.step(context, numbers[character])
        total += gain
    return total / len(text)


@pytest.mark.parametrize(
    ("written", "misread"),
    [
        ("le tribunal de commerce", "le tribunol de commerce"),
        ("my dear friend", "my deor friend"),
        ("распознавания текста", "распoзнавания текста"),  # a Latin o among Cyrillic letters
        ("Phường Nguyễn Thái Bình", "Phường Nguyển Thái Bình"),
        ("der Brief der Mutter", "der Brief der Muttcr"),
        ("до речі про роботу", "до речi про роботу"),  # a Latin i
    ],
)
def test_what_is_written_is_more_probable_than_a_misreading(model: CharacterModel, written: str, misread: str) -> None:
    assert score(model, written) > score(model, misread) + 0.05


@pytest.mark.parametrize("before", ["", "le tri", "Здравст", "zzzz", "Phư"])
def test_what_may_follow_adds_up_to_one(model: CharacterModel, before: str) -> None:
    charset = embedded("characters").charset
    context = model.start
    for character in before:
        _, context = model.step(context, charset.index(character) + 1)
    total = sum(math.exp(model.step(context, number)[0]) for number in range(1, len(charset) + 1))
    assert total == pytest.approx(1, abs=0.05)  # the scores are stored in steps of a twentieth


def test_a_letter_that_the_model_has_never_seen_is_very_improbable(model: CharacterModel) -> None:
    gain, context = model.step(model.start, 511)
    assert gain < -8
    assert model.step(context, 5)[0] < 0


def test_saving_and_loading_change_nothing(model: CharacterModel, tmp_path: Path) -> None:
    model.save(tmp_path / "copy.safetensors")
    assert (tmp_path / "copy.safetensors").read_bytes() == embedded("characters").path.read_bytes()


def test_damaged_models_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    with pytest.raises(ModelError, match=r"m\.safetensors"):
        CharacterModel.load(path)
    path.write_bytes(b"nonsense")
    with pytest.raises(ModelError, match=r"m\.safetensors"):
        CharacterModel.load(path)
    one = np.array([1], np.uint16)
    with pytest.raises(ModelError, match="fit together"):
        CharacterModel(one, one.astype(np.uint8), np.array([3], np.uint16), one.astype(np.uint8))
