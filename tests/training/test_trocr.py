"""Training of a small TrOCR model: an ordinary checkpoint comes out."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from manuscribe.datasets.lines import read_lines
from manuscribe.errors import ExitCode, UsageError
from manuscribe.readers.options import ReaderOptions
from manuscribe.readers.trocr.reader import TrocrReader
from manuscribe.training.recipe import load_recipe
from manuscribe.training.trocr_checkpoint import END
from tests.readers.trocr.test_parity import cut
from tests.training.conftest import command

RECIPE = Path(__file__).parents[2] / "recipes" / "trocr-tiny.yaml"


@pytest.fixture
def small_recipe(tmp_path: Path) -> Path:
    recipe = yaml.safe_load(RECIPE.read_text(encoding="utf-8"))
    recipe["data"]["lines"] = ["lines/*.parquet"]
    recipe["data"]["validation_lines"] = 2
    recipe["data"]["synthetic"]["languages"] = {"en": 1, "fr": 1}
    recipe["network"] = {
        "columns": 24,
        "width": 16,
        "heads": 2,
        "encoder": 1,
        "decoder": 1,
        "tokens": 300,
        "longest": 8,
    }
    recipe["batch"] = {"pixels": 512, "narrow_steps": 2, "taught_steps": 2}
    recipe["loop"] |= {"steps": 4, "evaluate_every": 4, "threads": 1}
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe, allow_unicode=True), encoding="utf-8")
    return path


def test_train_and_read(ground_truth: Path, small_recipe: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    arguments = ["train", str(small_recipe), "--data", str(ground_truth), "-o", str(out), "--quiet"]
    assert command(*arguments, "--set", "loop.steps=2") == ExitCode.OK
    assert command(*arguments, "--resume") == ExitCode.OK
    assert json.loads((out / "checkpoint" / "state.json").read_text())["step"] == 4
    checkpoint = out / "trocr-tiny"
    card = (checkpoint / "README.md").read_text(encoding="utf-8")
    assert yaml.safe_load(card.split("---")[1])["license"] == "apache-2.0"
    assert "TIME US" in card
    (tmp_path / "line.png").write_bytes(read_lines(["lines/*.parquet"], ground_truth)[0].image)
    reading = ["read", str(tmp_path / "line.png"), "--level", "line", "--reader", str(checkpoint)]
    assert command(*reading) == ExitCode.OK
    assert command(*reading, "--beams", "3", "--engine", "openvino") == ExitCode.OK


def test_transformers_reads_it_too(ground_truth: Path, small_recipe: Path, tmp_path: Path) -> None:
    from transformers import AutoTokenizer, VisionEncoderDecoderModel, ViTImageProcessorPil

    arguments = ["train", str(small_recipe), "--data", str(ground_truth), "-o", str(tmp_path / "run"), "--quiet"]
    assert command(*arguments) == ExitCode.OK
    folder = tmp_path / "run" / "trocr-tiny"
    lines = [line.pixels() for line in read_lines(["lines/*.parquet"], ground_truth)[:3]]
    colour = [np.repeat(line[..., None], 3, axis=2) for line in lines]
    model: Any = VisionEncoderDecoderModel.from_pretrained(folder, torch_dtype=torch.float32)
    pixels = ViTImageProcessorPil.from_pretrained(folder)(colour, return_tensors="pt").pixel_values
    with torch.inference_mode():
        written = [cut(row[1:].tolist(), [END]) for row in model.generate(pixels)]
    reader = TrocrReader(str(folder), ReaderOptions(fit="squash", threads=1))
    assert reader.tokens(lines) == [tuple(tokens) for tokens in written]
    assert AutoTokenizer.from_pretrained(folder).decode(written[0]).strip() == reader._tokens.text(written[0]).strip()


def test_what_is_shown_is_the_readers_sight(ground_truth: Path, small_recipe: Path) -> None:
    loaded = load_recipe(small_recipe)
    task = loaded.module.build_task(loaded.recipe, ground_truth)
    first, later = task.batch(0), task.batch(2)
    assert later.shown is None
    images, _, _, width = first.pixels.shape
    assert first.shown.shape[:2] == (images, width // 8)
    assert torch.allclose(first.shown.sum(-1), torch.ones(images, width // 8), atol=1e-4)
    assert (first.shown[..., 0] < 0.5).any()  # some letters
    assert torch.isfinite(task.loss(first))
    assert torch.isfinite(task.loss(later))


@pytest.mark.parametrize(
    "change", ["network.patch=[64,0]", "network.patch=[48,8]", "network.patch=[64,10]", "network.heads=3"]
)
def test_sizes_that_do_not_go_together(small_recipe: Path, change: str) -> None:
    with pytest.raises(UsageError, match="network"):
        load_recipe(small_recipe, [change])
