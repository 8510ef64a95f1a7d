"""Vision-language models: a small one from nothing, and any of them taught by the recipes that teach TrOCR."""

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from manuscribe.datasets.labelled import LabelledLine
from manuscribe.datasets.lines import write_lines
from manuscribe.datasets.rendering.blocks import draw_block
from manuscribe.errors import InputError, UsageError
from manuscribe.extras import missing
from manuscribe.options import validated
from manuscribe.readers.options import ReaderOptions
from manuscribe.readers.protocol import load_bare_reader
from manuscribe.training.finetune.adapters import merged, targets_of, with_adapter
from manuscribe.training.finetune.course import Recipe
from manuscribe.training.finetune.pupil import IGNORED
from manuscribe.training.finetune.quantised import is_quantised
from manuscribe.training.finetune.stage import Stage
from manuscribe.training.finetune.vlm.pupil import VlmPupil, load_vlm_pupil
from manuscribe.training.recipe import load_recipe, run_recipe
from tests.readers.vlm.deepseek.building import folder_of

# PEFT asks transformers for a name of old.
pytestmark = pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing.:FutureWarning")
ROOT = Path(__file__).parents[2]
TEXTS = ("pain", "vin blanc", "une lettre\nde Paris", "12 mai", "le roi", "coffre", "la rue", "deux\npages")
HEAD = {"name": "taught", "licence": "MIT", "description": "A test.", "credits": []}


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    return folder_of(tmp_path_factory.mktemp("vlm") / "base", longest=48)


@pytest.fixture(scope="module")
def lines(faces_folder) -> list[LabelledLine]:
    """Words, lines and paragraphs."""
    found = []
    for number, text in enumerate(TEXTS):
        block = draw_block(text.split("\n"), faces_folder / "boxes.ttf", np.random.default_rng(number))
        label = "paragraph" if "\n" in text else "line" if " " in text else "word"
        image = cv2.imencode(".png", block.image)[1].tobytes()
        found.append(LabelledLine(image, text, label=label, split="validation" if number > 5 else "train"))
    return found


def stage_of(**changes) -> Stage:
    return Stage(**{"name": "one", "data": {"lines": ["x"]}, "parts": ("decoder",), "rank": 4, "alpha": 4, **changes})


def pupil_of(base: Path) -> VlmPupil:
    return load_vlm_pupil(f"vlm:{base}", None, prompt=None, size=None, half=False)


def perturbed(model):
    """Adapters begin with no effect: give them one."""
    torch.manual_seed(3)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.normal_(0, 0.1)
    return model


def test_adapters_go_to_the_decoders_matrices_and_to_no_other(base):
    found = {re.sub(r"\d+", "*", name) for name in targets_of(pupil_of(base), stage_of())}
    attention = {f"model.layers.*.self_attn.{name}_proj" for name in "qkvo"}
    feed = {
        f"model.layers.*.mlp.{part}{name}_proj"
        for part in ("", "experts.*.", "shared_experts.")
        for name in ("gate", "up", "down")
    }
    assert found == attention | feed
    encoder = {re.sub(r"\d+", "*", name) for name in targets_of(pupil_of(base), stage_of(parts=("encoder",)))}
    assert encoder == {
        *(f"model.sam_model.blocks.*.{name}" for name in ("attn.qkv", "attn.proj", "mlp.lin*")),
        *(f"model.vision_model.transformer.layers.*.{name}" for name in ("self_attn.qkv_proj", "self_attn.out_proj")),
        "model.vision_model.transformer.layers.*.mlp.fc*",
    }
    assert "model.projector.layers" in targets_of(pupil_of(base), stage_of(targets="all"))


def test_the_answer_alone_is_learnt(base, lines):
    pupil = pupil_of(base)
    taught = pupil.taught(lines, None, 0)
    batch = pupil.collator()([taught[0], taught[2]])
    tokens, labels = batch["input_ids"], batch["labels"]
    assert tokens.shape == labels.shape == batch["attention_mask"].shape
    for row, text in enumerate((TEXTS[0], TEXTS[2])):
        learnt = labels[row][labels[row] != IGNORED]
        assert pupil.processor.tokenizer.decode(learnt.tolist()) == text
        assert learnt[-1] == pupil.end
        assert (labels[row] == IGNORED).sum() == tokens.shape[1] - len(learnt)
        assert batch["attention_mask"][row].sum() == (tokens[row] != pupil.end).sum() + 1
    pupil.check_loss(pupil.model, batch)


