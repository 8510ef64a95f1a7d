"""Training of the compact reader, small, from rendering to reading with the result."""

import errno
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from manuscribe.datasets.lines import read_lines, write_lines
from manuscribe.errors import ExitCode, InputError, ModelError, OutputError, UsageError
from tests.training.conftest import command

pytest.importorskip("torch")
RECIPE = Path(__file__).parents[2] / "recipes" / "compact-reader.yaml"


def small_recipe(folder: Path) -> Path:
    recipe = yaml.safe_load(RECIPE.read_text(encoding="utf-8"))
    recipe["data"]["lines"] = ["lines/*.parquet"]
    recipe["data"]["synthetic"]["languages"] = {"en": 1, "fr": 1}
    recipe["network"] = {"channels": [8, 8, 8], "width": 64, "depth": 1, "hidden": 64}
    recipe["batch"] = {"pixels": 512, "narrow_steps": 2}
    recipe["loop"] |= {"steps": 6, "evaluate_every": 3, "threads": 1}
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe, allow_unicode=True), encoding="utf-8")
    return path


def test_train_export_and_read(ground_truth: Path, tmp_path: Path) -> None:
    from manuscribe.models.files import ModelFile
    from manuscribe.readers.compact.reader import CompactReader
    from manuscribe.readers.options import ReaderOptions

    recipe, out = small_recipe(tmp_path), tmp_path / "run"
    assert command("train", str(recipe), "--data", str(ground_truth), "-o", str(out), "--quiet") == ExitCode.OK
    card = json.loads((out / "compact.json").read_text(encoding="utf-8"))
    assert card["charset"]
    assert "cer" in card["metrics"]
    assert {credit["licence"] for credit in card["credits"]} >= {"CC-BY 4.0"}
    assert "TIME US" in (out / "compact.md").read_text(encoding="utf-8")
    reader = CompactReader(ReaderOptions(threads=1), ModelFile(out / "compact.onnx"))
    lines = [line.pixels() for line in read_lines(["lines/*.parquet"], ground_truth)[:3]]
    readings = reader.read(lines)
    assert len(readings) == 3
    assert all(0 <= (line.confidence or 0) <= 1 for line in readings)
    (tmp_path / "line.png").write_bytes(read_lines(["lines/*.parquet"], ground_truth)[0].image)
    arguments = ["read", str(tmp_path / "line.png"), "--level", "line"]
    assert command(*arguments, "--reader", str(out / "compact.onnx")) == ExitCode.OK
    assert command(*arguments, "--reader", str(tmp_path / "none.onnx")) == ExitCode.MODEL


def test_exported_network_gives_the_trained_networks_scores(ground_truth: Path, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file

    from manuscribe.engines.openvino import OpenVinoModel
    from manuscribe.training.recipe import load_recipe, run_recipe

    loaded = load_recipe(small_recipe(tmp_path))
    path = run_recipe(loaded, ground_truth, tmp_path / "run", quiet=True)
    task = loaded.module.build_task(loaded.recipe, ground_truth)
    task.model.load_state_dict(load_file(tmp_path / "run" / "best.safetensors"))
    task.model.eval()
    lines = np.random.default_rng(0).random((1, 1, 64, 192), dtype=np.float32)
    with torch.inference_mode():
        expected = task.model(torch.from_numpy(lines)).numpy()
    assert OpenVinoModel(path, threads=1, bf16=False)(lines)[0] == pytest.approx(expected, abs=0.01)


def test_an_interrupted_run_resumes_and_is_not_overwritten(ground_truth: Path, tmp_path: Path) -> None:
    recipe, out = small_recipe(tmp_path), tmp_path / "run"
    arguments = ["train", str(recipe), "--data", str(ground_truth), "-o", str(out), "--quiet"]
    assert command(*arguments, "--set", "loop.steps=3") == ExitCode.OK
    assert command(*arguments) == ExitCode.OUTPUT
    assert command(*arguments, "--resume") == ExitCode.OK
    assert json.loads((out / "checkpoint" / "state.json").read_text())["step"] == 6


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("loop.stepps=3", "stepps"),
        ("kind=else", "unknown kind"),
        ("loop.steps=-1", "loop.steps"),
        ("nonsense", "key=value"),
        ("name.x=3", "which is a value"),
        ("keep=0.4", "name a start"),
    ],
)
def test_a_wrong_recipe_says_where(tmp_path: Path, capsys: pytest.CaptureFixture[str], change: str, said: str) -> None:
    assert command("train", str(small_recipe(tmp_path)), "--set", change) == ExitCode.USAGE
    assert said in capsys.readouterr().err


