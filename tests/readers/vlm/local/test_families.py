"""Each family against a plain loop over transformers' own classes, without cache and without `generate`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from manuscribe.errors import ModelError, UsageError
from manuscribe.readers.vlm.answers import Pixels, Question
from manuscribe.readers.vlm.local.families import FAMILIES, family_of, prompts_of
from manuscribe.readers.vlm.local.generation import write
from manuscribe.readers.vlm.local.runtime import LocalRuntime
from manuscribe.readers.vlm.manner import Manner, write_manner
from tests.readers.vlm.local.building import BUILT
from tests.readers.vlm.local.building import write as write_json
from tests.readers.vlm.local.conftest import Calm

KINDS = sorted(BUILT)
LONGEST = 10


def reference(folder: Path, inputs: dict[str, Any], longest: int) -> tuple[list[int], list[float]]:
    """The likeliest tokens, and the logarithms of their probabilities, seeing everything anew for each token."""
    model = transformers.AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32).eval()
    return plainly(model, model.generation_config.eos_token_id, inputs, longest)


def plainly(model: Any, end: int, inputs: dict[str, Any], longest: int) -> tuple[list[int], list[float]]:
    tokens: list[int] = []
    logs: list[float] = []
    while len(tokens) < longest and (not tokens or tokens[-1] != end):
        with torch.no_grad():
            scores = model(**inputs, use_cache=False).logits[0, -1].double().log_softmax(-1)
        tokens.append(int(scores.argmax()))
        logs.append(float(scores.max()))
        following = {"input_ids": tokens[-1], "attention_mask": 1, "mm_token_type_ids": 0}
        for name in inputs.keys() & following:
            inputs[name] = torch.cat([inputs[name], torch.tensor([[following[name]]])], dim=1)
    return tokens, logs


@pytest.mark.parametrize("kind", KINDS)
def test_it_writes_what_a_plain_loop_writes(
    kind: str, checkpoint: Callable[[str], Path], runtime: Callable[[str], LocalRuntime], image: Pixels
) -> None:
    reader = runtime(kind)
    inputs = reader._loaded.processor.inputs(image, reader.prompts["line"], None)
    written = write(reader._model, inputs, LONGEST, None, Calm())
    tokens, logs = reference(checkpoint(kind), dict(inputs), LONGEST)
    assert written.tokens == tokens
    assert written.log_probabilities == pytest.approx(logs, abs=1e-4)

    (answer,) = reader.ask([Question(image, reader.prompts["line"], LONGEST)])
    text = reader._loaded.processor.tokenizer.decode(tokens, skip_special_tokens=True)
    assert answer.text == text.strip() == "".join(piece.text for piece in answer.pieces)


@pytest.mark.parametrize("kind", KINDS)
def test_it_looks_at_the_image(kind: str, runtime: Callable[[str], LocalRuntime], image: Pixels) -> None:
    reader = runtime(kind)

    def logs(pixels: Pixels) -> list[float]:
        inputs = reader._loaded.processor.inputs(pixels, reader.prompts["line"], None)
        return write(reader._model, inputs, 1, None, Calm()).log_probabilities

    assert logs(image) != logs(255 - image)


@pytest.mark.parametrize(
    ("kind", "prompt", "framed"),
    [
        (
            "qwen2_5_vl",
            "<image>Read it.",
            "<|im_start|>user\n<|vision_start|>IMAGE<|vision_end|>Read it.<|im_end|>\n<|im_start|>assistant\n",
        ),
        (
            "qwen2_5_vl",
            "Be exact.<image>",
            "<|im_start|>system\nBe exact.<|im_end|>\n<|im_start|>user\n<|vision_start|>IMAGE<|vision_end|><|im_end|>\n"
            "<|im_start|>assistant\n",
        ),
        (
            "qwen3_vl",
            "Read it.",
            "<|im_start|>user\n<|vision_start|>IMAGE<|vision_end|>Read it.<|im_end|>\n<|im_start|>assistant\n",
        ),
        ("paddleocr_vl", "<image>OCR:", "<s>User: <|IMAGE_START|>IMAGE<|IMAGE_END|>OCR:\nAssistant: "),
        ("deepseek_ocr2", "<image>\nFree OCR.", "<｜begin▁of▁sentence｜>IMAGE\nFree OCR."),
        (
            "got_ocr2",
            "<image>\nOCR: ",
            "<|im_start|>system\nYou should follow the instructions carefully and explain your answers in detail."
            "<|im_end|><|im_start|>user\n<img>IMAGE</img>\nOCR: <|im_end|><|im_start|>assistant\n",
        ),
    ],
)
def test_prompts_are_framed_as_the_models_learnt_them(
    kind: str, prompt: str, framed: str, runtime: Callable[[str], LocalRuntime], image: Pixels
) -> None:
    processor = runtime(kind)._loaded.processor
    tokens = processor.inputs(image, prompt, None)["input_ids"][0].tolist()
    token = processor._processor.image_token_id
    places = [place for place, found in enumerate(tokens) if found == token]
    assert places == list(range(places[0], places[0] + len(places)))
    before, after = tokens[: places[0]], tokens[places[-1] + 1 :]
    decode = processor.tokenizer.decode
    assert f"{decode(before, False)}IMAGE{decode(after, False)}" == framed


@pytest.mark.parametrize("kind", ["deepseek_ocr2", "got_ocr2"])
def test_more_tiles_are_more_to_see(kind: str, runtime: Callable[[str], LocalRuntime]) -> None:
    page = np.full((900, 800, 3), 200, np.uint8)
    reader = runtime(kind)
    seen = {size: reader._loaded.processor.inputs(page, reader.prompts["page"], size) for size in reader.sizes}
    assert len(seen["tiles"]["input_ids"][0]) > len(seen["whole"]["input_ids"][0])
    assert seen["whole"]["pixel_values"].shape[0] == 1


def test_got_is_told_of_tiles(runtime: Callable[[str], LocalRuntime]) -> None:
    page = np.full((900, 800, 3), 200, np.uint8)
    processor = runtime("got_ocr2")._loaded.processor
    tokens = processor.inputs(page, "<image>\nOCR: ", "tiles")["input_ids"][0].tolist()
    assert processor.tokenizer.decode(tokens).endswith("\nOCR upon the patch reference: assistant\n")


def test_an_unknown_size_is_refused(runtime: Callable[[str], LocalRuntime], image: Pixels) -> None:
    with pytest.raises(UsageError, match=r"'vast'.*tiles, whole"):
        runtime("deepseek_ocr2").ask([Question(image, "<image>", 1, size="vast")])
    with pytest.raises(UsageError, match="as they are"):
        runtime("qwen3_vl").ask([Question(image, "<image>", 1, size="tiles")])


def test_an_unknown_type_is_refused_and_the_known_ones_are_told(tmp_path: Path) -> None:
    write_json(tmp_path, "config.json", {"model_type": "llava"})
    with pytest.raises(ModelError, match=r"'llava'.*deepseek_ocr2, .*qwen2_5_vl, qwen3_vl"):
        family_of(tmp_path)


def test_an_adapter_is_no_model(tmp_path: Path) -> None:
    write_json(tmp_path, "adapter_config.json", {"peft_type": "LORA"})
    write_json(tmp_path, "config.json", {"model_type": "qwen3_vl"})
    with pytest.raises(ModelError, match="is an adapter"):
        family_of(tmp_path)
    with pytest.raises(ModelError, match=r"no config\.json"):
        family_of(tmp_path / "elsewhere")


def test_churro_is_asked_as_it_was_taught() -> None:
    family = FAMILIES["qwen2_5_vl"]
    assert prompts_of(family, "stanford-oval/churro-3B")["page"].endswith("to XML format.<image>")
    assert prompts_of(family, "Qwen/Qwen2.5-VL-3B-Instruct") == family.prompts
    assert all(set(each.prompts) == {"word", "line", "paragraph", "page"} for each in FAMILIES.values())


def test_a_checkpoint_without_a_template_is_refused(
    tmp_path: Path, checkpoint: Callable[[str], Path], image: Pixels
) -> None:
    for file in checkpoint("qwen3_vl").iterdir():
        if file.suffix != ".jinja":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    with pytest.raises(ModelError, match=r"chat_template\.jinja"):
        LocalRuntime(str(tmp_path)).ask([Question(image, "<image>Read it.", 1)])


def test_the_manner_of_a_taught_model_counts(tmp_path: Path, checkpoint: Callable[[str], Path]) -> None:
    for file in checkpoint("deepseek_ocr2").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    write_manner(tmp_path, Manner(prompt="<image>Lies.", size="whole"))
    reader = LocalRuntime(str(tmp_path), threads=1)
    assert list(reader.sizes) == ["whole", "tiles"]
    assert set(reader.prompts.values()) == {"<image>Lies."}


def test_the_first_deepseek_writes_what_a_plain_loop_writes(tmp_path: Path, image: Pixels) -> None:
    """The family with a network of our own."""
    deepseek = pytest.importorskip("tests.readers.vlm.deepseek.building")
    reader = LocalRuntime(str(deepseek.folder_of(tmp_path)), threads=1, watch=lambda spelt: Calm())
    assert list(reader.sizes) == ["128"]
    inputs = reader._loaded.processor.inputs(image, reader.prompts["line"], "128")
    written = write(reader._model, inputs, LONGEST, reader._loaded.ban, Calm())
    tokens, logs = plainly(reader._model, reader._loaded.ends[0], dict(inputs), LONGEST)
    assert written.tokens == tokens
    assert written.log_probabilities == pytest.approx(logs, abs=1e-4)