def test_what_is_beside_it_in_a_batch_changes_no_loss(base, lines):
    pupil = pupil_of(base)
    taught, collate = pupil.taught(lines, None, 0), pupil.collator()
    with torch.no_grad():
        alone = pupil.model(**collate([taught[0]])).logits
        beside = pupil.model(**collate([taught[0], taught[2]])).logits[:1, : alone.shape[1]]
    assert (alone - beside).abs().max() < 1e-4


def test_texts_that_cannot_be_learnt_are_refused(base, lines):
    pupil = pupil_of(base)
    with pytest.raises(InputError, match="has no text"):
        pupil.taught([LabelledLine(lines[0].image, "  ")], None, 0)
    with pytest.raises(InputError, match="tokens; the model has 48 places"):
        pupil.taught([LabelledLine(lines[0].image, "a" * 3000)], None, 0)
    with pytest.raises(InputError):
        pupil.taught([LabelledLine(b"no image", "a")], None, 0)


@pytest.mark.parametrize("adapter", ["lora", "dora", "qlora"])
def test_merged_reads_as_unmerged(base, lines, tmp_path, adapter):
    if adapter == "qlora" and missing("bitsandbytes"):
        pytest.skip("bitsandbytes is not installed")
    pupil = pupil_of(base)
    batch = pupil.collator()([pupil.taught(lines, None, 0)[2]])
    model = perturbed(with_adapter(pupil, stage_of(adapter=adapter), str(base))).eval()
    with torch.no_grad():
        before = model(**batch).logits
    images = [lines[1].rgb()]
    read = [line.text for line in pupil.reader(model, 1).read(images)]
    whole = merged(model)
    with torch.no_grad():
        assert (whole(**batch).logits - before).abs().max() < 2e-4
    pupil.publish(whole, tmp_path / "merged")
    found = load_bare_reader(f"vlm:{tmp_path / 'merged'}", ReaderOptions(level="paragraph"))
    assert [line.text for line in found.read(images)] == read


def test_four_bits_are_the_decoders_matrices(base):
    if missing("bitsandbytes"):
        pytest.skip("bitsandbytes is not installed")
    pupil = pupil_of(base)
    model = with_adapter(pupil, stage_of(adapter="qlora"), str(base)).get_base_model()
    small = {re.sub(r"\d+", "*", name) for name, module in model.named_modules() if is_quantised(module)}
    assert small
    assert not any("vision" in name or "sam" in name or name.endswith(".gate") for name in small)


def recipe_of(base: Path, folder: Path, **changes) -> Path:
    stage = {
        "name": "hand", "data": {"lines": ["lines.jsonl"]}, "adapter": "lora", "rank": 4, "alpha": 8, "dropout": 0,
        "parts": ["decoder"], "epochs": 1, "batch": 2, "learning_rate": 0.01, **changes,
    }  # fmt: skip
    path = folder / "recipe.yaml"
    path.write_text(json.dumps({**HEAD, "kind": "finetune", "model": f"vlm:{base}", "size": "64", "stages": [stage]}))
    return path


@pytest.mark.parametrize("merge", [True, False])
def test_a_recipe_teaches_and_what_comes_out_reads(base, lines, tmp_path, merge):
    (tmp_path / "images").mkdir()
    write_lines(tmp_path / "lines.jsonl", lines)
    folder = run_recipe(load_recipe(recipe_of(base, tmp_path, merge=merge)), tmp_path, tmp_path / "out", quiet=True)
    name = f"vlm:{folder}" if merge else f"vlm:{base}+{folder}"
    assert (folder / ("model.safetensors" if merge else "adapter_model.safetensors")).is_file()
    reader = load_bare_reader(name, ReaderOptions(level="line"))
    assert reader.conditions["prompt"] == "<image>\nFree OCR. "
    assert len(reader.read([line.rgb() for line in lines[:2]])) == 2
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert set(report["final"]) == {"greedy"}
    assert set(report["parts"]["label"]) == {"line", "paragraph"}


def test_line_breaks_are_learnt(base, lines, tmp_path):
    from manuscribe.training.dividing import divide

    write_lines(tmp_path / "lines.jsonl", lines)
    data = Recipe(**json.loads(recipe_of(base, tmp_path).read_text())).stages[0].data
    kept = divide(data, tmp_path, 0, breaks=True).train
    assert "une lettre\nde Paris" in [line.text for line in kept]
    assert "une lettre de Paris" in [line.text for line in divide(data, tmp_path, 0).train]


