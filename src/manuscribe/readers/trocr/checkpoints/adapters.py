"""LoRA and DoRA adapters as PEFT writes them, merged into the weights of their base.

LoRA: arXiv 2106.09685; DoRA: 2402.09353; rank-stabilised scale: 2312.03732. An adapter whose weights do not all find
their place is refused: transformers 5 renamed the encoder's modules, and a half-applied adapter reads worse than none.
"""

import math
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

import torch
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from manuscribe.errors import ModelError
from manuscribe.readers.trocr.checkpoints.names import current_name, former_name, is_used
from manuscribe.readers.trocr.configuration import read_json, read_part

_PREFIX = "base_model.model."
_PART = re.compile(r"\.(lora_A|lora_B)\.weight$|\.(lora_magnitude_vector)(?:\.weight)?$")
_WRAPPED = re.compile(r"\.modules_to_save\.default(?=\.)|\.base_layer(?=\.)")  # PEFT's own parts of names
_KINDS = "LoRA and DoRA adapters are read; merge others with PEFT (`merge_and_unload`) and save the checkpoint."


def _several(value: object) -> object:
    return (value,) if isinstance(value, (int, str)) else value


class Settings(BaseModel):
    """What `adapter_config.json` says, as PEFT's `LoraConfig` means it; module names are those of the training."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    peft_type: Literal["LORA"]
    base_model_name_or_path: str = Field(min_length=1)
    lora_alpha: float = 8
    alpha_pattern: dict[str, float] = {}
    revision: str | None = None
    use_rslora: bool = False
    use_dora: bool = False
    target_modules: str | tuple[str, ...] = ()
    exclude_modules: str | tuple[str, ...] = ()
    init_lora_weights: bool | str = True
    use_qalora: bool = False
    alora_invocation_tokens: tuple[int, ...] = ()
    layers_to_transform: Annotated[tuple[int, ...], BeforeValidator(_several)] = ()
    layers_pattern: Annotated[tuple[str, ...], BeforeValidator(_several)] = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        # The others change the base, too, before the training begins.
        if self.init_lora_weights not in (True, False, "gaussian", "orthogonal", "eva"):
            raise ValueError(f"adapters begun with init_lora_weights '{self.init_lora_weights}' are not merged here")
        if self.use_qalora or self.alora_invocation_tokens:
            raise ValueError("adapters that only work beside their base are not merged here")
        named = [names for names in (self.target_modules, self.exclude_modules) if isinstance(names, str)]
        for pattern in (*self.alpha_pattern, *self.layers_pattern, *named):
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"'{pattern}' is no pattern: {error}") from error
        return self

    def scale(self, module: str, rank: int) -> float:
        """What a module's change is multiplied with."""
        fitting = (alpha for name, alpha in self.alpha_pattern.items() if re.match(rf"(.*\.)?({name})$", module))
        return next(fitting, self.lora_alpha) / (math.sqrt(rank) if self.use_rslora else rank)

    def wants(self, module: str) -> bool:
        """Whether the training changed a module."""
        return (
            _is_among(module, self.target_modules)
            and not _is_among(module, self.exclude_modules)
            and (isinstance(self.target_modules, str) or not self.layers_to_transform or self._is_in_layers(module))
        )

    def _is_in_layers(self, module: str) -> bool:
        found = (re.match(rf"(?:^|.*?\.){name}\.(\d+)\.", module) for name in self.layers_pattern or (r"[^.]*",))
        return any(match is not None and int(match[1]) in self.layers_to_transform for match in found)


@dataclass(frozen=True)
class Adapter:
    """A folder with `adapter_config.json`."""

    folder: Path
    settings: Settings


def find_adapter(folder: Path) -> Adapter | None:
    """The adapter in a folder; nothing where it holds a whole checkpoint.

    Raises:
        ModelError: It is of another kind, does not say its base, or its settings are damaged.
    """
    path = folder / "adapter_config.json"
    config = read_json(path)
    return None if config is None else Adapter(folder, read_part(Settings, config, path, "adapter", _KINDS))


