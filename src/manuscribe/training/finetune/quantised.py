"""Layers in four bits, for adapters on models that are too large as they are.

Source: QLoRA (arXiv 2305.14314), section 3: NF4 with 64 weights a block.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import torch
from torch import nn


@torch.no_grad()
def quantise(model: nn.Module, chosen: Callable[[str], bool]) -> None:
    """Store the matrices whose names are chosen in four bits; they cannot learn any more."""
    layers: Any = import_module("bitsandbytes.nn")
    for name, module in list(model.named_modules()):
        if isinstance(module, nn.Linear) and chosen(name):
            small = layers.Linear4bit(
                module.in_features, module.out_features, bias=module.bias is not None,
                compute_dtype=module.weight.dtype, quant_type="nf4",
            )  # fmt: skip
            small.weight = layers.Params4bit(module.weight.data, requires_grad=False, quant_type="nf4")
            small.bias = module.bias
            # Where a processor multiplies bfloat16, bitsandbytes would pack the weights for it when it reads: other
            # values than the adapter learnt on, and only of sizes that 32 and 64 divide.
            small.support_avx512bf16_for_cpu = False
            put(model, name, small.to(module.weight.device))


def is_quantised(module: nn.Module) -> bool:
    """Whether a matrix is stored in four bits."""
    return hasattr(module.weight, "quant_state") if isinstance(module, nn.Linear) else False


def weights_in(parameter: nn.Parameter) -> int:
    """How many weights a parameter holds; of four bits, two are stored in a byte."""
    state: Any = getattr(parameter, "quant_state", None)
    return parameter.numel() if state is None else int(state.shape.numel())


@torch.no_grad()
def widened(module: Any) -> nn.Linear:
    """Such a matrix as an ordinary one, of just the values that it had."""
    wide = nn.Linear(module.in_features, module.out_features, bias=module.bias is not None)
    weight = import_module("bitsandbytes.functional").dequantize_4bit(module.weight.data, module.weight.quant_state)
    wide.weight = nn.Parameter(weight.float(), requires_grad=False)
    wide.bias = module.bias
    return wide


def put(model: nn.Module, name: str, module: nn.Module) -> None:
    """Put another module in the place of the one of that name."""
    parent, _, own = name.rpartition(".")
    setattr(model.get_submodule(parent), own, module)
