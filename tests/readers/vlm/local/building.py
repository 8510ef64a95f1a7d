"""Makes vision-language checkpoints as the hub has them: real layouts and classes, tiny, with random weights."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, decoders, pre_tokenizers, processors
from tokenizers.models import BPE

from manuscribe.readers.vlm.local.checkpoints import quiet

TEXT = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}
TEXT |= {"num_key_value_heads": 2, "vocab_size": 320, "max_position_embeddings": 2048}
ROPE = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 3, 3]}
SAM = {"hidden_size": 16, "output_channels": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "window_size": 8}
SAM |= {"global_attn_indexes": [], "mlp_dim": 24}
PATCHES = {"patch_size": 14, "merge_size": 2, "min_pixels": 28 * 28, "max_pixels": 28 * 28 * 12}
QWEN_TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>"]
QWEN_TOKENS += ["<|vision_pad|>", "<|image_pad|>", "<|video_pad|>"]
QWEN_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] + '\n' }}{% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ c['text'] }}{% endif %}"
    "{% endfor %}{{ '<|im_end|>\n' }}{% endfor %}{{ '<|im_start|>assistant\n' }}"
)
PADDLE_TEMPLATE = (
    "<s>{% for m in messages %}User: {% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}<|IMAGE_START|><|IMAGE_PLACEHOLDER|><|IMAGE_END|>{% else %}{{ c['text'] }}{% endif %}"
    "{% endfor %}{{ '\n' }}{% endfor %}Assistant: "
)


def build(folder: Path, kind: str, seed: int = 0) -> None:
    """Write a checkpoint of a `model_type` into a folder."""
    special, tokenizer_settings, files = _OUTSIDE[kind]
    tokenizer = byte_tokenizer(special, bos="<｜begin▁of▁sentence｜>" if kind == "deepseek_ocr2" else None)
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    with quiet():
        model = _network(kind, tokenizer)
        for parameter in model.parameters():  # some are made to be zero, or so small that nothing is seen
            torch.nn.init.normal_(parameter, std=0.3)
        model.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    write(folder, "tokenizer_config.json", {"clean_up_tokenization_spaces": False} | tokenizer_settings)
    for name, content in files.items():
        if isinstance(content, str):
            (folder / name).write_text(content, encoding="utf-8")
        else:
            write(folder, name, content)
    sampling = {"do_sample": True, "temperature": 1.7, "top_k": 3, "repetition_penalty": 1.3}
    write(folder, "generation_config.json", sampling | {"eos_token_id": tokenizer.token_to_id(special[1])})


def write(folder: Path, name: str, content: Mapping[str, Any]) -> None:
    """Write a JSON file."""
    (folder / name).write_text(json.dumps(content), encoding="utf-8")


def change(folder: Path, name: str, **values: Any) -> None:
    """Change values in a JSON file."""
    write(folder, name, json.loads((folder / name).read_text(encoding="utf-8")) | values)


def byte_tokenizer(special: list[str], bos: str | None = None) -> Tokenizer:
    """A byte-level BPE: bytes, a few pairs of letters, and special tokens."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [("t", "h"), ("a", "n"), ("e", "r"), ("Ġ", "s")]
    vocabulary = {token: n for n, token in enumerate([*letters, *(a + b for a, b in merges)])}
    tokenizer = Tokenizer(BPE(vocabulary, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(special)
    if bos:
        tokenizer.post_processor = processors.TemplateProcessing(f"{bos} $A", None, [(bos, special.index(bos) + 260)])
    return tokenizer


def _network(kind: str, tokenizer: Tokenizer) -> Any:
    ids = {name: tokenizer.token_to_id(token) for name, token in _PLACES[kind].items()}
    if kind == "qwen2_5_vl":
        vision = {"depth": 2, "hidden_size": 16, "intermediate_size": 24, "num_heads": 2, "out_hidden_size": 32}
        vision |= {"fullatt_block_indexes": [1], "patch_size": 14, "window_size": 56}
        text = TEXT | {"rope_parameters": ROPE}
        config = transformers.Qwen2_5_VLConfig(text_config=text, vision_config=vision, **ids)
        return transformers.Qwen2_5_VLForConditionalGeneration(config)
    if kind == "qwen3_vl":
        vision = {"depth": 2, "hidden_size": 16, "intermediate_size": 24, "num_heads": 2, "out_hidden_size": 32}
        vision |= {"num_position_embeddings": 16, "deepstack_visual_indexes": [0], "patch_size": 14}
        text = TEXT | {"rope_parameters": ROPE | {"mrope_interleaved": True}, "head_dim": 16}
        config = transformers.Qwen3VLConfig(text_config=text, vision_config=vision, **ids)
        return transformers.Qwen3VLForConditionalGeneration(config)
    if kind == "paddleocr_vl":
        vision = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2}
        vision |= {"image_size": 56}
        text = TEXT | {"rope_parameters": ROPE, "head_dim": 16}
        config = transformers.PaddleOCRVLConfig(text_config=text, vision_config=vision, **ids)
        return transformers.PaddleOCRVLForConditionalGeneration(config)
    if kind == "got_ocr2":
        text = TEXT | {"model_type": "qwen2"}
        config = transformers.GotOcr2Config(text_config=text, vision_config=SAM, **ids)
        return transformers.GotOcr2ForConditionalGeneration(config)
    encoder = TEXT | {"hidden_size": 16, "num_hidden_layers": 1}
    vision = {"sam_config": SAM | {"downsample_channels": [12, 16]}, "encoder_config": encoder}
    text = TEXT | {"mlp_layer_types": ["dense", "sparse"], "n_routed_experts": 4, "num_experts_per_tok": 2}
    text |= {"moe_intermediate_size": 16, "n_group": 1, "topk_group": 1}
    config = transformers.DeepseekOcr2Config(text_config=text, vision_config=vision, **ids)
    return transformers.DeepseekOcr2ForConditionalGeneration(config)


_QWEN_PLACES = {
    "image_token_id": "<|image_pad|>",
    "video_token_id": "<|video_pad|>",
    "vision_start_token_id": "<|vision_start|>",
    "vision_end_token_id": "<|vision_end|>",
}
_PLACES = {
    "qwen2_5_vl": _QWEN_PLACES,
    "qwen3_vl": _QWEN_PLACES,
    "paddleocr_vl": {
        "image_token_id": "<|IMAGE_PLACEHOLDER|>",
        "video_token_id": "<|video_pad|>",
        "vision_start_token_id": "<|IMAGE_START|>",
        "vision_end_token_id": "<|IMAGE_END|>",
    },
    "got_ocr2": {"image_token_index": "<imgpad>"},
    "deepseek_ocr2": {"image_token_id": "<image>"},
}
# Special tokens (the second ends an answer), tokenizer_config.json, and the other files.
_OUTSIDE: dict[str, tuple[list[str], dict[str, Any], dict[str, Any]]] = {
    "qwen2_5_vl": (
        ["<|endoftext|>", "<|im_end|>", *(t for t in QWEN_TOKENS if t not in ("<|endoftext|>", "<|im_end|>"))],
        {"tokenizer_class": "Qwen2Tokenizer", "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"},
        {
            "preprocessor_config.json": PATCHES | {"image_processor_type": "Qwen2VLImageProcessor"},
            "chat_template.json": {"chat_template": QWEN_TEMPLATE},
        },
    ),
    "qwen3_vl": (
        ["<|endoftext|>", "<|im_end|>", *(t for t in QWEN_TOKENS if t not in ("<|endoftext|>", "<|im_end|>"))],
        {"tokenizer_class": "Qwen2Tokenizer", "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"},
        {
            "preprocessor_config.json": PATCHES | {"image_processor_type": "Qwen2VLImageProcessorFast"},
            "chat_template.jinja": QWEN_TEMPLATE,
        },
    ),
    "paddleocr_vl": (
        ["<s>", "</s>", "<unk>", "<|IMAGE_START|>", "<|IMAGE_PLACEHOLDER|>", "<|IMAGE_END|>", "<|video_pad|>"],
        {"eos_token": "</s>", "pad_token": "<unk>", "extra_special_tokens": {"image_token": "<|IMAGE_PLACEHOLDER|>"}},
        {
            "preprocessor_config.json": PATCHES | {"image_processor_type": "PaddleOCRVLImageProcessor"},
            "processor_config.json": {"processor_class": "PaddleOCRVLProcessor"},
            "chat_template.jinja": PADDLE_TEMPLATE,
        },
    ),
    "got_ocr2": (
        ["<|endoftext|>", "<|im_end|>", "<|im_start|>", "<img>", "</img>", "<imgpad>"],
        {"eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>"},
        {
            "preprocessor_config.json": {
                "image_processor_type": "GotOcr2ImageProcessorFast",
                "size": {"height": 1024, "width": 1024},
            }
        },
    ),
    "deepseek_ocr2": (
        ["<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜▁pad▁｜>", "<image>"],
        {"eos_token": "<｜end▁of▁sentence｜>", "bos_token": "<｜begin▁of▁sentence｜>", "pad_token": "<｜▁pad▁｜>"},
        {
            "processor_config.json": {
                "processor_class": "DeepseekOcr2Processor",
                "patch_size": 16,
                "downsample_ratio": 4,
                "image_processor": {
                    "image_processor_type": "DeepseekOcr2ImageProcessor",
                    "size": {"height": 768, "width": 768},
                },
            }
        },
    ),
}
BUILT = sorted(_OUTSIDE)
"""The types that `build` knows."""
