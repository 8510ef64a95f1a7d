"""Teaching the compact reader a hand."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from safetensors.torch import load_file

from manuscribe.datasets.lines import read_lines, write_lines
from manuscribe.errors import ExitCode
from tests.training.conftest import command

pytest.importorskip("torch")
RECIPE = Path(__file__).parents[2] / "recipes" / "compact-hand.yaml"


@pytest.fixture
def root(tmp_path: Path, ground_truth: Path) -> Path:
    """The recipe, shortened, and the lines of a hand, some of them to test with."""
    lines = read_lines(["lines/*.parquet"], ground_truth)[:40]
    splits = ["train"] * 8 + ["validation", "test"]
    write_lines(tmp_path / "hand.parquet", [replace(line, split=splits[n % 10]) for n, line in enumerate(lines)])
    recipe = yaml.safe_load(RECIPE.read_text(encoding="utf-8"))
    recipe["batch"] = {"pixels": 512, "narrow_steps": 0}
    recipe["loop"] |= {
        "steps": 4,
        "evaluate_every": 2,
        "threads": 1,
        "average": 0.0,
        "learning_rate": 0.01,
        "warmup": 0,
    }
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
    return tmp_path


def train(root: Path, *more: str) -> int:
    return command("train", f"{root}/recipe.yaml", "--data", str(root), "-o", f"{root}/out", "--quiet", *more)


def test_a_hand_is_taught_reported_and_read(root: Path) -> None:
    from manuscribe.training.recipe import load_recipe

    assert train(root) == ExitCode.OK
    report = json.loads((root / "out" / "report.json").read_text(encoding="utf-8"))
    assert set(report) == {"validation", "test"}
    assert report["test"]["before"]["lines"] == report["validation"]["after"]["lines"] == 4
    assert report["test"]["before"] != report["test"]["after"]
    card = (root / "out" / "hand.md").read_text(encoding="utf-8")
    assert "TIME US" in card, "what the reader was made from, before, is credited"
    values = json.loads((root / "out" / "hand.json").read_text(encoding="utf-8"))
    assert values["recipe"]["network"]["channels"], "what goes on from it must know its size"
    task = load_recipe(root / "recipe.yaml").module.build_task(load_recipe(root / "recipe.yaml").recipe, root)
    task.finish(root / "out" / "best.safetensors", task.recipe.keep)
    assert values["metrics"]["cer"] == pytest.approx(task.evaluate()["cer"]), (
        "the card tells of the mixture, before eight bits"
    )
    assert "On test lines" in (root / "out" / "report.md").read_text(encoding="utf-8")
    assert train(root) == ExitCode.OUTPUT
    assert train(root, "--resume", "--set", "start=other.onnx") == ExitCode.USAGE
    assert train(root, "--resume", "--set", "loop.steps=5", "--set", "keep=0.5") == ExitCode.OK


def test_what_is_kept_of_the_reader_is_mixed_in(root: Path) -> None:
    from manuscribe.training.recipe import load_recipe

    loaded = load_recipe(root / "recipe.yaml", ["keep=0.25"])
    task = loaded.module.build_task(loaded.recipe, root)
    begun = {name: tensor.clone() for name, tensor in task.model.state_dict().items()}
    assert train(root) == ExitCode.OK
    learnt = load_file(root / "out" / "best.safetensors")
    task.finish(root / "out" / "best.safetensors", 0.25)
    name = next(name for name, _ in task.model.named_parameters())
    mixed = task.model.state_dict()[name]
    assert mixed.numpy() == pytest.approx((0.75 * learnt[name] + 0.25 * begun[name]).numpy(), abs=1e-6)
    assert not mixed.equal(learnt[name])


def test_what_more_lines_would_bring(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(root, "--learning-curve", "8,100,all") == ExitCode.OK
    table = capsys.readouterr().out
    assert [row.split("|")[1].strip() for row in table.splitlines()[4:]] == ["none", "8", "32"]
    assert (root / "out" / "amounts.png").stat().st_size > 3000
    assert train(root, "--learning-curve", "8,16", "--resume") == ExitCode.OK
    assert sorted(path.name for path in (root / "out" / "amounts").iterdir()) == ["16", "32", "8"]


def test_what_cannot_be_written_or_measured_is_told(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = read_lines(["hand.parquet"], root)
    assert train(root, "--set", "start=none") == ExitCode.MODEL
    write_lines(root / "hand.parquet", [replace(lines[0], text="한국"), *lines[1:]])
    assert train(root) == ExitCode.INPUT
    assert "does not write: '국한'" in capsys.readouterr().err
    write_lines(root / "hand.parquet", [replace(line, split="train") for line in lines])
    assert train(root) == ExitCode.INPUT
    assert "no line to measure on" in capsys.readouterr().err
