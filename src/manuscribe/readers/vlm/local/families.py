"""Kinds of vision-language checkpoints: how each is loaded, what it is asked, and at which sizes it sees.

Another kind is plugged in by an entry in `FAMILIES`: its `network` may give any network that has transformers'
`generate`, its `processor` what is to stand before it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import torch
import transformers
from tokenizers import Tokenizer
from torch import Tensor
from transformers import PreTrainedModel

from manuscribe.errors import ModelError
from manuscribe.readers.trocr.configuration import read_json
from manuscribe.readers.vlm.answers import Pixels
from manuscribe.readers.vlm.deepseek.views import MODES
from manuscribe.readers.vlm.local.checkpoints import load_model
from manuscribe.readers.vlm.local.generation import Ban
from manuscribe.readers.vlm.local.processing import Frame, Processing, chat, got, plain
from manuscribe.readers.vlm.prompts import CHURRO, FREE_OCR, GOT, INSTRUCTED, PADDLE, prompts_by_name


class Processor(Protocol):
    """What stands between images and texts, and a network.

    Attributes:
        tokenizer: From and to tokens; those that it calls special frame the text.
    """

    tokenizer: Tokenizer

    def takes(self, size: str) -> bool:
        """Whether it understands a size, also one that its family has no name for."""
        ...

    def inputs(self, image: Pixels, prompt: str, size: str | None) -> Mapping[str, Tensor]:
        """What the network's `generate` takes for one image, at one of the family's sizes; `None` is the usual one.

        Raises:
            ManuscribeError: The image or the prompt does not fit the model, or there is no such size.
        """
        ...


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of checkpoints.

    Attributes:
        network: A folder's network in a precision; raises `ModelError` where it is damaged.
        processor: What stands before it; raises `ModelError` where it is damaged.
        prompts: The prompts that it learnt, by level.
        sizes: Names of the sizes at which it can see an image, the usual one first; empty where it sees it as it is.
        ban: Runs of tokens that it must not write twice, as its authors run it.
        ends: Tokens that end an answer, beside those that the checkpoint tells.
    """

    network: Callable[[Path, torch.dtype], PreTrainedModel]
    processor: Callable[[Path], Processor]
    prompts: Mapping[str, str]
    sizes: tuple[str, ...] = ()
    ban: Ban | None = None
    ends: tuple[str, ...] = ()


def family_of(folder: Path) -> Family:
    """The family of a checkpoint, by the `model_type` in its config.json.

    Raises:
        ModelError: It has none, one that is not known, or is an adapter.
    """
    if (folder / "adapter_config.json").is_file():
        raise ModelError(f"{folder} is an adapter.", "Name its base as the model, and it as the adapter.")
    settings = read_json(folder / "config.json")
    if settings is None:
        raise ModelError(f"{folder} is no checkpoint: it has no config.json.", "Was everything fetched?")
    kind = str(settings.get("model_type"))
    if kind not in FAMILIES:
        raise ModelError(
            f"{folder} holds a model of type '{kind}', which is not known here.",
            f"Known types: {', '.join(sorted(FAMILIES))}.",
        )
    return FAMILIES[kind]


def prompts_of(family: Family, name: str) -> Mapping[str, str]:
    """The prompts of a checkpoint, by its name where it learnt others than its family."""
    taught = prompts_by_name(name)
    return taught if taught is CHURRO else family.prompts


def _standard(
    model: str,
    processor: str,
    frame: Frame,
    prompts: Mapping[str, str],
    sizes: Mapping[str, Mapping[str, object]] = MappingProxyType({}),
    ban: Ban | None = None,
    ends: tuple[str, ...] = (),
) -> Family:
    """A family whose network and processor are classes of transformers, by their names."""

    def network(folder: Path, precision: torch.dtype) -> PreTrainedModel:
        return load_model(getattr(transformers, model), folder, precision)

    def before(folder: Path) -> Processor:
        return Processing(folder, processor, frame, sizes)

    return Family(network, before, prompts, tuple(sizes), ban, ends)


def _deepseek_network(folder: Path, precision: torch.dtype) -> PreTrainedModel:
    """The first DeepSeek-OCR, for which transformers has no class."""
    from manuscribe.readers.vlm.deepseek.network import DeepseekOCRForCausalLM

    return load_model(DeepseekOCRForCausalLM, folder, precision)


def _deepseek_processor(folder: Path) -> Processor:
    from manuscribe.readers.vlm.deepseek.processing import load_processor

    return load_processor(folder)


_DEEPSEEK_BAN = Ban(run=30, window=90, exempt=frozenset({128821, 128822}))
_WIDER_THAN_ALL = 1 << 30
_CHATS = ("<|im_end|>",)

FAMILIES: Mapping[str, Family] = {
    "deepseek_vl_v2": Family(
        _deepseek_network,
        _deepseek_processor,
        FREE_OCR,
        tuple(MODES),
        _DEEPSEEK_BAN,
    ),
    "deepseek_ocr2": _standard(
        "DeepseekOcr2ForConditionalGeneration",
        "DeepseekOcr2Processor",
        plain,
        FREE_OCR,
        # The whole image is seen in either case; no image is cut into tiles that are larger than itself.
        {"tiles": {}, "whole": {"tile_size": _WIDER_THAN_ALL}},
        _DEEPSEEK_BAN,
    ),
    "got_ocr2": _standard(
        "GotOcr2ForConditionalGeneration",
        "GotOcr2Processor",
        got,
        GOT,
        {"whole": {"crop_to_patches": False}, "tiles": {"crop_to_patches": True}},
        ends=_CHATS,
    ),
    "qwen2_5_vl": _standard("Qwen2_5_VLForConditionalGeneration", "Qwen2_5_VLProcessor", chat, INSTRUCTED, ends=_CHATS),
    "qwen3_vl": _standard("Qwen3VLForConditionalGeneration", "Qwen3VLProcessor", chat, INSTRUCTED, ends=_CHATS),
    "paddleocr_vl": _standard(
        "PaddleOCRVLForConditionalGeneration",
        "PaddleOCRVLProcessor",
        chat,
        PADDLE,
    ),
}
"""The families, by the `model_type` of their checkpoints."""