@pytest.mark.parametrize(
    ("changes", "stage"),
    [({"fit": "wide"}, {}), ({}, {"beams": 4}), ({}, {"adapter": "none", "freeze_layers": 2}),
     ({"model": "folder", "prompt": "x"}, {})],
)  # fmt: skip
def test_recipes_that_make_no_sense(base, tmp_path, changes, stage):
    values = json.loads(recipe_of(base, tmp_path, **stage).read_text())
    if "model" in changes:
        values.pop("size")
    with pytest.raises(UsageError):
        validated(Recipe, **{**values, **changes})


def test_a_whole_model_learns_but_not_what_is_unused(base):
    model = with_adapter(pupil_of(base), stage_of(adapter="none", freeze=("encoder",)), "base")
    learnt = {name.split(".")[1] for name, weight in model.named_parameters() if weight.requires_grad}
    assert learnt == {"layers", "norm", "embed_tokens", "projector", "image_newline", "view_seperator", "weight"}
    everything = with_adapter(pupil_of(base), stage_of(adapter="none"), "base")
    frozen = [name for name, weight in everything.named_parameters() if not weight.requires_grad]
    assert frozen == ["model.vision_model.embeddings.patch_embedding.weight"]


def test_one_from_nothing(faces_folder, texts_folder, tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    (root / "fonts").symlink_to(faces_folder)
    (root / "text").symlink_to(texts_folder)
    changes = [
        "data.faces=[boxes]", "loop.steps=4", "loop.evaluate_every=4", "batch.size=4", "batch.taught_steps=2",
        "network={image: 128, window_width: 24, window_layers: 2, window: 4, neck: 8, middle: 8, width: 16, "
        "clip_layers: 1, layers: 2, heads: 2, experts: 3, inner: 8}",
    ]  # fmt: skip
    loaded = load_recipe(ROOT / "recipes" / "deepseek-tiny.yaml", changes)
    folder = run_recipe(loaded, root, tmp_path / "out", quiet=True)
    assert {"model.sam_model.net_3.weight", "model.layers.1.mlp.experts.2.up_proj.weight"} <= set(
        load_file(folder / "model.safetensors")
    )
    block = draw_block(["un pain"], faces_folder / "boxes.ttf", np.random.default_rng(0))
    reader = load_bare_reader(f"vlm:{folder}", ReaderOptions(level="word"))
    (line,) = reader.read([block.image])
    assert line.confidence is None or 0 <= line.confidence <= 1
    task = loaded.module.build_task(loaded.recipe, root)
    first, again = task.batch(3), task.batch(3)
    assert torch.equal(first.pixels, again.pixels)
    assert torch.equal(first.tokens, again.tokens)


def test_places_of_characters():
    from manuscribe.datasets.rendering.blocks import Block
    from manuscribe.training.deepseek import DeepseekTask

    recipe = load_recipe(ROOT / "recipes" / "deepseek-tiny.yaml", ["network.image=128"]).recipe
    task = DeepseekTask.__new__(DeepseekTask)
    from manuscribe.readers.vlm.deepseek.views import Mode
    from manuscribe.training.deepseek_checkpoint import new_tokenizer

    task.recipe, task.tokenizer, task._mode = recipe, new_tokenizer(), Mode(128)
    edges = np.array([[0.0, 0.25], [0.25, 0.5]])
    block = Block(np.zeros((128, 128), np.uint8), ("ab", "cd"), (edges, edges + 0.5))
    found = task._in_places(block)
    a, b, c, d = (task.tokenizer.encode(letter).ids[0] for letter in "abcd")
    assert found.tolist() == [[a] * 4 + [b] * 4 + [0] * 8, [0] * 8 + [c] * 4 + [d] * 4]


def test_the_vietnamese_recipe_is_sound():
    recipe = load_recipe(ROOT / "recipes" / "deepseek-ocr-vietnamese.yaml").recipe
    stage = recipe.stages[0]
    assert (stage.rank, stage.alpha, stage.dropout, stage.learning_rate, stage.epochs) == (16, 16, 0, 1e-4, 1)
    assert (stage.adapter, stage.schedule, stage.merge) == ("qlora", "cosine", False)
