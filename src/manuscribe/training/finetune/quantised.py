"""Layers in four bits, for adapters on models that are too large as they are.

Source: QLoRA (arXiv 2305.14314), section 3: NF4 with 64 weights a block.
"""

from importlib import import_module
from typing import Any

import torch
from torch import nn

_LAYER = ".layers."  # of encoder and decoder; what is outside stays as it is


@torch.no_grad()
def quantise(model: nn.Module) -> None:
    """Store the matrices of a model's layers in four bits; they cannot learn any more."""
    layers: Any = import_module("bitsandbytes.nn")
    for name, module in list(model.named_modules()):
        if isinstance(module, nn.Linear) and _LAYER in f".{name}":
            small = layers.Linear4bit(
                module.in_features, module.out_features, bias=module.bias is not None,
                compute_dtype=module.weight.dtype, quant_type="nf4",
            )  # fmt: skip
            small.weight = layers.Params4bit(module.weight.data, requires_grad=False, quant_type="nf4")
            small.bias = module.bias
            _replace(model, name, small.to(module.weight.device))


def is_quantised(module: nn.Module) -> bool:
    """Whether a matrix is stored in four bits."""
    return hasattr(module.weight, "quant_state") if isinstance(module, nn.Linear) else False


@torch.no_grad()
def widen(model: nn.Module, adapter: str = "default") -> None:
    """Turn such matrices into ordinary ones, as they were while an adapter learnt on them, with the adapter in them."""
    from peft.tuners.lora import LoraLayer

    found: list[tuple[str, Any]] = list(model.named_modules())
    for name, module in found:
        if isinstance(module, LoraLayer):
            layer: Any = module
            wide = _wide(layer.get_base_layer())
            wide.weight += layer.get_delta_weight(adapter)
            _replace(model, name, wide)
        elif is_quantised(module) and not name.endswith(".base_layer"):
            _replace(model, name, _wide(module))


def _wide(module: Any) -> nn.Linear:
    wide = nn.Linear(module.in_features, module.out_features, bias=module.bias is not None)
    if is_quantised(module):
        weight = import_module("bitsandbytes.functional").dequantize_4bit(module.weight.data, module.weight.quant_state)
    else:
        weight = module.weight.data
    wide.weight = nn.Parameter(weight.float(), requires_grad=False)
    wide.bias = module.bias
    return wide


def _replace(model: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, own = name.rpartition(".")
    setattr(model.get_submodule(parent), own, module)
