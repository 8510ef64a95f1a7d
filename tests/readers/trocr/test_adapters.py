"""LoRA and DoRA adapters in PEFT's layout: the same as merging by hand, or refused."""

import json
import math
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch
from safetensors.torch import save_file

from manuscribe.errors import ModelError
from manuscribe.readers.options import ReaderOptions
from manuscribe.readers.trocr.checkpoints.adapters import find_adapter, merge
from manuscribe.readers.trocr.checkpoints.checkpoint import load_checkpoint
from manuscribe.readers.trocr.checkpoints.names import current_name, former_name
from manuscribe.readers.trocr.checkpoints.weights import read_weights
from manuscribe.readers.trocr.reader import TrocrReader
from tests.readers.trocr.building import build, byte_tokenizer, lines

Weights = dict[str, torch.Tensor]
PREFIX = "base_model.model."
NEW, OLD = "encoder.layers.{}.attention.q_proj", "encoder.encoder.layer.{}.attention.attention.query"
SELF = "decoder.model.decoder.layers.{}.self_attn.v_proj"
ACROSS = "decoder.model.decoder.layers.{}.encoder_attn.v_proj"
HEAD, TOKENS = "decoder.output_projection", "decoder.model.decoder.embed_tokens"
RANK = 4


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "base"
    build(folder, generation={"max_length": 12})
    return folder


@pytest.fixture(scope="module")
def weights(base: Path) -> Weights:
    return read_weights(base)


def low_rank(weights: Weights, modules: Sequence[str], rank: int = RANK) -> Weights:
    """Changes for modules, by their names in the training, as PEFT stores them."""
    generator = torch.Generator().manual_seed(3)
    stored = {}
    for module in modules:
        rows, columns = weights[current_name(module + ".weight")].shape
        stored[f"{PREFIX}{module}.lora_A.weight"] = torch.randn(rank, columns, generator=generator)
        stored[f"{PREFIX}{module}.lora_B.weight"] = torch.randn(rows, rank, generator=generator)
    return stored


def write(folder: Path, base: str | Path, stored: Weights, **settings: Any) -> Path:
    folder.mkdir(exist_ok=True)
    names = {name.removeprefix(PREFIX).split(".lora_")[0] for name in stored if ".lora_" in name}
    config = {
        "peft_type": "LORA", "base_model_name_or_path": str(base), "r": RANK, "lora_alpha": 16, "bias": "none",
        "target_modules": sorted(names), "use_rslora": False, "use_dora": False, "rank_pattern": {},
        "alpha_pattern": {}, "modules_to_save": None, "layers_to_transform": None, "lora_dropout": 0.1,
    }  # fmt: skip
    (folder / "adapter_config.json").write_text(json.dumps(config | settings))
    save_file({name: tensor.contiguous() for name, tensor in stored.items()}, folder / "adapter_model.safetensors")
    return folder


def by_hand(weights: Weights, stored: Weights, module: str, scale: float) -> torch.Tensor:
    low, up = (stored[f"{PREFIX}{module}.lora_{part}.weight"] for part in "AB")
    return weights[current_name(module + ".weight")] + scale * up @ low


def merged(folder: Path, weights: Weights) -> Weights:
    adapter = find_adapter(folder)
    assert adapter is not None
    return merge(adapter, weights)


def all_layers(*names: str) -> list[str]:
    return [name.format(n) for name in names for n in range(2)]


def check(folder: Path, weights: Weights, stored: Weights, modules: Sequence[str], scale: float) -> None:
    """The modules changed as by hand, and nothing else."""
    found = merged(folder, weights)
    assert found.keys() == weights.keys()
    changed = {current_name(module + ".weight"): module for module in modules}
    for name, tensor in found.items():
        expected = by_hand(weights, stored, changed[name], scale) if name in changed else weights[name]
        assert torch.allclose(tensor, expected, atol=1e-5), name


