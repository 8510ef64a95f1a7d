"""Models in the package and their cards."""

from hashlib import sha256
from pathlib import Path

import pytest

from manuscribe.errors import ModelError
from manuscribe.models.card import as_markdown
from manuscribe.models.files import WEIGHTS, ModelFile, embedded, embedded_models


def test_the_models_ship_and_are_small() -> None:
    assert [model.name for model in embedded_models()] == ["characters", "compact", "segmenter"]
    assert embedded("compact").card["parameters"] <= 8_000_000
    assert embedded("segmenter").card["parameters"] <= 2_000_000
    assert all(path.stat().st_size <= 12_000_000 for path in WEIGHTS.iterdir())
    assert sum(path.stat().st_size for path in WEIGHTS.iterdir()) <= 20_000_000


@pytest.mark.parametrize("name", ["characters", "compact", "segmenter"])
def test_a_card_belongs_to_its_weights_and_credits_its_sources(name: str) -> None:
    model = embedded(name)
    assert model.version == sha256(model.path.read_bytes()).hexdigest()[:12]
    assert model.card["credits"]
    text = as_markdown(model.card)
    assert model.path.with_suffix(".md").read_text(encoding="utf-8") == text
    for credit in model.card["credits"]:
        assert credit["name"] in text
        assert credit["licence"] in text


def test_an_unknown_model_names_the_known_ones() -> None:
    with pytest.raises(ModelError, match="characters, compact, segmenter"):
        embedded("nothing")


@pytest.mark.parametrize("content", [None, "not json", "[]", "{}"])
def test_a_missing_or_damaged_card_is_named(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "m.json").write_text(content)
    with pytest.raises(ModelError, match=r"m\.onnx"):
        _ = ModelFile(tmp_path / "m.onnx").version
