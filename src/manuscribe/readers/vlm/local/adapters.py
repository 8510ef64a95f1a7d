"""Adapters as PEFT writes them, merged into the network; one that does not fit wholly is refused."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from transformers import PreTrainedModel

from manuscribe.errors import ManuscribeError, ModelError, UsageError
from manuscribe.extras import missing
from manuscribe.readers.vlm.local.checkpoints import quiet, reason, refuse

_NAME = "default"  # of an adapter, which PEFT has in the names of its weights
_MISFIT = "Is this the checkpoint that it was trained on?"


def merged(model: PreTrainedModel, folder: Path) -> PreTrainedModel:
    """The network with an adapter in its weights; `model` is not to be used any more.

    Raises:
        ModelError: The adapter is missing or damaged, lacks weights, or has some that fit nothing.
        UsageError: PEFT is not installed.
    """
    if missing("peft"):
        raise UsageError("An adapter needs peft.", "Run: pip install peft")
    from peft import PeftConfig, PeftModel, PeftType

    stored = _read(folder)
    try:
        with quiet(), warnings.catch_warnings():
            # PEFT asks transformers by a name that will be another one.
            warnings.filterwarnings("ignore", ".*is_gradient_checkpointing", FutureWarning)
            settings = PeftConfig.from_pretrained(str(folder))
            if settings.peft_type != PeftType.LORA:
                raise ModelError(f"The adapter {folder} is no LoRA.", "Merge it with PEFT first.")
            settings.inference_mode = True
            wrapped = PeftModel(model, settings, _NAME)
            absent, left = _put(wrapped, stored)
    except ManuscribeError:
        raise
    except Exception as error:  # whatever an adapter for another network, or damaged settings, bring about
        raise ModelError(f"The adapter {folder} does not fit: {reason(error)}.", _MISFIT) from error
    refuse(folder, absent, left, _MISFIT)
    whole: PreTrainedModel = wrapped.merge_and_unload()
    return whole


def _put(wrapped: Any, stored: Mapping[str, Tensor]) -> tuple[list[str], list[str]]:
    """Give an adapter its weights; tells those that are missing, and those that are left over."""
    from peft import set_peft_model_state_dict

    known = {name.replace(f".{_NAME}", ""): name for name in wrapped.state_dict()}
    if stored.keys() <= known.keys():
        # PEFT would take some of today's names for former ones, and change them.
        result: Any = wrapped.load_state_dict({known[name]: tensor for name, tensor in stored.items()}, strict=False)
    else:
        result = set_peft_model_state_dict(wrapped, dict(stored), _NAME)
    # The base's own weights are missing, too, which is as it should be.
    return [name for name in result.missing_keys if ".lora_" in name], list(result.unexpected_keys)


def _read(folder: Path) -> dict[str, Tensor]:
    path = folder / "adapter_model.safetensors"
    if not (folder / "adapter_config.json").is_file():
        raise ModelError(f"{folder} is no adapter: it has no adapter_config.json.", "Name the folder that PEFT wrote.")
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path} is missing or damaged: {reason(error)}.", "Fetch the adapter again.") from error