def test_names_go_there_and_back(weights: Weights) -> None:
    for name in weights:
        assert current_name(former_name(name)) == current_name(name) == name
        assert former_name(former_name(name)) == former_name(name)
    assert former_name("encoder.layers.11.mlp.fc2.bias") == "encoder.encoder.layer.11.output.dense.bias"


@pytest.mark.parametrize("query", [NEW, OLD])
def test_lora_equals_merging_by_hand(query: str, base: Path, weights: Weights, tmp_path: Path) -> None:
    modules = all_layers(query, SELF)
    stored = low_rank(weights, modules)
    folder = write(tmp_path / "adapter", base, stored)
    check(folder, weights, stored, modules, 16 / RANK)


@pytest.mark.parametrize("query", [NEW, OLD])
def test_an_adapter_reads_like_the_merged_checkpoint(query: str, base: Path, weights: Weights, tmp_path: Path) -> None:
    stored = low_rank(weights, all_layers(query))
    folder = write(tmp_path / "adapter", base, stored, lora_alpha=1)
    whole = Path(shutil.copytree(base, tmp_path / "whole"))
    save_file(weights | {current_name(m + ".weight"): by_hand(weights, stored, m, 1 / RANK) for m in all_layers(query)},
              whole / "model.safetensors")  # fmt: skip
    texts = [TrocrReader(str(f), ReaderOptions(threads=1)).tokens(lines(3)) for f in (folder, whole, base)]
    assert texts[0] == texts[1] != texts[2]
    assert load_checkpoint(str(folder)).version != load_checkpoint(str(base)).version


def test_rank_stabilised_scale(base: Path, weights: Weights, tmp_path: Path) -> None:
    stored = low_rank(weights, all_layers(NEW))
    folder = write(tmp_path / "adapter", base, stored, use_rslora=True)
    check(folder, weights, stored, all_layers(NEW), 16 / math.sqrt(RANK))


@pytest.mark.parametrize("query", [NEW, OLD])
def test_modules_with_a_scale_and_a_rank_of_their_own(query: str, base: Path, weights: Weights, tmp_path: Path) -> None:
    first, second = all_layers(query)
    stored = low_rank(weights, [first], rank=2) | low_rank(weights, [second])
    layers = query.split("{}")[0].rsplit(".", 2)[1]  # "layers", "layer"
    # As in PEFT, the first pattern that fits the end of the module's name counts, named as in the training.
    patterns = {rf"{layers}.0.*{query.split('.')[-1]}": 6, query.split(".")[-1]: 10}
    folder = write(tmp_path / "adapter", base, stored, alpha_pattern=patterns, rank_pattern={"whatever": 2})
    found = merged(folder, weights)
    for module, scale in ((first, 6 / 2), (second, 10 / RANK)):
        expected = by_hand(weights, stored, module, scale)
        assert torch.allclose(found[current_name(module + ".weight")], expected, atol=1e-5)


@pytest.mark.parametrize("ending", ["lora_magnitude_vector", "lora_magnitude_vector.weight"])
def test_dora_gives_rows_their_length(ending: str, base: Path, weights: Weights, tmp_path: Path) -> None:
    modules = all_layers(OLD)
    stored = low_rank(weights, modules)
    lengths = {module: torch.rand(32, generator=torch.Generator().manual_seed(5)) + 0.5 for module in modules}
    magnitudes = {f"{PREFIX}{module}.{ending}": length for module, length in lengths.items()}
    found = merged(write(tmp_path / "adapter", base, stored | magnitudes, use_dora=True), weights)
    for module in modules:
        changed = by_hand(weights, stored, module, 16 / RANK)
        ours = found[current_name(module + ".weight")]
        assert torch.allclose(ours.norm(dim=1), lengths[module], atol=1e-5)
        assert torch.allclose(
            ours / ours.norm(dim=1, keepdim=True), changed / changed.norm(dim=1, keepdim=True), atol=1e-5
        )


