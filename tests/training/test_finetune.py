"""Teaching a checkpoint: what the trainer is guarded against, stages, adapters, resuming."""

import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
import yaml
from safetensors.torch import load_file
from transformers import AutoConfig, TrainerControl, TrainerState, VisionEncoderDecoderModel

from manuscribe.datasets.labelled import LabelledLine
from manuscribe.datasets.lines import write_lines
from manuscribe.errors import ExitCode, InputError, ModelError, UsageError
from manuscribe.evaluation.lines import figures_of, read_with
from manuscribe.options import validated
from manuscribe.readers.options import ReaderOptions
from manuscribe.readers.trocr.reader import TrocrReader
from manuscribe.training.crew import Crew
from manuscribe.training.dividing import Divided, LinesSection, divide, kept_apart
from manuscribe.training.finetune.adapters import merged, targets_of, trainable, weights_of, with_adapter
from manuscribe.training.finetune.course import Recipe
from manuscribe.training.finetune.dropout import DroppedLinear, QuickDropout
from manuscribe.training.finetune.lesson import Lesson
from manuscribe.training.finetune.order import ByLength
from manuscribe.training.finetune.plan import memory_of
from manuscribe.training.finetune.pupil import IGNORED
from manuscribe.training.finetune.quantised import is_quantised, quantise, widened
from manuscribe.training.finetune.stage import Stage
from manuscribe.training.finetune.trainer import LineTrainer, arguments_of
from manuscribe.training.finetune.trocr.lines import Collator, TaughtLines
from manuscribe.training.finetune.trocr.model import check_loss, load_pupil, publish, reader_of
from manuscribe.training.finetune.trocr.states import encode, states_together, with_states
from manuscribe.training.finetune.watch import Watch
from manuscribe.training.memory import _HUGE_PAGES
from manuscribe.training.recipe import load_recipe
from tests.datasets.conftest import picture
from tests.readers.trocr.building import as_legacy, build
from tests.training.conftest import command

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("ignore::FutureWarning:transformers.*", "ignore::UserWarning:torch.*"),
]
TEXTS = ("ein Tag", "zwei", "drei Mark", "vier", "den 5.", "sechs", "7 Uhr", "acht", "neun", "zehn", "elf", "zwölf")
STAGE = {"name": "hand", "data": {"lines": ("lines.jsonl",), "validation": 0.25}}


def lines_of(texts=TEXTS):
    return [LabelledLine(picture(text), text, "s", f"g{n % 4}", language="de") for n, text in enumerate(texts)]


def stage_of(**changes):
    return validated(Stage, **(STAGE | {"rank": 4, "alpha": 8} | changes))


@pytest.fixture(autouse=True)
def one_thread():
    """Sums depend a little on the number of threads, which readers set for the whole process."""
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("base") / "checkpoint"
    build(folder)
    return folder


@pytest.fixture
def pupil(base):
    return load_pupil(str(base))


@pytest.fixture
def root(tmp_path, base):
    """A folder with lines and a recipe of two stages."""
    return with_recipe(tmp_path, base)


def with_recipe(folder, base):
    write_lines(folder / "lines.jsonl", lines_of())
    domain = STAGE | {"name": "domain", "rank": 4, "alpha": 8, "learning_rate": 0.01, "epochs": 2}
    hand = STAGE | {"adapter": "none", "freeze_layers": 1, "augment": "kgb", "learning_rate": 0.003, "epochs": 2}
    recipe = {"kind": "finetune", "name": "taught", "licence": "MIT", "description": "A trial.", "credits": [],
              "model": str(base), "stages": [domain, hand]}  # fmt: skip
    (folder / "recipe.yaml").write_text(yaml.safe_dump(json.loads(json.dumps(recipe))), encoding="utf-8")
    return folder


def batch_of(pupil, texts=TEXTS[:3]):
    return Collator(pupil)([*TaughtLines(lines_of(texts), pupil, None, 0)])


def perturbed(model):
    """Adapters begin as nothing: let them be something."""
    generator = torch.Generator().manual_seed(1)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            parameter.data = torch.randn(parameter.shape, generator=generator) * 0.05
    return model


# ---- the model


@pytest.mark.parametrize("layout", ["current", "legacy", "sinusoidal", "deit"])
def test_the_model_is_that_of_transformers(tmp_path, layout):
    decoder = {"use_learned_position_embeddings": layout != "sinusoidal"}
    original = build(tmp_path / "a", decoder=decoder, kind="deit" if layout == "deit" else "vit")
    if layout == "legacy":
        as_legacy(tmp_path / "a")
    pupil = load_pupil(str(tmp_path / "a"))
    batch = batch_of(pupil)
    with torch.no_grad():
        expected, found = original(**batch).logits, pupil.model.eval()(**batch).logits
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_the_loss_is_that_of_the_next_token(pupil):
    batch = batch_of(pupil)
    check_loss(pupil.model, batch)
    model = pupil.model

    class ShiftsTwice(torch.nn.Module):
        """As transformers 4.50 to 4.57.6 did."""

        def forward(self, pixel_values, labels):
            found = model(pixel_values=pixel_values, labels=labels)
            later = torch.full_like(labels, IGNORED)
            later[:, :-1] = labels[:, 1:]
            found.loss = torch.nn.functional.cross_entropy(
                found.logits.flatten(0, 1), later.flatten(), ignore_index=IGNORED
            )
            return found

    with pytest.raises(ModelError, match="token after the next"):
        check_loss(ShiftsTwice(), batch)