def test_missing_recipe_and_missing_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("train", str(tmp_path / "none.yaml")) == ExitCode.INPUT
    (tmp_path / "list.yaml").write_text("- 1\n")
    assert command("train", str(tmp_path / "list.yaml")) == ExitCode.USAGE
    out = ["-o", str(tmp_path / "run"), "--quiet"]
    assert command("train", str(small_recipe(tmp_path)), "--data", str(tmp_path), *out) == ExitCode.INPUT
    assert "No data set" in capsys.readouterr().err


def with_lines(ground_truth: Path, root: Path, **changes: str) -> Path:
    """The ground truth with other values in its lines."""
    for name in ("fonts", "library"):
        (root / name).symlink_to(ground_truth / name)
    (root / "lines").mkdir()
    lines = [replace(line, **changes) for line in read_lines(["lines/*.parquet"], ground_truth)]
    write_lines(root / "lines" / "all.parquet", lines)
    return root


def build(folder: Path, root: Path, *changes: str) -> object:
    from manuscribe.training.recipe import load_recipe

    loaded = load_recipe(small_recipe(folder), changes)
    return loaded.module.build_task(loaded.recipe, root)


def test_nothing_to_hold_out_and_nothing_to_learn_are_refused(ground_truth: Path, tmp_path: Path) -> None:
    for name in ("group", "text"):
        (tmp_path / name).mkdir()
    with pytest.raises(UsageError, match="single group"):
        build(tmp_path, with_lines(ground_truth, tmp_path / "group", group="all"))
    with pytest.raises(InputError, match="characters that the reader knows"):
        build(tmp_path, with_lines(ground_truth, tmp_path / "text", text="漢字"))


def test_lines_that_are_all_wide_still_make_narrow_batches(ground_truth: Path, tmp_path: Path) -> None:
    task = build(tmp_path, ground_truth, "batch.narrow_width=1", "data.synthetic.share=0")
    assert task.batch(0).lines.shape[0] >= 4  # type: ignore[attr-defined]