def test_modules_that_were_trained_as_a_whole(base: Path, weights: Weights, tmp_path: Path) -> None:
    stored = low_rank(weights, all_layers(NEW))
    whole = {
        f"{PREFIX}decoder.model.decoder.layernorm_embedding.modules_to_save.default.weight": torch.full((24,), 2.0),
        f"{PREFIX}decoder.model.decoder.layernorm_embedding.bias": torch.full((24,), 3.0),
        f"{PREFIX}encoder.encoder.layer.0.layernorm_before.bias": torch.full((32,), 4.0),
        f"{PREFIX}encoder.layers.0.attention.q_proj.base_layer.bias": torch.full((32,), 5.0),
    }
    found = merged(write(tmp_path / "adapter", base, stored | whole), weights)
    names = ("decoder.model.decoder.layernorm_embedding.weight", "decoder.model.decoder.layernorm_embedding.bias",
             "encoder.layers.0.layernorm_before.bias", "encoder.layers.0.attention.q_proj.bias")  # fmt: skip
    assert [found[name][0].item() for name in names] == [2, 3, 4, 5]


@pytest.mark.parametrize("low", [True, False])
@pytest.mark.parametrize("changed", [HEAD, TOKENS])
def test_tied_words_may_be_changed_on_one_side(
    low: bool, changed: str, base: Path, weights: Weights, tmp_path: Path
) -> None:
    tokens = weights[TOKENS + ".weight"]
    stored = low_rank(weights | {HEAD + ".weight": tokens}, [changed])
    new = by_hand(weights | {HEAD + ".weight": tokens}, stored, changed, 16 / RANK)
    whole = {f"{PREFIX}{changed}.weight": new}
    network = load_checkpoint(str(write(tmp_path / "adapter", base, stored if low else whole))).network
    head, embedded = network.decoder.head.weight, network.decoder.tokens.weight
    assert torch.allclose(head if changed == HEAD else embedded, new, atol=1e-5)
    assert torch.equal(embedded if changed == HEAD else head, tokens)


@pytest.mark.parametrize("name", ["base", "../base", "absolute"])
def test_the_base_may_lie_beside_the_adapter(name: str, base: Path, weights: Weights, tmp_path: Path) -> None:
    folder = tmp_path / "adapter"
    place = folder / "base" if name == "base" else tmp_path / "base"
    shutil.copytree(base, place)
    write(folder, place if name == "absolute" else name, low_rank(weights, all_layers(NEW)))
    assert load_checkpoint(str(folder)).version != load_checkpoint(str(base)).version


def test_the_adapters_own_tokenizer_comes_first(base: Path, weights: Weights, tmp_path: Path) -> None:
    folder = write(tmp_path / "adapter", base, low_rank(weights, all_layers(NEW)))
    byte_tokenizer(395).save(str(folder / "tokenizer.json"))
    assert load_checkpoint(str(folder)).tokens.text([398]) == ""
    assert load_checkpoint(str(base)).tokens.text([398]) != ""


def test_parts_that_reading_does_not_use_may_have_changed(base: Path, weights: Weights, tmp_path: Path) -> None:
    stored = low_rank(weights, all_layers(OLD))
    stored |= {f"{PREFIX}encoder.pooler.dense.lora_{part}.weight": torch.ones(4, 4) for part in "AB"}
    stored[f"{PREFIX}encoder.pooler.dense.bias"] = torch.ones(4)
    check(write(tmp_path / "adapter", base, stored), weights, stored, all_layers(OLD), 16 / RANK)