def test_labels_end_and_their_padding_is_not_learnt(pupil):
    labels = batch_of(pupil, ("ab", "abcdef"))["labels"]
    end = pupil.configuration.generation.eos_token_id[0]
    short = [*pupil.tokens.tokens("ab"), end]
    assert labels[0].tolist() == short + [IGNORED] * (labels.shape[1] - len(short))
    assert labels[1, -1] == end


def test_tokens_are_set_in_all_places(pupil, tmp_path):
    publish(pupil, pupil.model, tmp_path / "out")
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    generation = json.loads((tmp_path / "out" / "generation_config.json").read_text())
    for place in (config, config["decoder"], generation):
        assert {place["decoder_start_token_id"], place["eos_token_id"]} == {2}
        assert place["pad_token_id"] == 1
    assert generation["max_length"] == 24


def test_a_wide_checkpoint_learns_from_wide_lines(tmp_path):
    build(tmp_path / "wide", image_size=[16, 64], encoder={"patch_size": [16, 8]})
    pupil = load_pupil(str(tmp_path / "wide"), fit="wide")
    batch = batch_of(pupil, ("a", "a longer text"))
    assert batch["pixel_values"].shape[2:] == (16, 96)
    check_loss(pupil.model, batch)
    publish(pupil, pupil.model, tmp_path / "out")
    again = load_pupil(str(tmp_path / "out"))
    assert again.is_wide


def test_texts_that_the_model_cannot_write_are_refused(pupil):
    with pytest.raises(InputError, match="more than the model writes"):
        TaughtLines(lines_of(("far too long a text for so few tokens",)), pupil, None, 0)


def test_a_beginning_that_the_checkpoint_writes_is_kept(pupil):
    pupil.begins = (0,)
    assert batch_of(pupil)["labels"][0, 0] == 0


# ---- adapters


@pytest.mark.parametrize(
    ("changes", "kinds"),
    [
        ({"targets": "attn", "parts": ("encoder",)}, {"encoder.layers.*.attention.q_proj"}),
        ({"targets": "ffn", "parts": ("decoder",)}, {"decoder.model.decoder.layers.*.fc1"}),
        ({"targets": r".*\.v_proj"}, {"encoder.layers.*.attention.v_proj"}),
        ({"targets": "all"}, {"encoder.layers.*.mlp.fc2", "decoder.model.decoder.layers.*.encoder_attn.out_proj"}),
    ],
)
def test_adapters_go_where_the_recipe_says(pupil, changes, kinds):
    stage = stage_of(**changes)
    targets = targets_of(pupil, stage)
    model = with_adapter(pupil, stage, "base")
    learnt = {kind for kind, (count, _) in trainable(model).items() if count}
    assert kinds <= learnt
    changed = {name for name, p in model.named_parameters() if p.requires_grad}
    assert len(changed) == 2 * len(targets)
    if changes.get("parts") == ("encoder",):
        assert not any("decoder" in name for name in changed)


@pytest.mark.parametrize("pattern", ["nothing_like_this", "("])
def test_targets_that_fit_nothing_are_refused(pupil, pattern):
    with pytest.raises(UsageError, match="targets"):
        targets_of(pupil, stage_of(targets=pattern))


def test_what_is_frozen_stays_frozen(pupil):
    model = with_adapter(pupil, stage_of(adapter="none", freeze=("decoder",), freeze_layers=1), "base")
    learnt = {name for name, p in model.named_parameters() if p.requires_grad}
    assert not any(name.startswith(("decoder.", "encoder.layers.0.", "encoder.embeddings.")) for name in learnt)
    assert any(name.startswith("encoder.layers.1.") for name in learnt)


@pytest.mark.parametrize("kind", ["lora", "dora"])
def test_merged_and_unmerged_give_the_same(pupil, tmp_path, kind):
    stage = stage_of(adapter=kind, dropout=0.0)
    model = perturbed(with_adapter(pupil, stage, str(pupil.stored.folder))).eval()
    batch = batch_of(pupil)
    with torch.no_grad():
        unmerged = model(**batch).logits
    model.save_pretrained(tmp_path / "adapter")
    images = [line.rgb() for line in lines_of()]
    read = [reader_of(pupil, model, 1).read(images)]
    publish(pupil, merged(model), tmp_path / "merged")
    plain = VisionEncoderDecoderModel.from_pretrained(tmp_path / "merged").eval()
    with torch.no_grad():
        assert (plain(**batch).logits - unmerged).abs().max() < 5e-5
    for folder in ("merged", "adapter"):
        read.append(TrocrReader(str(tmp_path / folder), ReaderOptions(beams=1)).read(images))
    assert [[line.text for line in lines] for lines in read] == [[line.text for line in read[0]]] * 3


