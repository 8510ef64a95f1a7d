"""Damaged, incomplete and dangerous checkpoints, and adapters."""

import shutil
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from torch import Tensor

from manuscribe.errors import InputError, ModelError
from manuscribe.readers.vlm.answers import Pixels, Question
from manuscribe.readers.vlm.local.families import FAMILIES, Family
from manuscribe.readers.vlm.local.generation import Ban
from manuscribe.readers.vlm.local.runtime import LocalRuntime
from tests.readers.vlm.local.building import BUILT, TEXT, byte_tokenizer, change

QUESTION = "<image>Read it."


@pytest.fixture
def copied(tmp_path: Path, checkpoint: Callable[[str], Path]) -> Path:
    """A checkpoint that may be changed."""
    return Path(shutil.copytree(checkpoint("qwen3_vl"), tmp_path / "copied"))


@pytest.fixture
def adapter(tmp_path: Path, copied: Path) -> Path:
    """An adapter for it."""
    return taught(transformers.AutoModelForImageTextToText.from_pretrained(copied), tmp_path / "adapter")


def taught(model: Any, folder: Path) -> Path:
    """Write an adapter with random weights."""
    peft = pytest.importorskip("peft")
    settings = peft.LoraConfig(r=2, lora_alpha=6, target_modules=["q_proj", "down_proj"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # PEFT asks transformers by an old name
        wrapped = peft.get_peft_model(model, settings)
    torch.manual_seed(1)
    for name, parameter in wrapped.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(parameter, std=0.5)
    wrapped.save_pretrained(folder)
    return folder


def weights_of(adapter: Path) -> dict[str, Tensor]:
    return load_file(adapter / "adapter_model.safetensors")


def merge_by_hand(weights: dict[str, Tensor], adapter: Path) -> None:
    changes = weights_of(adapter)
    for name in [name for name in changes if "lora_A" in name]:
        up, down = changes[name.replace("lora_A", "lora_B")], changes[name]
        weights[name.removeprefix("base_model.model.").replace("lora_A.", "")] += 6 / 2 * up @ down


def edit(path: Path, change_: Callable[[dict[str, Tensor]], object]) -> None:
    tensors = load_file(path)
    change_(tensors)
    save_file({name: tensor.clone() for name, tensor in tensors.items()}, path, {"format": "pt"})


def logs_of(reader: LocalRuntime, image: Pixels) -> list[float]:
    (answer,) = reader.ask([Question(image, QUESTION, 6)])
    return [piece.log_probability for piece in answer.pieces]


def test_an_adapter_is_merged(copied: Path, adapter: Path, image: Pixels) -> None:
    with_adapter = LocalRuntime(str(copied), adapter=adapter, threads=1)
    without = LocalRuntime(str(copied), threads=1)
    edit(copied / "model.safetensors", lambda weights: merge_by_hand(weights, adapter))
    by_hand = LocalRuntime(str(copied), threads=1)
    assert logs_of(with_adapter, image) == pytest.approx(logs_of(by_hand, image), abs=1e-4)
    assert logs_of(without, image) != pytest.approx(logs_of(by_hand, image), abs=1e-2)
    assert not any("lora" in name for name, _ in with_adapter._model.named_parameters())
    assert len({with_adapter.version, without.version, by_hand.version}) == 3
    assert with_adapter.choices == {"engine": "torch", "device": "cpu", "precision": "fp32", "adapter": str(adapter)}


@pytest.mark.parametrize("kind", BUILT)
def test_adapters_find_their_place_in_each_family(kind: str, tmp_path: Path, checkpoint: Callable[[str], Path]) -> None:
    kept = transformers.AutoModelForImageTextToText.from_pretrained(checkpoint(kind)).state_dict()
    folder = taught(transformers.AutoModelForImageTextToText.from_pretrained(checkpoint(kind)), tmp_path / "adapter")
    found = LocalRuntime(str(checkpoint(kind)), adapter=folder, threads=1)._model.state_dict()
    usual = {name: tensor.clone() for name, tensor in kept.items()}
    merge_by_hand(kept, folder)
    assert found.keys() == kept.keys()
    assert all(torch.allclose(found[name], kept[name], atol=1e-5) for name in kept)
    assert sum(not torch.equal(usual[name], kept[name]) for name in kept) >= 4


def test_former_names_find_their_place(tmp_path: Path, checkpoint: Callable[[str], Path]) -> None:
    folder = checkpoint("paddleocr_vl")
    adapter = taught(transformers.AutoModelForImageTextToText.from_pretrained(folder), tmp_path / "adapter")
    today = LocalRuntime(str(folder), adapter=adapter)._model.state_dict()
    former = {name.replace(".language_model.", "."): tensor for name, tensor in weights_of(adapter).items()}
    save_file(former, adapter / "adapter_model.safetensors", {"format": "pt"})
    found = LocalRuntime(str(folder), adapter=adapter)._model.state_dict()
    assert all(torch.equal(found[name], today[name]) for name in today)


def test_an_adapter_that_fits_by_half_is_refused(copied: Path, adapter: Path) -> None:
    weights = adapter / "adapter_model.safetensors"
    name = next(iter(load_file(weights)))
    edit(weights, lambda tensors: tensors.update({name.replace("layers.0", "layers.9"): tensors[name]}))
    with pytest.raises(ModelError, match=r"what its network does not: .*layers\.9"):
        LocalRuntime(str(copied), adapter=adapter)
    edit(weights, lambda tensors: [tensors.pop(each) for each in list(tensors) if "layers.1.self_attn" in each])
    with pytest.raises(ModelError, match=r"lacks .*layers\.1\.self_attn\.q_proj\.lora_A.* and 1 other"):
        LocalRuntime(str(copied), adapter=adapter)


def test_other_adapters_are_refused(tmp_path: Path, copied: Path, adapter: Path) -> None:
    with pytest.raises(ModelError, match="is no adapter"):
        LocalRuntime(str(copied), adapter=copied)
    edit(adapter / "adapter_model.safetensors", lambda tensors: tensors.update({n: t[:1] for n, t in tensors.items()}))
    with pytest.raises(ModelError, match="does not fit"):
        LocalRuntime(str(copied), adapter=adapter)
    change(adapter, "adapter_config.json", peft_type="IA3")
    with pytest.raises(ModelError, match="adapter"):
        LocalRuntime(str(copied), adapter=adapter)
    (adapter / "adapter_model.safetensors").write_bytes(b"no")
    with pytest.raises(ModelError, match="missing or damaged"):
        LocalRuntime(str(copied), adapter=adapter)


def test_weights_that_are_missing_or_left_over_are_refused(copied: Path) -> None:
    weights = copied / "model.safetensors"
    edit(weights, lambda tensors: tensors.update(stray=torch.zeros(2)))
    with pytest.raises(ModelError, match="what its network does not: stray"):
        LocalRuntime(str(copied))
    edit(weights, lambda tensors: [tensors.pop("stray"), tensors.pop("model.language_model.norm.weight")])
    with pytest.raises(ModelError, match=r"lacks model\.language_model\.norm\.weight\. Was"):
        LocalRuntime(str(copied))


def test_damaged_files_are_told(copied: Path) -> None:
    (copied / "tokenizer.json").write_text("{")
    with pytest.raises(ModelError, match="tokenizer or the image processor"):
        LocalRuntime(str(copied))


def test_pickles_are_not_opened(copied: Path) -> None:
    torch.save(load_file(copied / "model.safetensors"), copied / "pytorch_model.bin")
    (copied / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="no weights in safetensors"):
        LocalRuntime(str(copied))


def test_code_in_the_folder_is_not_run(copied: Path, image: Pixels, checkpoint: Callable[[str], Path]) -> None:
    ran = copied / "ran"
    code = f"open({str(ran)!r}, 'w').close()\n"
    (copied / "theirs.py").write_text(code)
    (copied / "custom_generate").mkdir()
    (copied / "custom_generate" / "generate.py").write_text(code)
    names = ("AutoConfig", "AutoModel", "AutoModelForImageTextToText", "AutoProcessor", "AutoImageProcessor")
    for file in ("config.json", "preprocessor_config.json"):
        change(copied, file, auto_map=dict.fromkeys(names, "theirs.Theirs"))
    change(copied, "tokenizer_config.json", auto_map={"AutoTokenizer": ["theirs.Theirs", None]})
    usual = LocalRuntime(str(checkpoint("qwen3_vl")), threads=1)
    assert logs_of(LocalRuntime(str(copied), threads=1), image) == logs_of(usual, image)
    assert not ran.exists()


def test_a_folder_is_told_apart_from_another_however_it_is_computed(copied: Path) -> None:
    version = LocalRuntime(str(copied)).version
    half = LocalRuntime(str(copied), precision="bf16")
    assert half.version == version
    assert half.choices["precision"] == "bf16"
    change(copied, "preprocessor_config.json", max_pixels=28 * 28 * 20)
    assert LocalRuntime(str(copied)).version != version


def test_threads_may_ask_at_once(runtime: Callable[[str], LocalRuntime], image: Pixels) -> None:
    reader = runtime("qwen3_vl")
    questions = [Question(np.roll(image, 20 * n, axis=1), QUESTION, 6) for n in range(4)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda question: reader.ask([question])[0], questions))
    assert together == reader.ask(questions)


@pytest.mark.parametrize("shape", [(1, 1), (1, 1, 3), (3, 3, 3), (2, 90)])
def test_small_and_grey_images_are_seen(shape: tuple[int, ...], runtime: Callable[[str], LocalRuntime]) -> None:
    for kind in ("qwen3_vl", "deepseek_ocr2"):
        (answer,) = runtime(kind).ask([Question(np.full(shape, 90, np.uint8), QUESTION, 2)])
        assert len(answer.pieces) <= 2


def test_an_image_that_is_too_thin_is_told(runtime: Callable[[str], LocalRuntime]) -> None:
    with pytest.raises(InputError, match="900×1 pixels cannot be shown"):
        runtime("qwen3_vl").ask([Question(np.zeros((1, 900), np.uint8), QUESTION, 2)])


def test_another_family_is_plugged_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, image: Pixels) -> None:
    """As a network of our own does it, whose adapters have the names that published ones have."""

    class Before:
        tokenizer = byte_tokenizer(["<end>"])

        def takes(self, size: str) -> bool:
            return size == "small"

        def inputs(self, image: Pixels, prompt: str, size: str | None) -> dict[str, Tensor]:
            return {"input_ids": torch.tensor([self.tokenizer.encode(f"{prompt}{size}{image.mean()}").ids])}

    def network(folder: Path, precision: torch.dtype) -> transformers.PreTrainedModel:
        return transformers.LlamaForCausalLM.from_pretrained(folder, dtype=precision)

    family = Family(network, lambda _: Before(), {"line": "Read: "}, ("small",), Ban(3, 20), ("<end>",))
    monkeypatch.setitem(FAMILIES, "llama", family)
    settings = transformers.LlamaConfig(**TEXT, eos_token_id=260)
    transformers.LlamaForCausalLM(settings).save_pretrained(tmp_path)
    adapter = taught(transformers.LlamaForCausalLM.from_pretrained(tmp_path), tmp_path / "adapter")
    assert "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight" in weights_of(adapter)
    reader = LocalRuntime(str(tmp_path), adapter=adapter, threads=1)
    (answer,) = reader.ask([Question(image, "Read: ", 30)])
    assert list(reader.sizes) == ["small"]
    assert 0 < len(answer.pieces) <= 30