@pytest.mark.parametrize(
    ("modules", "settings"),
    [
        (all_layers("decoder.model.decoder.layers.{}.self_attn.q_proj"), {"target_modules": r".*self_attn\.q_proj"}),
        ([OLD.format(1)], {"target_modules": ["query"], "layers_to_transform": [1]}),
        ([NEW.format(1)], {"target_modules": ["q_proj"], "layers_to_transform": 1, "layers_pattern": "encoder.layers"}),
        (all_layers(SELF), {"target_modules": ["v_proj"], "exclude_modules": ["encoder_attn.v_proj"]}),
        (all_layers(SELF), {"target_modules": ["v_proj"], "exclude_modules": r".*encoder_attn.*"}),
        (all_layers(SELF, ACROSS), {"target_modules": ["v_proj"]}),  # in version 4 the encoder has none
        (all_layers(NEW), {"target_modules": "all-linear"}),
    ],
)
def test_what_was_no_target_need_not_be_there(
    modules: list[str], settings: dict[str, Any], base: Path, weights: Weights, tmp_path: Path
) -> None:
    stored = low_rank(weights, modules)
    check(write(tmp_path / "adapter", base, stored, **settings), weights, stored, modules, 16 / RANK)


def refused(folder: Path) -> str:
    with pytest.raises(ModelError) as error:
        load_checkpoint(str(folder))
    assert "\n" not in str(error.value)
    assert str(folder) in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("query", [NEW, OLD])
@pytest.mark.parametrize("pattern", [False, True])
def test_a_target_without_weights_is_named(
    pattern: bool, query: str, base: Path, weights: Weights, tmp_path: Path
) -> None:
    last = query.split(".")[-1]
    targets = rf"encoder\..*\.{last}" if pattern else [last]
    folder = write(tmp_path / "adapter", base, low_rank(weights, [query.format(0)]), target_modules=targets)
    if query == NEW and not pattern:
        assert "has no weights for" in refused(folder)
    else:
        assert f"has no weights for {query.format(1)}, which is among its target_modules" in refused(folder)


@pytest.mark.parametrize("part", ["lora_A", "lora_B"])
def test_half_a_change_is_refused(part: str, base: Path, weights: Weights, tmp_path: Path) -> None:
    stored = low_rank(weights, all_layers(OLD))
    del stored[f"{PREFIX}{OLD.format(1)}.{part}.weight"]
    assert OLD.format(1) in refused(write(tmp_path / "adapter", base, stored))


def test_dora_without_lengths_is_refused(base: Path, weights: Weights, tmp_path: Path) -> None:
    folder = write(tmp_path / "adapter", base, low_rank(weights, all_layers(OLD)), use_dora=True)
    assert f"{OLD.format(0)}, which its base does not have or which it changes by half" in refused(folder)


@pytest.mark.parametrize(
    "name",
    ["encoder.layers.7.attention.q_proj.lora_A.weight", "vision.blocks.0.lora_A.weight",
     "decoder.model.decoder.embed_tokens.lora_embedding_A", "decoder.model.classifier.weight",
     "encoder.layers.0.attention.q_proj.lora_B.bias"],
)  # fmt: skip
def test_an_unknown_module_is_named(name: str, base: Path, weights: Weights, tmp_path: Path) -> None:
    stored = low_rank(weights, all_layers(NEW)) | {PREFIX + name: torch.zeros(2, 2)}
    said = refused(write(tmp_path / "adapter", base, stored))
    assert name.split(".lora_A")[0] in said
    assert str(base) in said


@pytest.mark.parametrize(
    ("part", "shape"),
    [("lora_A", (RANK, 31)), ("lora_A", (3, 32)), ("lora_B", (31, RANK)), ("lora_A", (0, 32)), ("lora_B", (32,)),
     ("lora_A", ()), ("lora_A", (RANK, 32, 1, 1)), ("lora_magnitude_vector", (31,)), ("lora_magnitude_vector", ())],
)  # fmt: skip
def test_changes_of_the_wrong_shape(
    part: str, shape: tuple[int, ...], base: Path, weights: Weights, tmp_path: Path
) -> None:
    stored = low_rank(weights, all_layers(NEW)) | {f"{PREFIX}{NEW.format(1)}.{part}.weight": torch.ones(shape)}
    assert f"for {NEW.format(1)} do not fit the base's (32, 32)" in refused(write(tmp_path / "adapter", base, stored))