def test_an_adapter_learns_on_layers_of_four_bits_and_comes_out_ordinary(base, tmp_path):
    stage = stage_of(adapter="qlora", dropout=0.0, epochs=2, learning_rate=0.01)
    lines = Divided(lines_of(TEXTS[:8]), lines_of(TEXTS[8:]))
    pupil = load_pupil(str(base))
    Lesson(pupil, str(base), stage, lines, lines.validation, tmp_path, 0, True, Crew()).run(resume=False)
    assert len(TrocrReader(str(tmp_path / "model"), ReaderOptions()).read([lines_of()[0].rgb()])) == 1
    again = load_pupil(str(base))
    model = perturbed(with_adapter(again, stage, str(base))).eval()
    matrices = [m for n, m in model.named_modules() if n.endswith("fc1.base_layer")]
    assert matrices
    assert all(is_quantised(matrix) and matrix.weight.dtype == torch.uint8 for matrix in matrices)
    batch = batch_of(again)
    with torch.no_grad():
        unmerged = model(**batch).logits
    found = weights_of(model)
    publish(again, merged(model), tmp_path / "merged")
    plain = VisionEncoderDecoderModel.from_pretrained(tmp_path / "merged").eval()
    with torch.no_grad():
        assert (plain(**batch).logits - unmerged).abs().max() < 5e-5
    assert all(torch.equal(found[name], tensor) for name, tensor in plain.state_dict().items())


