"""Small DeepSeek-OCRs with random weights, in the layout of the published checkpoint."""

from pathlib import Path

import torch
from tokenizers import Tokenizer

from manuscribe.readers.vlm.deepseek.configuration import DeepseekOCRConfig
from manuscribe.readers.vlm.deepseek.network import DeepseekOCRForCausalLM
from manuscribe.training.deepseek import NetworkSection
from manuscribe.training.deepseek_checkpoint import new_model, new_tokenizer, write_checkpoint

SIZE = NetworkSection(
    image=128, window_width=48, window_layers=3, window=3, neck=16, middle=24, width=32, clip_layers=2, layers=3,
    heads=2, experts=5, chosen=2, inner=24, longest=2048,
)  # fmt: skip


def new(seed: int = 0, **changes: object) -> tuple[DeepseekOCRForCausalLM, Tokenizer]:
    """A model with lively weights: fresh ones give every token nearly the same score."""
    torch.manual_seed(seed)
    tokenizer = new_tokenizer()
    model = new_model(SIZE.model_copy(update=changes), tokenizer.get_vocab_size())
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn_like(weight) * 0.08)
    return model.eval(), tokenizer


def folder_of(path: Path, seed: int = 0, image: int = 128, **changes: object) -> Path:
    """A checkpoint's folder."""
    model, tokenizer = new(seed, **changes)
    write_checkpoint(model, tokenizer, image, path)
    return path


def published() -> DeepseekOCRForCausalLM:
    """The published network, without memory for its weights."""
    with torch.device("meta"):
        return DeepseekOCRForCausalLM(DeepseekOCRConfig())