def merge(adapter: Adapter, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The base's weights (named as in transformers 5) with the adapter in them.

    Raises:
        ModelError: The adapter is damaged, lacks weights, or has some that fit nothing.
    """
    merged = dict(weights)
    parts, whole = _read(adapter.folder)
    for name, tensor in whole.items():  # modules that were trained as a whole
        if name not in merged:
            raise _misfit(adapter, name)
        merged[name] = tensor
    for module, found in parts.items():
        name = current_name(f"{module}.weight")
        if not is_used(name):
            continue
        needed = {"lora_A", "lora_B"} | ({"lora_magnitude_vector"} if adapter.settings.use_dora else set())
        if name not in merged or not needed <= found.keys():
            raise _misfit(adapter, module)
        merged[name] = _merged(merged[name].float(), found, module, adapter)
    _check_complete(adapter, parts, whole, weights)
    return merged


def _read(folder: Path) -> tuple[dict[str, dict[str, Tensor]], dict[str, Tensor]]:
    """Parts of changes by module, named as in the training; whole weights by their names in transformers 5."""
    path = folder / "adapter_model.safetensors"
    if not path.is_file() and (pickle := folder / "adapter_model.bin").is_file():
        raise ModelError(
            f"{pickle} is a pickle, which could run code; adapters are read from adapter_model.safetensors.",
            "Where you trust it, load it with PEFT and save it again: "
            "PeftModel.from_pretrained(base, folder).save_pretrained(folder).",
        )
    try:
        stored = load_file(path)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path} is missing or damaged: {error}.", "Fetch the adapter again.") from error
    parts: dict[str, dict[str, Tensor]] = {}
    whole: dict[str, Tensor] = {}
    for name, tensor in stored.items():
        bare = name.removeprefix(_PREFIX)
        if found := _PART.search(bare):
            parts.setdefault(bare[: found.start()], {})[found[1] or found[2]] = tensor.float()
        elif is_used(current := current_name(_WRAPPED.sub("", bare))):
            whole[current] = tensor
    return parts, whole


def _merged(base: Tensor, found: Mapping[str, Tensor], module: str, adapter: Adapter) -> Tensor:
    down, up, magnitude = found["lora_A"], found["lora_B"], found.get("lora_magnitude_vector")
    rank = len(down) if down.ndim else 0
    shapes = [base.shape, up.shape, down.shape] + ([] if magnitude is None else [magnitude.shape])
    rows, columns = base.shape if base.ndim == 2 else (0, 0)
    if not rank or shapes != [(rows, columns), (rows, rank), (rank, columns), (rows,)][: len(shapes)]:
        changes = ", ".join(str(tuple(shape)) for shape in shapes[1:])
        raise ModelError(
            f"{adapter.folder}: changes of {changes} for {module} do not fit the base's {tuple(base.shape)}.",
            "Is its base the right one?",
        )
    changed = base + adapter.settings.scale(module, rank) * (up @ down)
    if magnitude is None:
        return changed
    scale_of_rows: Tensor = magnitude / torch.linalg.vector_norm(changed, dim=1)
    return changed * scale_of_rows[:, None]


def _check_complete(adapter: Adapter, parts: Collection[str], whole: Collection[str], weights: Iterable[str]) -> None:
    """Refuse an adapter that lost a part on its way."""
    as_trained = str if any(module.startswith("encoder.layers.") for module in parts) else former_name
    for name in weights:
        module = as_trained(name).removesuffix(".weight")
        if name.endswith(".weight") and {module, name}.isdisjoint({*parts, *whole}) and adapter.settings.wants(module):
            raise ModelError(
                f"{adapter.folder} has no weights for {module}, which is among its target_modules.",
                "Was the whole adapter fetched?",
            )


def _is_among(module: str, names: str | tuple[str, ...]) -> bool:
    """Whether a pattern fits a module, or it has one of these names."""
    if isinstance(names, str):
        return names != "all-linear" and re.fullmatch(names, module) is not None
    return any(module == name or module.endswith(f".{name}") for name in names)


def _misfit(adapter: Adapter, name: str) -> ModelError:
    return ModelError(
        f"{adapter.folder} changes {name}, which its base does not have or which it changes by half.",
        f"Is '{adapter.settings.base_model_name_or_path}' the checkpoint that it was trained on?",
    )