def test_layers_of_four_bits_stay_as_they_are_where_the_processor_multiplies_bfloat16(monkeypatch):
    monkeypatch.setattr("bitsandbytes.nn.modules.has_avx512bf16", lambda: True)
    model = torch.nn.Sequential(torch.nn.Linear(32, 16))
    quantise(model, lambda _: True)
    (layer,) = model.eval()
    seen = torch.randn(3, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.allclose(layer(seen), widened(layer)(seen), atol=1e-6)


def test_weights_of_four_bits_are_counted_as_what_they_stand_for(base):
    lora, qlora = (with_adapter(load_pupil(str(base)), stage_of(adapter=kind), "base") for kind in ("lora", "qlora"))
    assert trainable(qlora) == trainable(lora)
    small = sum(weight.numel() for weight in qlora.parameters() if weight.dtype == torch.uint8)
    assert small > 0
    assert memory_of(lora) - memory_of(qlora) == 7 * small, "two weights in a byte, of four bytes each before"


def test_four_bits_need_an_extra(pupil, monkeypatch):
    monkeypatch.setattr("manuscribe.extras.missing", lambda *modules: list(modules))
    with pytest.raises(UsageError, match="bitsandbytes") as raised:
        with_adapter(pupil, stage_of(adapter="qlora"), "base")
    assert "manuscribe[qlora]" in str(raised.value.remedy)


# ---- the trainer


def trainer_of(pupil, folder, **changes):
    stage = stage_of(**({"adapter": "none", "epochs": 1, "learning_rate": 1e-3, "precision": "fp32"} | changes))
    lines = TaughtLines(lines_of(TEXTS[:8]), pupil, None, 0)
    arguments = arguments_of(stage, folder, 0, keep=False)
    model = with_adapter(pupil, stage, "base")
    watch = Watch(folder, 10, quiet=True)
    return LineTrainer(pupil, model, stage, lines, lines_of(TEXTS[8:]), arguments, watch, Crew())


@pytest.mark.parametrize("adapter", ["none", "lora"])
def test_accumulated_batches_are_averaged(base, tmp_path, adapter):
    # On 5.23 the trainer would multiply loss and gradients by the accumulated batches.
    norms = []
    for batch, accumulation in ((8, 1), (2, 4)):
        (folder := tmp_path / str(batch)).mkdir()
        changes = {"batch": batch, "accumulation": accumulation, "adapter": adapter, "dropout": 0.0}
        trainer = trainer_of(load_pupil(str(base)), folder, clip=1e9, **changes)
        trainer.args.logging_steps = trainer.state.logging_steps = 1
        trainer.train()
        first = json.loads((folder / "log.jsonl").read_text().splitlines()[0])
        norms.append((first["loss"], first["grad_norm"]))
    # Batches of two weigh long and short texts differently: near, not equal; and four times off is not near.
    assert norms[1] == pytest.approx(norms[0], rel=0.2)


def test_lines_of_like_length_come_together_and_all_of_them(pupil):
    lines = TaughtLines(lines_of(["x" * (1 + n % 9) for n in range(43)]), pupil, None, 0)
    sampler = ByLength(lines, 4, seed=5)
    first = list(sampler)
    assert sorted(first) == list(range(43))
    assert list(sampler) == first
    spread = [np.ptp([lines.lengths[n][1] for n in first[i : i + 4]]) for i in range(0, 40, 4)]
    assert np.mean(spread) < 1.2
    sampler.set_epoch(1)
    assert list(sampler) != first


def test_after_some_steps_it_is_told_how_fast_it_is_and_what_for(pupil, tmp_path, capsys):
    stage = stage_of(adapter="none", epochs=3, batch=1, precision="fp32")
    lines = TaughtLines(lines_of(TEXTS[:8]), pupil, None, 0)
    arguments = arguments_of(stage, tmp_path, 0, keep=False)
    watch = Watch(tmp_path, 10, quiet=False)
    LineTrainer(pupil, pupil.model, stage, lines, lines_of(TEXTS[8:]), arguments, watch, Crew()).train()
    watch.close()
    told = re.search(r"([\d.]+) lines a second, (\d+) % of the time spent on opening", capsys.readouterr().err)
    assert told
    assert float(told[1]) > 0
    assert 0 < int(told[2]) < 100


def test_a_diverging_run_stops_at_once_and_says_what_to_try(pupil, tmp_path):
    trainer = trainer_of(pupil, tmp_path)
    with torch.no_grad():
        pupil.model.decoder.model.decoder.layers[0].fc1.weight.fill_(math.inf)
    with pytest.raises(ModelError, match="learning rate below"):
        trainer.train()


# ---- data and recipes


def test_splits_of_the_data_are_followed(root):
    marked = [replace(line, split=("train", "validation", "test")[n % 3]) for n, line in enumerate(lines_of())]
    write_lines(root / "lines.jsonl", marked)
    found = divide(LinesSection(lines=("lines.jsonl",)), root, 0)
    assert [line.text for line in found.train] == list(TEXTS[::3])
    assert [line.text for line in found.validation] == list(TEXTS[1::3])
    assert [line.text for line in found.test] == list(TEXTS[2::3])
    few = divide(LinesSection(lines=("lines.jsonl",), limit=2), root, 0)
    more = divide(LinesSection(lines=("lines.jsonl",), limit=3), root, 0)
    assert len(few.train) == 2
    assert {line.text for line in few.train} < {line.text for line in more.train}


def test_lines_with_and_without_a_split_are_not_mixed(root):
    write_lines(root / "lines.jsonl", [replace(line, split="train" if n else "") for n, line in enumerate(lines_of())])
    with pytest.raises(InputError, match="others have none"):
        divide(LinesSection(lines=("lines.jsonl",)), root, 0)


def test_what_one_stage_measures_on_no_stage_learns():
    lines = lines_of()
    first = Divided(lines[:8], lines[8:10])
    second = Divided(lines[4:9], lines[:2], lines[2:3])
    apart = kept_apart([first, second])
    assert [line.text for line in apart[0].train] == list(TEXTS[3:8])
    assert [line.text for line in apart[1].train] == list(TEXTS[4:8])
    with pytest.raises(InputError, match="measured on, too"):
        kept_apart([Divided(lines[:2], lines[:2])])


def test_what_one_stage_tests_no_stage_validates(caplog):
    lines = lines_of()
    first, second = Divided(lines[:4], lines[4:8]), Divided(lines[:4], lines[8:10], lines[5:9])
    apart = kept_apart([first, second])
    assert [line.text for line in apart[0].validation] == [TEXTS[4]]
    assert [line.text for line in apart[1].validation] == [TEXTS[9]]
    assert [line.text for line in apart[1].test] == list(TEXTS[5:9])
    assert "4 validation lines are test lines, too" in caplog.text
    with pytest.raises(InputError, match="All validation lines"):
        kept_apart([Divided(lines[:2], lines[2:4], lines[2:6])])


@pytest.mark.parametrize("split", ["train", "validation"])
def test_an_empty_side_is_refused(root, split):
    write_lines(root / "lines.jsonl", [replace(line, split=split) for line in lines_of()])
    with pytest.raises(InputError, match="no line to"):
        divide(LinesSection(lines=("lines.jsonl",)), root, 0)


@pytest.mark.parametrize(
    "changes",
    [
        {"rank": 0},
        {"adapter": "magic"},
        {"ranks": 3},
        {"augment": "cia"},
        {"adapter": "none", "freeze": ("encoder", "decoder")},
        {"adapter": "lora", "freeze": ("encoder",)},
        {"parts": ()},
    ],
)
def test_stages_that_make_no_sense_are_refused(changes):
    with pytest.raises(UsageError):
        stage_of(**changes)


def test_recipes_that_make_no_sense_are_refused():
    head = {"kind": "finetune", "name": "a", "licence": "x", "description": "", "credits": (), "model": "m"}
    twice = (STAGE, STAGE)
    for stages in ((), twice, (STAGE | {"merge": False}, STAGE | {"name": "b"})):
        with pytest.raises(UsageError):
            validated(Recipe, **head, stages=stages)
    with pytest.raises(UsageError, match="names its base only"):
        validated(Recipe, **head, stages=(STAGE | {"merge": False},), fit="pad")


# ---- as a user


def test_two_stages_from_the_command_line(root, base):
    test = lines_of(("dreizehn", "14 Uhr"))
    write_lines(root / "test.parquet", test)
    more = ("--quiet", "--set", "stages.1.data.test_lines=[test.parquet]")
    assert command("train", f"{root}/recipe.yaml", "--data", str(root), "-o", f"{root}/out", *more) == ExitCode.OK
    out = root / "out"
    results = [json.loads(path.read_text()) for path in sorted(out.glob("stages/*/result.json"))]
    assert [result["stage"] for result in results] == ["domain", "hand"]
    assert results[0]["goal_after"] == results[1]["goal_before"]
    report = json.loads((out / "report.json").read_text())
    assert report["final"]["greedy"] == results[1]["after"]
    assert set(report["parts"]) == {"label", "length"}
    assert "learnt by heart" in (out / "report.md").read_text()
    models = {"before": base, "after domain": out / "stages/1-domain/model", "after hand": out / "taught"}
    assert report["test"] == {
        when: asdict(figures_of(read_with(TrocrReader(str(folder), ReaderOptions(beams=1)), test)))
        for when, folder in models.items()
    }
    assert (out / "stages" / "1-domain" / "curves.png").stat().st_size > 5000
    card = (out / "taught" / "README.md").read_text()
    assert "base_model:" in card
    assert not list(out.glob("stages/*/checkpoint-*"))
    plain = VisionEncoderDecoderModel.from_pretrained(out / "taught")
    stage = load_file(out / "stages" / "2-hand" / "model" / "model.safetensors")
    assert torch.equal(plain.state_dict()["encoder.layernorm.weight"], stage["encoder.layernorm.weight"])
    again = command("train", f"{root}/recipe.yaml", "--data", str(root), "-o", f"{root}/out", "--quiet")
    assert again == ExitCode.OUTPUT
    more = ("--resume", "--set", "stages.1.epochs=9")
    assert command("train", f"{root}/recipe.yaml", "--data", str(root), "-o", f"{root}/out", *more) == ExitCode.USAGE


def test_a_run_that_was_killed_goes_on_to_the_same_result(root):
    changes = ["--set", "stages.0.epochs=5", "--set", "stages.0.dropout=0.2", "--set", "stages.0.augment=kgb"]
    whole, cut = root / "whole", root / "cut"

    def arguments(out, *more):
        return ["train", f"{root}/recipe.yaml", "--data", str(root), "-o", str(out), "--quiet", *changes, *more]

    assert command(*arguments(whole)) == ExitCode.OK
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, "-m", "manuscribe", *arguments(cut)], env=environment)
    stage = cut / "stages" / "1-domain"
    while process.poll() is None and not list(stage.glob("checkpoint-*/trainer_state.json")):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "it was done before it could be killed"
    torch.set_num_threads(1)
    assert command(*arguments(cut, "--resume")) == ExitCode.OK
    ends = [load_file(out / "taught" / "model.safetensors") for out in (whole, cut)]
    for name, tensor in ends[0].items():
        torch.testing.assert_close(ends[1][name], tensor, rtol=0, atol=1e-6)
    assert json.loads((whole / "report.json").read_text()) == json.loads((cut / "report.json").read_text())


