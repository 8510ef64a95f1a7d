"""Makes checkpoint folders as the hub has them, with random weights: real layouts, real shapes where they matter."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from transformers import (
    BeitConfig,
    DeiTConfig,
    PreTrainedTokenizerFast,
    TrOCRConfig,
    VisionEncoderDecoderConfig,
    VisionEncoderDecoderModel,
    ViTConfig,
    ViTImageProcessorPil,
)

SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
TINY = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
TINY_DECODER = {"d_model": 24, "decoder_layers": 2, "decoder_attention_heads": 4, "decoder_ffn_dim": 48}
ENCODERS = {"vit": ViTConfig, "deit": DeiTConfig, "beit": BeitConfig}
# Names that transformers 4 wrote.
LEGACY = (
    (r"^encoder\.shared_position_bias\.", "encoder.encoder.relative_position_bias."),
    (
        r"^encoder\.layers\.(\d+)\.relative_position_bias\.",
        r"encoder.layers.\1.attention.attention.relative_position_bias.",
    ),
    (r"^encoder\.layers\.(\d+)\.attention\.q_proj\.", r"encoder.layers.\1.attention.attention.query."),
    (r"^encoder\.layers\.(\d+)\.attention\.k_proj\.", r"encoder.layers.\1.attention.attention.key."),
    (r"^encoder\.layers\.(\d+)\.attention\.v_proj\.", r"encoder.layers.\1.attention.attention.value."),
    (r"^encoder\.layers\.(\d+)\.attention\.o_proj\.", r"encoder.layers.\1.attention.output.dense."),
    (r"^encoder\.layers\.(\d+)\.mlp\.fc1\.", r"encoder.layers.\1.intermediate.dense."),
    (r"^encoder\.layers\.(\d+)\.mlp\.fc2\.", r"encoder.layers.\1.output.dense."),
    (r"^encoder\.layers\.", "encoder.encoder.layer."),
)  # fmt: skip


def byte_tokenizer(size: int) -> Tokenizer:
    """A byte-level BPE of any size: special tokens, bytes, and pairs of bytes as far as they go."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: n for n, token in enumerate([*SPECIAL[:4], *letters])}
    merges = []
    for first in letters:
        for second in letters:
            if len(vocabulary) == size - 1:
                break
            vocabulary[first + second] = len(vocabulary)
            merges.append((first, second))
    vocabulary[SPECIAL[4]] = len(vocabulary)
    tokenizer = Tokenizer(BPE(vocabulary, merges, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(SPECIAL)
    return tokenizer


def build(
    folder: Path,
    encoder: dict[str, Any] | None = None,
    decoder: dict[str, Any] | None = None,
    generation: dict[str, Any] | None = None,
    *,
    kind: str = "vit",
    vocabulary: int = 400,
    image_size: Any = 32,
    seed: int = 0,
) -> VisionEncoderDecoderModel:
    """Write a checkpoint into `folder`, as transformers 5 names it, and return the model."""
    torch.manual_seed(seed)
    patch = {"patch_size": 8} if image_size == 32 else {}
    encoder_config = ENCODERS[kind](**(TINY | patch | {"image_size": image_size} | (encoder or {})))
    chosen = TINY_DECODER | {"cross_attention_hidden_size": encoder_config.hidden_size} | (decoder or {})
    decoder_config = TrOCRConfig(**({"vocab_size": vocabulary, "max_position_embeddings": 64} | chosen))
    config = VisionEncoderDecoderConfig.from_encoder_decoder_configs(encoder_config, decoder_config)
    config.decoder_start_token_id, config.eos_token_id, config.pad_token_id = 2, 2, 1
    model = VisionEncoderDecoderModel(config).eval()
    _enliven(model)
    settings = {"decoder_start_token_id": 2, "eos_token_id": 2, "pad_token_id": 1, "bos_token_id": 0, "max_length": 24}
    model.generation_config.update(**(settings | (generation or {})))
    model.save_pretrained(folder)
    size = image_size if isinstance(image_size, (list, tuple)) else (image_size, image_size)
    ViTImageProcessorPil(
        size={"height": size[0], "width": size[1]}, image_mean=[0.5] * 3, image_std=[0.5] * 3
    ).save_pretrained(folder)
    PreTrainedTokenizerFast(
        tokenizer_object=byte_tokenizer(vocabulary),
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
    ).save_pretrained(folder)
    return model


def _enliven(model: VisionEncoderDecoderModel) -> None:
    """Fresh weights are so small that all tokens are alike: make them differ, and ends come at different lengths."""
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            spread = 0.02 if parameter.ndim == 1 else 1.2 / parameter[0].numel() ** 0.5
            spread *= 3 if "encoder_attn" in name else 1  # what the image says shall matter
            parameter.add_(torch.randn(parameter.shape, generator=generator) * spread)


def as_legacy(folder: Path) -> None:
    """Give the weights the names that transformers 4 wrote."""
    path = folder / "model.safetensors"
    renamed = {}
    for name, tensor in current(load_file(path)).items():
        for pattern, old in LEGACY:
            name = re.sub(pattern, old, name)
        renamed[name] = tensor
    save_file(renamed, path, metadata={"format": "pt"})


def as_current(folder: Path) -> None:
    """Give the weights the names that transformers 5 has in memory."""
    path = folder / "model.safetensors"
    save_file(current(load_file(path)), path, metadata={"format": "pt"})


def current(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Weights as a model of transformers 5 names them."""
    from manuscribe.readers.trocr.checkpoints.names import current_name

    return {current_name(name): tensor for name, tensor in weights.items()}


def change_json(path: Path, **changes: Any) -> None:
    """Set keys of a JSON file; `None` takes them out."""
    values = json.loads(path.read_text(encoding="utf-8")) | changes
    path.write_text(json.dumps({k: v for k, v in values.items() if v is not None}), encoding="utf-8")


def lines(count: int, seed: int = 0) -> list[np.ndarray]:
    """Line images of different sizes, RGB, with something like strokes on paper."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        height, width = int(rng.integers(20, 80)), int(rng.integers(60, 600))
        small = rng.integers(0, 256, (max(2, height // 8), max(2, width // 8), 3), dtype=np.uint8)
        found.append(np.asarray(Image.fromarray(small).resize((width, height))))
    return found
