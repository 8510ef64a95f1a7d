"""A new, small DeepSeek-OCR with a tokenizer of its own, written in the layout of the published checkpoint."""

from pathlib import Path
from typing import Any, Protocol

from tokenizers import Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from transformers import PreTrainedTokenizerFast

from manuscribe.readers.vlm.deepseek.configuration import DeepseekOCRConfig
from manuscribe.readers.vlm.deepseek.network import DeepseekOCRForCausalLM
from manuscribe.readers.vlm.manner import Manner, write_manner

START, END, PADDING, IMAGE = 0, 1, 2, 3
SPECIAL = ("<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜▁pad▁｜>", "<image>")
_PATCH, _CLIP_PATCH = 16, 14


class Size(Protocol):
    """See `training.deepseek.NetworkSection`."""

    image: int
    window_width: int
    window_layers: int
    window: int
    neck: int
    middle: int
    width: int
    clip_layers: int
    layers: int
    heads: int
    experts: int
    chosen: int
    inner: int
    longest: int


def new_tokenizer() -> Tokenizer:
    """Bytes as tokens, behind the special tokens of the published one that we use."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate([*SPECIAL, *alphabet])}
    tokenizer = Tokenizer(BPE(vocabulary, []))
    tokenizer.add_special_tokens(list(SPECIAL))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def new_model(size: Size, tokens: int) -> DeepseekOCRForCausalLM:
    """A model with fresh weights, with all parts of the published one but few layers."""
    return DeepseekOCRForCausalLM(DeepseekOCRConfig(**_values(size, tokens)))


def _values(size: Size, tokens: int) -> dict[str, Any]:
    side = size.image // _PATCH
    sam = {
        "width": size.window_width,
        "layers": size.window_layers,
        "heads": size.window_width // 24,
        "window": size.window,
        "whole": [size.window_layers - 1],
        "neck": size.neck,
        "downsample_channels": [size.middle, size.width],
    }
    # The features are what it sees, so it is as wide as they are.
    clip = {
        "width": size.width,
        "layers": size.clip_layers,
        "heads": size.heads,
        "patch_size": _CLIP_PATCH,
        "image_size": _CLIP_PATCH * side // 4,
    }
    decoder = {
        "vocab_size": tokens,
        "hidden_size": size.width,
        "intermediate_size": 2 * size.inner,
        "num_hidden_layers": size.layers,
        "num_attention_heads": size.heads,
        "num_key_value_heads": size.heads,
        "max_position_embeddings": size.longest,
        "n_routed_experts": size.experts,
        "num_experts_per_tok": size.chosen,
        "n_shared_experts": 1,
        "moe_intermediate_size": size.inner,
        "bos_token_id": START,
        "eos_token_id": END,
    }
    return {
        "language_config": decoder,
        "vision_config": {"image_size": size.image, "width": {"sam_vit_b": sam, "clip-l-14-224": clip}},
        "projector_config": {"input_dim": 2 * size.width, "n_embed": size.width, "projector_type": "linear"},
        "image_token_id": IMAGE,
        "pad_token_id": PADDING,
    }


def write_checkpoint(model: DeepseekOCRForCausalLM, tokenizer: Tokenizer, image: int, folder: Path) -> None:
    """Write a model, its tokenizer and the size at which it sees images, weights in 16 bits."""
    whole: Any = model
    whole.half().save_pretrained(folder)
    wrapped: Any = PreTrainedTokenizerFast
    start, end, padding, _ = SPECIAL
    wrapped(tokenizer_object=tokenizer, bos_token=start, eos_token=end, pad_token=padding).save_pretrained(folder)
    write_manner(folder, Manner(size=str(image)))