@pytest.mark.parametrize("most", [60_000, 200_000])  # in a checkpoint's state, in its weights
def test_a_disk_that_is_full_ends_the_run_with_a_remedy(root, most):
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({most}, {most}));"
    code = f"{limit} from manuscribe.cli.main import run; run()"
    words = ["train", f"{root}/recipe.yaml", "--data", str(root), "-o", f"{root}/out", "--quiet"]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
    assert done.returncode == ExitCode.OUTPUT, done.stderr
    assert "go on with --resume" in done.stderr
    assert command(*words, "--resume") == ExitCode.OK


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
def test_a_disk_that_is_full_of_an_encoder_s_states_is_told_alike(root, capsys):
    recipe = yaml.safe_load((root / "recipe.yaml").read_text())
    recipe["stages"] = [recipe["stages"][0] | {"parts": ["decoder"]}]
    (root / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    stage = root / "out" / "stages" / "1-domain"
    stage.mkdir(parents=True)
    (stage / "states.npy.new").symlink_to("/dev/full")
    words = ["train", f"{root}/recipe.yaml", "--data", str(root), "-o", f"{root}/out", "--quiet", "--resume"]
    assert command(*words) == ExitCode.OUTPUT
    said = capsys.readouterr().err
    assert "No space left" in said
    assert "go on with --resume" in said
    assert not (stage / "states.npy").exists()


@pytest.fixture
def fresh(tmp_path, base):
    """A checkpoint that learns easily: the weights of the others' base were made to differ, and are hard to move."""
    torch.manual_seed(0)
    shutil.copytree(base, tmp_path / "fresh")
    VisionEncoderDecoderModel(AutoConfig.from_pretrained(base)).save_pretrained(tmp_path / "fresh")
    return tmp_path / "fresh"


def by_heart(checkpoint):
    return ["--overfit", "4", "--set", "stages.0.adapter=none", "--set", f"model={checkpoint}"]


def test_a_few_lines_are_learnt_by_heart(root, fresh, capsys):
    arguments = ["train", f"{root}/recipe.yaml", "--data", str(root), "-o", f"{root}/out"]
    assert command(*arguments, *by_heart(fresh)) == ExitCode.OK
    assert "learnt by heart in" in capsys.readouterr().err
    assert not (root / "out" / "by-heart").exists()


def test_lines_that_cannot_be_learnt_by_heart_are_told(root, monkeypatch, capsys):
    monkeypatch.setattr("manuscribe.training.finetune.lesson._BY_HEART", 2)
    code = command("train", f"{root}/recipe.yaml", "--data", str(root), "-o", f"{root}/out", "--overfit", "4", "-q")
    assert code == ExitCode.MODEL
    assert "could not be learnt by heart" in capsys.readouterr().err


def test_what_more_lines_would_bring(root, capsys):
    arguments = ("--data", str(root), "-o", f"{root}/out", "--quiet", "--learning-curve", "4,100,all")
    assert command("train", f"{root}/recipe.yaml", *arguments) == ExitCode.OK
    table = capsys.readouterr().out
    assert [row.split("|")[1].strip() for row in table.splitlines()[4:]] == ["none", "4", "9"]
    assert (root / "out" / "amounts.png").is_file()


@pytest.mark.parametrize(
    ("more", "code"),
    [
        (("--set", "model=/nowhere"), ExitCode.MODEL),
        (("--set", "stages.7.epochs=1"), ExitCode.USAGE),
        (("--set", "stages.x.epochs=1"), ExitCode.USAGE),
        (("--set", "stages.0.data.lines=[none.jsonl]"), ExitCode.INPUT),
        (("--learning-curve", "many"), ExitCode.USAGE),
        (("--learning-curve", "0"), ExitCode.USAGE),
    ],
)
def test_bad_input(root, more, code):
    assert command("train", f"{root}/recipe.yaml", "--data", str(root), "-o", f"{root}/out", "-q", *more) == code


def test_texts_of_all_stages_are_checked_before_the_first(root, capsys):
    write_lines(root / "late.jsonl", lines_of((*TEXTS, "far too long a text for so few tokens")))
    more = ("--set", "stages.1.data.lines=[late.jsonl]", "--set", "stages.1.data.by=line", "--set", "seed=3")
    assert command("train", f"{root}/recipe.yaml", "--data", str(root), "-o", f"{root}/out", *more) == ExitCode.INPUT
    assert "1 texts of the stage 'hand'" in capsys.readouterr().err
    assert not (root / "out" / "stages").exists()


TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "manuscribe"]
"""Two processes, with gloo."""
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