def test_a_whole_module_of_the_wrong_shape(base: Path, weights: Weights, tmp_path: Path) -> None:
    stored = {f"{PREFIX}{TOKENS}.weight": torch.ones(400, 23)}
    assert f"the shape of {TOKENS}.weight is (400, 23)" in refused(write(tmp_path / "adapter", base, stored))


def test_changes_that_are_no_numbers(base: Path, weights: Weights, tmp_path: Path) -> None:
    stored = low_rank(weights, all_layers(NEW))
    stored[f"{PREFIX}{NEW.format(1)}.lora_B.weight"][0, 0] = torch.nan
    assert f"{NEW.format(1)}.weight holds values that are no numbers" in refused(write(tmp_path / "a", base, stored))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"peft_type": "IA3"}, "adapter.peft_type is 'IA3'"),
        ({"peft_type": None}, "adapter.peft_type"),
        ({"base_model_name_or_path": None}, "adapter.base_model_name_or_path"),
        ({"base_model_name_or_path": ""}, "adapter.base_model_name_or_path is ''"),
        ({"lora_alpha": "much"}, "adapter.lora_alpha is 'much'"),
        ({"alpha_pattern": {"(": 2}}, "'(' is no pattern"),
        ({"target_modules": "*"}, "'*' is no pattern"),
        ({"target_modules": 3}, "adapter.target_modules"),
        ({"init_lora_weights": "pissa_niter_4"}, "init_lora_weights 'pissa_niter_4'"),
        ({"init_lora_weights": "olora"}, "merge_and_unload"),
        ({"alora_invocation_tokens": [3, 4]}, "only work beside their base"),
    ],
)
def test_settings_that_make_no_sense(
    settings: dict[str, Any], said: str, base: Path, weights: Weights, tmp_path: Path
) -> None:
    message = refused(write(tmp_path / "adapter", base, low_rank(weights, all_layers(NEW)), **settings))
    assert "adapter_config.json" in message
    assert said in message


def test_damaged_and_missing_files(base: Path, weights: Weights, tmp_path: Path) -> None:
    folder = write(tmp_path / "adapter", base, low_rank(weights, all_layers(NEW)))
    path = folder / "adapter_model.safetensors"
    path.write_bytes(path.read_bytes()[:-10])
    assert "adapter_model.safetensors is missing or damaged" in refused(folder)
    path.unlink()
    assert "adapter_model.safetensors is missing or damaged" in refused(folder)
    (folder / "adapter_model.bin").touch()
    assert "adapter_model.bin is a pickle" in refused(folder)
    (folder / "adapter_model.bin").unlink()
    (folder / "adapter_config.json").write_text("{")
    assert "adapter_config.json cannot be read" in refused(folder)


def test_the_revision_of_the_base_is_followed(
    weights: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def locate(name: str, revision: str | None = None) -> Path:
        asked.append((name, revision))
        return Path(name) if name.startswith("/") else tmp_path / "none"

    monkeypatch.setattr("manuscribe.readers.trocr.checkpoints.checkpoint.locate", locate)
    folder = write(tmp_path / "adapter", "owner/base", low_rank(weights, all_layers(NEW)), revision="v3")
    with pytest.raises(ModelError):
        load_checkpoint(str(folder))
    assert asked[-1] == ("owner/base", "v3")


def test_a_base_that_is_none(base: Path, weights: Weights, tmp_path: Path) -> None:
    stored = low_rank(weights, all_layers(NEW))
    first = write(tmp_path / "first", base, stored)
    assert "is an adapter on an adapter" in refused(write(tmp_path / "second", first, stored))
    with pytest.raises(ModelError, match=r"There is no model folder \./nowhere"):
        load_checkpoint(str(write(tmp_path / "third", "./nowhere", stored)))
