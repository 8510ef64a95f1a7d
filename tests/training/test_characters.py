"""The character model's recipe, from texts to a model that reads with the embedded reader."""

import json
from pathlib import Path

import pytest
import yaml

from manuscribe.cli.main import run
from manuscribe.datasets.labelled import LabelledLine
from manuscribe.datasets.lines import write_lines
from manuscribe.errors import ExitCode
from manuscribe.text.characters import CharacterModel

pytest.importorskip("pyarrow")
pytest.importorskip("torch")
RECIPE = Path(__file__).parents[2] / "recipes" / "characters.yaml"


def command(*arguments: str) -> int:
    with pytest.raises(SystemExit) as end:
        run(list(arguments))
    return int(end.value.code or 0)


@pytest.fixture
def recipe(tmp_path: Path, texts_folder: Path) -> Path:
    texts = [f"le tribunal de la Seine, {number}" for number in range(20)]
    lines = [LabelledLine(b"", text, "own", text[-2:], text, "fr") for text in texts]
    write_lines(tmp_path / "lines.parquet", lines)
    (tmp_path / "library").symlink_to(texts_folder)
    values = yaml.safe_load(RECIPE.read_text(encoding="utf-8"))
    values["data"] |= {"lines": ["lines.parquet"], "languages": ["en", "fr"], "drawn": 30, "words": 100}
    values |= {"order": 4, "threshold": 0.5}
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(values, allow_unicode=True), encoding="utf-8")
    return path


def test_the_recipe_makes_a_model_with_its_card(recipe: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert command("train", str(recipe), "--data", str(tmp_path), "-o", str(out)) == ExitCode.OK
    card = json.loads((out / "characters.json").read_text(encoding="utf-8"))
    models = [CharacterModel.load(out / "characters.safetensors", language) for language in ("en", "fr")]
    assert card["parameters"] == sum(model.size for model in models)
    assert all(model.size > 100 for model in models)
    assert list(card["metrics"]) == ["bits_per_character_fr"]
    assert 0 < card["metrics"]["bits_per_character_fr"] < 4
    first = (out / "characters.safetensors").read_bytes()
    assert command("train", str(recipe), "--data", str(tmp_path), "-o", str(out)) == ExitCode.OK
    assert (out / "characters.safetensors").read_bytes() == first


def test_missing_texts_and_empty_lines_are_told(recipe: Path, tmp_path: Path) -> None:
    arguments = ["train", str(recipe), "--data", str(tmp_path), "-o", str(tmp_path / "out")]
    assert command(*arguments, "--set", "data.texts=nowhere") == ExitCode.INPUT
    write_lines(tmp_path / "lines.parquet", [LabelledLine(b"", "", "own", "a", "a", "fr")])
    assert command(*arguments) == ExitCode.INPUT
    assert command(*arguments, "--set", "order=9") == ExitCode.USAGE