def taught_by_two(arguments):
    done = subprocess.run([*TORCHRUN, *arguments], env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stderr


@pytest.fixture(scope="module")
def shared(tmp_path_factory, base):
    """A folder with what two processes taught, in `two`, whose losses do not depend on how they divided the lines.

    And the arguments for that, without the folder.
    """
    root = with_recipe(tmp_path_factory.mktemp("shared"), base)
    build(root / "base", decoder={"dropout": 0.0})
    # An even number of lines: of an odd one the processes would see a line twice, to have as many each.
    write_lines(
        root / "lines.jsonl",
        [replace(line, split=("train", "validation")[n % 3 // 2]) for n, line in enumerate(lines_of())],
    )
    changes = [f"stages.{n}.{change}" for n in (0, 1) for change in ("dropout=0", "batch=1", "augment=null")]
    more = [word for change in (*changes, "stages.0.epochs=5", "stages.1.epochs=3") for word in ("--set", change)]
    arguments = ["train", f"{root}/recipe.yaml", "--data", str(root), *more, "--set", f"model={root}/base", "--quiet"]
    taught_by_two([*arguments, "-o", f"{root}/two"])
    return root, arguments


def log_of(stage):
    return [json.loads(row) for row in (stage / "log.jsonl").read_text().splitlines()]


def test_several_processes_teach_as_one_with_more_accumulation(shared):
    """The same lines a step, and so the same losses and figures."""
    root, arguments = shared
    double = [word for n in (0, 1) for word in ("--set", f"stages.{n}.accumulation=2")]
    assert command(*arguments, *double, "-o", f"{root}/one") == ExitCode.OK
    for stage in ("1-domain", "2-hand"):
        logs = [log_of(root / out / "stages" / stage) for out in ("one", "two")]
        losses, other = ([row["loss"] for row in log if "loss" in row] for log in logs)
        assert losses
        assert other == pytest.approx(losses, rel=1e-4)
    for name in ("report.json", "taught/model.safetensors"):
        assert (root / "two" / name).is_file()
    assert json.loads((root / "one/report.json").read_text()) == json.loads((root / "two/report.json").read_text())


def test_several_processes_that_were_killed_go_on_to_the_same_result(shared):
    root, arguments = shared
    arguments = [*arguments, "-o", f"{root}/cut"]
    agent = psutil.Popen([*TORCHRUN, *arguments], env=ENVIRONMENT, stderr=subprocess.DEVNULL)
    stage = root / "cut" / "stages" / "1-domain"
    while agent.poll() is None and not list(stage.glob("checkpoint-*/trainer_state.json")):
        time.sleep(0.01)
    for process in (*agent.children(recursive=True), agent):
        process.kill()
    assert agent.wait() == -signal.SIGKILL, "it was done before it could be killed"
    taught_by_two([*arguments, "--resume"])
    assert [row["step"] for row in log_of(stage) if "eval_cer" in row].count(4) == 1, "it did not begin anew"
    ends = [load_file(root / out / "taught" / "model.safetensors") for out in ("two", "cut")]
    for name, tensor in ends[0].items():
        torch.testing.assert_close(ends[1][name], tensor, rtol=0, atol=1e-6)
    assert json.loads((root / "two/report.json").read_text()) == json.loads((root / "cut/report.json").read_text())


def test_several_processes_learn_a_few_lines_by_heart(root, fresh):
    arguments = ["train", f"{root}/recipe.yaml", "--data", str(root), "-o", f"{root}/out"]
    told = taught_by_two([*arguments, *by_heart(fresh)])
    assert told.count("learnt by heart in") == 1
    assert not (root / "out" / "by-heart").exists()


def test_only_checkpoints_are_taught_by_several_processes(ground_truth, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert command("train", "recipes/segmenter.yaml", "--data", str(ground_truth)) == ExitCode.USAGE


# ---- what stays as it is, is computed once


@pytest.mark.parametrize(
    ("fit", "changes"),
    [("squash", {"adapter": "none", "freeze": ("encoder",)}), ("wide", {"parts": ("decoder",), "dropout": 0.0})],
)
def test_a_frozen_encoder_looks_at_each_line_once(base, tmp_path, fit, changes, monkeypatch):
    stage = stage_of(epochs=3, batch=1, learning_rate=0.003, **changes)
    lines = Divided(lines_of(TEXTS[:8]), lines_of(TEXTS[8:]))

    def losses(out):
        pupil = load_pupil(str(base), fit=fit)
        Lesson(pupil, str(base), stage, lines, lines.validation, tmp_path / out, 0, True, Crew()).run(resume=False)
        assert not list((tmp_path / out).glob("states*"))
        log = [json.loads(row) for row in (tmp_path / out / "log.jsonl").read_text().splitlines()]
        return [row["loss"] for row in log if "loss" in row]

    encoded = []
    monkeypatch.setattr(
        "manuscribe.training.finetune.trocr.looking.encode", lambda *some: encoded.append(encode(*some)) or encoded[-1]
    )
    kept = losses("kept")
    monkeypatch.setattr("manuscribe.training.finetune.trocr.states._SHARE", 0)
    assert losses("full-disk") == pytest.approx(kept, rel=2e-3)
    assert encoded == [True, False]
    assert kept


def test_what_a_killed_run_left_behind_is_not_taken_for_states(base, tmp_path, monkeypatch):
    pupil, path = load_pupil(str(base)), tmp_path / "states.bin"
    batches = [Collator(pupil)([item]) for item in TaughtLines(lines_of(TEXTS[:2]), pupil, None, 0)]
    assert encode(pupil.model, batches, 2, path)
    monkeypatch.setattr("manuscribe.training.finetune.trocr.states._SHARE", 0)
    assert not encode(pupil.model, batches, 2, path)
    assert not list(tmp_path.iterdir())


def test_all_processes_see_that_nothing_is_left_to_learn(tmp_path):
    for first in (True, False):
        control = TrainerControl()
        state = TrainerState(is_world_process_zero=first)
        Watch(tmp_path, 10, quiet=True).on_log(None, state, control, logs={"eval_cer": 0.0})
        assert control.should_training_stop


def test_lines_are_told_the_epoch_where_the_sampler_is_not(pupil):
    lines = TaughtLines(lines_of(), pupil, None, 0)
    sampler = ByLength(lines, 2, seed=1)
    lines.set_epoch(3)
    by_lines = list(sampler)
    sampler.set_epoch(0)
    assert list(sampler) != by_lines
    sampler.set_epoch(3)
    assert list(sampler) == by_lines


def test_padded_states_are_not_seen(base):
    pupil = load_pupil(str(base))
    model = pupil.model.eval()
    with_states(model.get_decoder())
    rng = np.random.default_rng(0)
    states = [rng.normal(size=(count, model.config.encoder.hidden_size)).astype(np.float16) for count in (5, 9)]
    labels = torch.tensor([[5, 6, 7]])
    with torch.no_grad():
        alone = [model(**states_together([state]), labels=labels).logits[0] for state in states]
        both = model(**states_together(states), labels=labels.repeat(2, 1)).logits
    torch.testing.assert_close(both, torch.stack(alone), rtol=1e-5, atol=1e-5)


def test_quick_dropout_is_dropout():
    values = torch.ones(200, 503, requires_grad=True)
    dropout = QuickDropout(0.1)
    torch.manual_seed(3)
    dropped = dropout(values)
    assert float((dropped == 0).float().mean()) == pytest.approx(0.1, abs=0.005)
    assert float(dropped.detach().max()) == pytest.approx(1 / 0.9)
    dropped.sum().backward()
    assert torch.equal(values.grad, dropped)
    torch.manual_seed(3)
    assert torch.equal(dropout(values), dropped)
    assert not torch.equal(dropout(values), dropped)
    assert torch.equal(dropout.eval()(values), values)


def test_adapters_drop_quickly(pupil):
    for kind, expected in (("lora", DroppedLinear), ("dora", QuickDropout)):
        model = with_adapter(load_pupil(str(pupil.stored.folder)), stage_of(dropout=0.3, adapter=kind), "base")
        found = [module.p for module in model.modules() if isinstance(module, expected)]
        assert len(found) == sum("lora_A" in name for name, _ in model.named_parameters())
        assert set(found) == {0.3}


@pytest.mark.parametrize("half", [False, True])
def test_a_matrix_with_dropout_is_dropout_and_a_matrix(half):
    matrix = torch.nn.Linear(37, 5, bias=False)
    both, dropout = DroppedLinear(matrix, 0.2), QuickDropout(0.2)
    found = []
    for way in (both, lambda values: matrix(dropout(values))):
        values = torch.randn(3, 11, 37, generator=torch.Generator().manual_seed(2)).requires_grad_()
        matrix.weight.grad = None
        torch.manual_seed(4)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
            product = way(values)
        (product.float() ** 2).sum().backward()
        found.append((product.detach().float(), values.grad, matrix.weight.grad))
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0.05 if half else 1e-5, atol=0.05 if half else 1e-5)
    assert list(both.state_dict()) == ["weight"]
    both.eval()
    assert torch.equal(both(values), matrix(values))


def test_a_missing_image_is_told_before_anything_is_learnt(root, capsys):
    lines = [*lines_of(), replace(lines_of()[0], image=root / "gone.png", split="")]
    write_lines(root / "lines.jsonl", lines)
    code = command("train", f"{root}/recipe.yaml", "--data", str(root), "-o", f"{root}/out", "--quiet")
    assert code == ExitCode.INPUT
    assert "gone.png" in capsys.readouterr().err


def test_a_checkpoint_gets_tokens_for_another_script_before_the_first_stage(root, capsys):
    texts = ("один", "два", "три", "четыре", "пять", "шесть", "семь", "восемь", "девять", "десять")
    write_lines(root / "lines.jsonl", lines_of(texts))
    recipe = yaml.safe_load((root / "recipe.yaml").read_text()) | {"script": {"tokens": "characters"}}
    recipe["stages"] = [recipe["stages"][1] | {"name": "letters"}]
    (root / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    arguments = ("train", f"{root}/recipe.yaml", "--data", str(root), "-o", f"{root}/out")
    assert command(*arguments) == ExitCode.OK
    assert "script, characters" in capsys.readouterr().err
    tokens = load_pupil(str(root / "out" / "taught")).tokens
    assert [tokens.text(tokens.tokens(text)) for text in texts] == list(texts)
    written = (root / "out" / "script" / "model.safetensors").stat().st_mtime_ns
    assert command(*arguments, "--resume", "-q") == ExitCode.OK
    assert (root / "out" / "script" / "model.safetensors").stat().st_mtime_ns == written
    assert command(*arguments, "--set", "stages.0={name: x, data: {lines: [lines.jsonl]}}") == ExitCode.USAGE
    assert "new tokens are learnt whole" in capsys.readouterr().err


def test_an_adapter_may_stay_apart(root):
    recipe = yaml.safe_load((root / "recipe.yaml").read_text())
    recipe["stages"] = [recipe["stages"][0] | {"merge": False, "epochs": 1}]
    (root / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    assert command("train", f"{root}/recipe.yaml", "--data", str(root), "-o", f"{root}/out", "-q") == ExitCode.OK
    assert (root / "out" / "taught" / "adapter_model.safetensors").is_file()
    assert TrocrReader(str(root / "out" / "taught"), ReaderOptions()).read([lines_of()[0].rgb()])


def test_an_adapter_s_checkpoint_is_taught_on(root):
    recipe = yaml.safe_load((root / "recipe.yaml").read_text())
    pupil = load_pupil(recipe["model"])
    perturbed(with_adapter(pupil, stage_of(), recipe["model"])).save_pretrained(root / "adapter")
    recipe["stages"] = [recipe["stages"][0] | {"epochs": 1}]
    (root / "recipe.yaml").write_text(yaml.safe_dump(recipe | {"model": f"{root}/adapter"}))
    assert command("train", f"{root}/recipe.yaml", "--data", str(root), "-o", f"{root}/out", "-q") == ExitCode.OK
    assert (root / "out" / "taught" / "model.safetensors").is_file()


@pytest.mark.skipif(not _HUGE_PAGES.is_dir(), reason="this system has no huge pages")
def test_tensors_of_a_lesson_begin_at_pages():
    code = (
        "import torch; from pathlib import Path; from manuscribe.training.recipe import load_recipe;"
        "load_recipe(Path('recipes/kgb-two-stage.yaml')); print(torch.ones(4_000_000).data_ptr() % 4096)"
    )
    environment = {name: value for name, value in os.environ.items() if name != "THP_MEM_ALLOC_ENABLE"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"


def test_other_kinds_have_no_such_options(root):
    path = Path(__file__).parents[2] / "recipes" / "characters.yaml"
    assert command("train", str(path), "--data", str(root), "-o", f"{root}/out", "--overfit", "2") == ExitCode.USAGE


RECIPES = Path(__file__).parents[2] / "recipes"


@pytest.mark.parametrize("name", ["kgb-two-stage", "finetune-full", "decoder-only", "new-script"])
def test_the_recipes_that_ship_are_recipes(name):
    assert load_recipe(RECIPES / f"{name}.yaml").recipe.kind == "finetune"


def test_the_kgb_recipe_has_the_card_s_values():
    first, second = load_recipe(RECIPES / "kgb-two-stage.yaml").recipe.stages
    for stage in (first, second):
        assert (stage.rank, stage.alpha, stage.dropout, stage.targets) == (32, 64, 0.1, "attn_ffn")
    keys = ("learning_rate", "batch", "epochs", "patience", "beams")
    assert [getattr(first, key) for key in keys] == [2e-4, 4, 10, 6, 4]
    assert [getattr(second, key) for key in keys] == [5e-5, 8, 8, 8, 1]
