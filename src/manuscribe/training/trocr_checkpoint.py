"""A new TrOCR model with a tokenizer of its own, and how it is written as the hub has them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import torch
from tokenizers import Tokenizer, decoders, pre_tokenizers, trainers
from tokenizers.models import BPE
from transformers import (
    PreTrainedTokenizerFast,
    TrOCRConfig,
    VisionEncoderDecoderConfig,
    VisionEncoderDecoderModel,
    ViTConfig,
    ViTImageProcessorPil,
)

from manuscribe.readers.compact.lines import HEIGHT
from manuscribe.training.stretching import take_any_size

SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")
START, PADDING, END = 0, 1, 2


class Size(Protocol):
    """See `training.trocr.NetworkSection`."""

    columns: int
    patch: tuple[int, int]
    width: int
    heads: int
    encoder: int
    decoder: int
    longest: int


def train_tokenizer(texts: Iterator[str], tokens: int) -> Tokenizer:
    """A byte-level BPE as RoBERTa's, learnt from texts: any text can be written with it."""
    tokenizer = Tokenizer(BPE(unk_token=SPECIAL[3]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=tokens, special_tokens=list(SPECIAL), initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def new_model(size: Size, tokens: int) -> Any:
    """A `VisionEncoderDecoderModel` with fresh weights: ViT that takes wide lines, TrOCR's decoder."""
    encoder = ViTConfig(
        hidden_size=size.width,
        num_hidden_layers=size.encoder,
        num_attention_heads=size.heads,
        intermediate_size=4 * size.width,
        image_size=(HEIGHT, size.columns * size.patch[1]),
        patch_size=size.patch,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    decoder = TrOCRConfig(
        vocab_size=tokens,
        d_model=size.width,
        decoder_layers=size.decoder,
        decoder_attention_heads=size.heads,
        decoder_ffn_dim=4 * size.width,
        max_position_embeddings=size.longest,
        cross_attention_hidden_size=size.width,
        dropout=0.1,
        attention_dropout=0.0,
        activation_dropout=0.0,
    )
    special = {"decoder_start_token_id": START, "eos_token_id": END, "pad_token_id": PADDING, "bos_token_id": START}
    config = VisionEncoderDecoderConfig.from_encoder_decoder_configs(encoder, decoder)
    for name, token in special.items():
        setattr(config, name, token)
        setattr(config.decoder, name, token)
    model = VisionEncoderDecoderModel(config)
    take_any_size(model)
    settings: Any = model.generation_config
    settings.update(**special, max_length=size.longest)
    return model


def write_checkpoint(model: Any, tokenizer: Tokenizer, width: int, folder: Path) -> None:
    """Write a model, its tokenizer and its image processor as `save_pretrained` does, weights in 16 bits.

    That its lines are wide is said in a key of ours, which transformers leaves alone.
    """
    patches = model.encoder.embeddings.patch_embeddings.projection
    with torch.no_grad():
        # It learnt from grey lines: what is left of the fresh weights' differences between colours would be noise.
        patches.weight.copy_(patches.weight.mean(dim=1, keepdim=True).expand_as(patches.weight))
    model.to(torch.float16).save_pretrained(folder)
    size = {"height": HEIGHT, "width": width}
    ViTImageProcessorPil(size=size, image_mean=[0.5] * 3, image_std=[0.5] * 3).save_pretrained(folder)
    settings = folder / "preprocessor_config.json"
    values = json.loads(settings.read_text(encoding="utf-8")) | {"fit": "wide"}
    settings.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
    start, padding, end, unknown = SPECIAL
    wrapped: Any = PreTrainedTokenizerFast
    wrapped(
        tokenizer_object=tokenizer, bos_token=start, eos_token=end, pad_token=padding, unk_token=unknown
    ).save_pretrained(folder)