def test_training_goes_on_from_an_exported_reader(ground_truth: Path, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file

    from manuscribe.errors import ModelError
    from manuscribe.training.recipe import load_recipe, run_recipe

    first = run_recipe(load_recipe(small_recipe(tmp_path)), ground_truth, tmp_path / "run", quiet=True)
    before = build(tmp_path, ground_truth)
    before.model.load_state_dict(load_file(tmp_path / "run" / "best.safetensors"))  # type: ignore[attr-defined]
    after = build(tmp_path, ground_truth, f"start={first}")
    lines = torch.rand(2, 1, 64, 192)
    with torch.inference_mode():
        expected = before.model.eval()(lines)  # type: ignore[attr-defined]
        assert torch.allclose(after.model(lines), expected, atol=0.02)  # type: ignore[attr-defined]
    with pytest.raises(ModelError, match="size"):
        build(tmp_path, ground_truth, f"start={first}", "network.width=128")
    with pytest.raises(ModelError, match="No embedded model"):
        build(tmp_path, ground_truth, "start=nothing")


def test_pages_can_be_left_out_of_training(ground_truth: Path, tmp_path: Path) -> None:
    page = read_lines(["lines/*.parquet"], ground_truth)[0].page
    fewer, all_lines = (
        len(build(tmp_path, ground_truth, f"data.without={without}")._lines._real)  # type: ignore[attr-defined]
        for without in (f"[{page}]", "[]")
    )
    assert 0 < fewer < all_lines


def test_a_source_can_be_drawn_more_often(ground_truth: Path, tmp_path: Path) -> None:
    lines = read_lines(["lines/*.parquet"], ground_truth)
    halves = [
        [replace(line, source=source, text=source, group=f"{source}{i}") for i, line in enumerate(half)]
        for source, half in (("a", lines[::2]), ("b", lines[1::2]))
    ]
    (tmp_path / "lines").mkdir()
    write_lines(tmp_path / "lines" / "both.parquet", [line for half in halves for line in half])
    for folder in ("fonts", "library"):
        (tmp_path / folder).symlink_to(ground_truth / folder)
    task = build(tmp_path, tmp_path, "data.weights={a: 9}", "data.synthetic.share=0", "batch.narrow_steps=0")
    drawn = [int(letter) for step in range(40) for letter in task.batch(step).targets]  # type: ignore[attr-defined]
    first = task.characters.index("a") + 1  # type: ignore[attr-defined]
    assert 0.8 < drawn.count(first) / len(drawn) < 0.97


def test_a_run_is_only_resumed_with_what_it_began_with(ground_truth: Path, tmp_path: Path) -> None:
    from manuscribe.training.recipe import load_recipe, run_recipe

    recipe, out = small_recipe(tmp_path), tmp_path / "run"
    run_recipe(load_recipe(recipe, ["loop.steps=1"]), ground_truth, out, quiet=True)
    changes = ["data.validation=0.2", "batch.pixels=600", "network.depth=2", "loop.seed=5", "start=compact"]
    for change in [*changes, "teacher=compact"]:
        with pytest.raises(UsageError, match=re.split("[.=]", change)[0]):
            run_recipe(load_recipe(recipe, [change]), ground_truth, out, resume=True, quiet=True)
    began = yaml.safe_load((out / "recipe.yaml").read_text(encoding="utf-8"))
    del began["network"]["inner"], began["teacher"]  # as older versions wrote it
    (out / "recipe.yaml").write_text(yaml.safe_dump(began), encoding="utf-8")
    allowed = ["loop.steps=2", "loop.learning_rate=0.001", "loop.evaluate_every=2", "loop.decay=0.1"]
    run_recipe(load_recipe(recipe, allowed), ground_truth, out, resume=True, quiet=True)
    assert yaml.safe_load((out / "recipe.yaml").read_text(encoding="utf-8"))["loop"]["steps"] == 2


def test_a_full_disk_is_an_error_of_the_output(
    ground_truth: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from manuscribe.training import recipe

    def failing(error: Exception) -> None:
        def train(*_: object, **__: object) -> None:
            raise error

        monkeypatch.setattr(recipe, "train", train)

    loaded = recipe.load_recipe(small_recipe(tmp_path))
    failing(OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(OutputError, match="No space left"):
        recipe.run_recipe(loaded, ground_truth, tmp_path / "run", quiet=True)
    failing(FileNotFoundError(errno.ENOENT, "No such file", str(tmp_path / "font.ttf")))
    with pytest.raises(FileNotFoundError):
        recipe.run_recipe(loaded, ground_truth, tmp_path / "run", quiet=True)


def test_tensors_that_cannot_be_written_are_an_error_of_the_output(tmp_path: Path) -> None:
    import torch

    from manuscribe.training.checkpoint import save_tensors

    with pytest.raises(OutputError, match=r"x\.safetensors cannot be written"):
        save_tensors({"x": torch.zeros(1)}, tmp_path / "none" / "x.safetensors")


def test_what_was_learnt_is_mixed_with_the_start(ground_truth: Path, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file

    from manuscribe.training.recipe import load_recipe, run_recipe

    first = run_recipe(load_recipe(small_recipe(tmp_path)), ground_truth, tmp_path / "first", quiet=True)
    loaded = load_recipe(small_recipe(tmp_path), [f"start={first}", "keep=0.4", "loop.learning_rate=0.05"])
    run_recipe(loaded, ground_truth, tmp_path / "second", quiet=True)
    task = loaded.module.build_task(loaded.recipe, ground_truth)
    begun = {name: tensor.clone() for name, tensor in task.model.state_dict().items()}
    weights = tmp_path / "second" / "best.safetensors"
    figures = task.finish(weights, 0.4)
    learnt, name = load_file(weights), "head.weight"
    assert not torch.allclose(learnt[name], begun[name])
    assert torch.allclose(task.model.state_dict()[name], 0.6 * learnt[name] + 0.4 * begun[name], atol=1e-6)
    card = json.loads((tmp_path / "second" / "compact.json").read_text(encoding="utf-8"))
    assert card["metrics"]["cer"] == pytest.approx(figures["cer"], abs=1e-6)


def test_a_reader_goes_on_narrower_with_itself_as_the_teacher(ground_truth: Path, tmp_path: Path) -> None:
    recipe, first, second = small_recipe(tmp_path), tmp_path / "first", tmp_path / "second"
    arguments = ["--data", str(ground_truth), "--quiet", "-o"]
    assert command("train", str(recipe), *arguments, str(first)) == ExitCode.OK
    values = yaml.safe_load(recipe.read_text(encoding="utf-8"))
    values |= {"start": str(first / "compact.onnx"), "teacher": str(first / "compact.onnx")}
    values["network"] |= {"hidden": 48, "inner": [6, 6, 6]}
    recipe.write_text(yaml.safe_dump(values, allow_unicode=True), encoding="utf-8")
    assert command("train", str(recipe), *arguments, str(second)) == ExitCode.OK
    cards = [json.loads((out / "compact.json").read_text(encoding="utf-8")) for out in (first, second)]
    assert cards[1]["parameters"] < cards[0]["parameters"]
    assert (second / "compact.onnx").stat().st_size < (first / "compact.onnx").stat().st_size


def test_being_unlike_the_teacher_costs_and_being_alike_does_not(ground_truth: Path, tmp_path: Path) -> None:
    import torch

    from manuscribe.engines.openvino import OpenVinoModel
    from manuscribe.models.files import ModelFile
    from manuscribe.training.recipe import load_recipe, run_recipe
    from manuscribe.training.teacher import Teacher

    path = run_recipe(load_recipe(small_recipe(tmp_path)), ground_truth, tmp_path / "run", quiet=True)
    teacher = Teacher(ModelFile(path), ModelFile(path).charset)
    lines = torch.rand((2, 1, 64, 96), generator=torch.Generator().manual_seed(0))
    seen = torch.from_numpy(OpenVinoModel(path)(lines.numpy())[0])
    assert float(teacher.unlike(seen, lines)) == pytest.approx(0, abs=1e-3)
    other = torch.log_softmax(seen.flip(2), dim=2)
    expected = float((seen.exp() * (seen - other)).sum())
    assert float(teacher.unlike(other, lines)) == pytest.approx(expected, rel=1e-3)
    with pytest.raises(ModelError, match="charset"):
        Teacher(ModelFile(path), "abc")


def test_a_start_whose_card_is_lost_is_told(ground_truth: Path, tmp_path: Path) -> None:
    recipe, out = small_recipe(tmp_path), tmp_path / "run"
    arguments = ["--data", str(ground_truth), "--quiet", "-o"]
    assert command("train", str(recipe), *arguments, str(out)) == ExitCode.OK
    card = json.loads((out / "compact.json").read_text(encoding="utf-8"))
    del card["recipe"]
    (out / "compact.json").write_text(json.dumps(card), encoding="utf-8")
    values = yaml.safe_load(recipe.read_text(encoding="utf-8")) | {"start": str(out / "compact.onnx")}
    recipe.write_text(yaml.safe_dump(values, allow_unicode=True), encoding="utf-8")
    assert command("train", str(recipe), *arguments, str(tmp_path / "next")) == ExitCode.MODEL
