"""LoRA and DoRA adapters as PEFT writes them, merged into the weights of their base.

LoRA: arXiv 2106.09685; DoRA: 2402.09353; rank-stabilised scale: 2312.03732. An adapter whose weights do not all find
their place is refused: transformers 5 renamed the encoder's modules, and a half-applied adapter reads worse than none.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from manuscribe.errors import ModelError
from manuscribe.readers.trocr.configuration import read_json
from manuscribe.readers.trocr.names import current_name

_PREFIX = "base_model.model."
_PART = re.compile(r"\.(lora_A|lora_B)\.weight$|\.(lora_magnitude_vector)(?:\.weight)?$")


@dataclass(frozen=True)
class Adapter:
    """A folder with `adapter_config.json`.

    Attributes:
        base: What it was trained on, a folder or a hub name.
    """

    folder: Path
    config: Mapping[str, Any]

    @property
    def base(self) -> str:
        """See the class."""
        name = self.config.get("base_model_name_or_path")
        if not isinstance(name, str) or not name:
            raise ModelError(
                f"{self.folder}/adapter_config.json does not say its base.", "Set base_model_name_or_path in it."
            )
        return name


def find_adapter(folder: Path) -> Adapter | None:
    """The adapter in a folder; nothing where it holds a whole checkpoint."""
    config = read_json(folder / "adapter_config.json")
    return None if config is None else Adapter(folder, config)


def merge(adapter: Adapter, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The base's weights (named as in transformers 5) with the adapter in them.

    Raises:
        ModelError: The adapter is of another kind, damaged, lacks weights, or has some that fit nothing.
    """
    kind = adapter.config.get("peft_type")
    if kind != "LORA":
        raise ModelError(
            f"{adapter.folder} is a '{kind}' adapter; LoRA and DoRA are read.", "Merge it with PEFT first."
        )
    merged = dict(weights)
    parts, whole = _read(adapter.folder)
    for name, tensor in whole.items():  # modules that were trained as a whole
        if name not in merged:
            raise _misfit(adapter, name)
        merged[name] = tensor
    for module, found in parts.items():
        name = f"{module}.weight"
        if name not in merged or not {"lora_A", "lora_B"} <= found.keys():
            raise _misfit(adapter, module)
        merged[name] = _merged(
            merged[name].float(), found, _scale(adapter.config, module, len(found["lora_A"])), adapter
        )
    _check_complete(adapter, parts.keys(), weights)
    return merged


def _read(folder: Path) -> tuple[dict[str, dict[str, Tensor]], dict[str, Tensor]]:
    path = folder / "adapter_model.safetensors"
    try:
        stored = load_file(path)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path} is missing or damaged: {error}.", "Fetch the adapter again.") from error
    parts: dict[str, dict[str, Tensor]] = {}
    whole: dict[str, Tensor] = {}
    for name, tensor in stored.items():
        bare = name.removeprefix(_PREFIX)
        if found := _PART.search(bare):
            module = current_name(bare[: found.start()] + ".").removesuffix(".")
            parts.setdefault(module, {})[found[1] or found[2]] = tensor.float()
        else:
            whole[current_name(bare.replace(".modules_to_save.default", ""))] = tensor
    return parts, whole


def _merged(base: Tensor, found: Mapping[str, Tensor], scale: float, adapter: Adapter) -> Tensor:
    change = scale * (found["lora_B"] @ found["lora_A"])
    if change.shape != base.shape:
        raise ModelError(
            f"{adapter.folder}: changes for {tuple(change.shape)} do not fit the base's {tuple(base.shape)}.",
            "Is its base the right one?",
        )
    changed = base + change
    magnitude = found.get("lora_magnitude_vector")
    if magnitude is None:
        return changed
    scale_of_rows: Tensor = magnitude / torch.linalg.vector_norm(changed, dim=1)
    return changed * scale_of_rows[:, None]


def _scale(config: Mapping[str, Any], module: str, rank: int) -> float:
    alpha = config.get("lora_alpha", 8)
    for pattern, value in (config.get("alpha_pattern") or {}).items():
        if re.match(rf"(.*\.)?({pattern})$", module):
            alpha = value
    return float(alpha) / (math.sqrt(rank) if config.get("use_rslora") else rank)


def _check_complete(adapter: Adapter, found: Any, weights: Mapping[str, Tensor]) -> None:
    targets = adapter.config.get("target_modules")
    for name in weights:
        module = name.removesuffix(".weight")
        if module != name and module not in found and _is_target(module, targets):
            raise ModelError(
                f"{adapter.folder} has no weights for {module}, which is among its target_modules.",
                "Was the whole adapter fetched?",
            )


def _is_target(module: str, targets: Any) -> bool:
    if isinstance(targets, str):
        return targets != "all-linear" and re.fullmatch(targets, module) is not None
    return any(module == target or module.endswith(f".{target}") for target in targets or ())


def _misfit(adapter: Adapter, name: str) -> ModelError:
    return ModelError(
        f"{adapter.folder} changes {name}, which its base does not have or which it changes by half.",
        f"Is '{adapter.config.get('base_model_name_or_path')}' the checkpoint that it was trained on?",
    )
