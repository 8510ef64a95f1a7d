"""The embedded character models, and what a model does with contexts it does not know."""

import math
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from manuscribe.errors import ModelError
from manuscribe.models.files import embedded
from manuscribe.text.characters import CharacterModel, save_models
from manuscribe.text.charset import LANGUAGES, charset


@cache
def model(language: str) -> CharacterModel:
    return CharacterModel.load(embedded("characters").path, language)


def score(model: CharacterModel, text: str) -> float:
    """Mean log-probability of a text's characters."""
    numbers = {character: number for number, character in enumerate(embedded("characters").charset, start=1)}
    return sum(model.scores([numbers[character] for character in text])) / len(text)


@pytest.mark.parametrize(
    ("language", "written", "misread"),
    [
        ("fr", "le tribunal de commerce", "le tribunol de commerce"),
        ("en", "my dear friend", "my deor friend"),
        ("ru", "распознавания текста", "распoзнавания текста"),  # a Latin o among Cyrillic letters
        ("vi", "Phường Nguyễn Thái Bình", "Phường Nguyển Thái Bình"),
        ("de", "der Brief der Mutter", "der Brief der Muttcr"),
        ("uk", "до речі про роботу", "до речи про роботу"),  # a Latin i
    ],
)
def test_what_is_written_is_more_probable_than_a_misreading(language: str, written: str, misread: str) -> None:
    assert score(model(language), written) > score(model(language), misread) + 0.05


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "which of these would you"),
        ("fr", "la loi sur les biens"),
        ("de", "die Kinder der Stadt"),
        ("vi", "Thành phố"),
        ("ru", "только что был"),
        ("uk", "тільки що був"),
    ],
)
def test_a_text_is_most_probable_in_its_own_language(language: str, text: str) -> None:
    assert max(LANGUAGES, key=lambda name: score(model(name), text)) == language


@pytest.mark.parametrize(
    ("language", "before"), [("fr", ""), ("fr", "le tri"), ("ru", "Здравст"), ("en", "zzzz"), ("vi", "Phư")]
)
def test_what_may_follow_adds_up_to_one(language: str, before: str) -> None:
    classes = embedded("characters").charset
    context = model(language).start
    for character in before:
        _, context = model(language).step(context, classes.index(character) + 1)
    numbers = [classes.index(character) + 1 for character in charset(language)]
    total = sum(math.exp(model(language).step(context, number)[0]) for number in numbers)
    assert total == pytest.approx(1, abs=0.05)  # the scores are stored in steps of a twentieth


def test_a_letter_that_the_language_does_not_have_is_very_improbable() -> None:
    classes = embedded("characters").charset
    gain, context = model("en").step(model("en").start, classes.index("ж") + 1)
    assert gain < -8
    assert model("en").step(context, classes.index("a") + 1)[0] < 0


def test_saving_and_loading_change_nothing(tmp_path: Path) -> None:
    save_models(tmp_path / "copy.safetensors", {language: model(language) for language in LANGUAGES})
    assert (tmp_path / "copy.safetensors").read_bytes() == embedded("characters").path.read_bytes()


def test_damaged_models_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    with pytest.raises(ModelError, match=r"m\.safetensors"):
        CharacterModel.load(path, "fr")
    path.write_bytes(b"nonsense")
    with pytest.raises(ModelError, match=r"m\.safetensors"):
        CharacterModel.load(path, "fr")
    with pytest.raises(ModelError, match="for 'la'"):
        CharacterModel.load(embedded("characters").path, "la")


ARRAYS = {"alphabet": [0, 1], "letters": [0, 1], "scores": [1, 1], "children": [0], "backoffs": [1, 1]}


def made_of(arrays: dict[str, list[int]]) -> CharacterModel:
    types = {name: np.uint16 if name == "alphabet" else np.uint8 for name in arrays}
    return CharacterModel(**{name: np.array(values, types[name]) for name, values in arrays.items()})


@pytest.mark.parametrize(
    "changed",
    [
        {"children": [3]},
        {"letters": [9, 0]},
        {"scores": [1]},
        {"backoffs": [1, 1, 1, 1]},
        {"alphabet": list(range(256)), "letters": list(range(256)), "scores": [1] * 256},
    ],
)
def test_arrays_that_do_not_fit_together_are_refused(changed: dict[str, list[int]]) -> None:
    assert made_of(ARRAYS).size == 2
    assert made_of(ARRAYS).scores([1, 0, 1]) == pytest.approx([-0.1, -0.05, -0.1])
    with pytest.raises(ModelError, match="fit together"):
        made_of(ARRAYS | changed)


@pytest.mark.parametrize("part", list(ARRAYS))
def test_arrays_of_another_type_are_refused(part: str) -> None:
    # In them numbers below 0 could hide, which would lead the compiled search out of them.
    tensors = made_of(ARRAYS).tensors()
    for changed in (tensors[part].astype(np.int64), tensors[part][None], tensors[part][:1].reshape(())):
        with pytest.raises(ModelError, match="fit together"):
            CharacterModel(**tensors | {part: changed})
