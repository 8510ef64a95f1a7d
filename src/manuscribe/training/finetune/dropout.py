"""Dropout before adapters that does not hold a processor up, nor fill its memory.

PyTorch draws a mask on a processor one number after the other: with an adapter in every layer that takes a third of
each step. Here sixteen random bits decide on each value, four values a draw. And it keeps, for each adapter, what was
left of its input and a mask as large: here adapters on the same input share it, and a mask takes a byte a value.
"""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

_VALUES = 2**16  # of sixteen bits
_A_DRAW = 4  # values that one draw of 64 bits decides on


class QuickDropout(nn.Dropout):
    """`torch.nn.Dropout`, several times as fast on a processor; elsewhere it is the same."""

    def forward(self, values: Tensor) -> Tensor:
        """The values, each left out with probability p and the others made larger by as much."""
        if not self.training or self.p == 0 or values.device.type != "cpu":
            return super().forward(values)
        return values * _kept(_mask(values, self.p), values, self.p)


class DroppedLinear(nn.Linear):
    """A matrix with dropout before it; its weights are those of another one."""

    def __init__(self, matrix: nn.Linear, p: float) -> None:
        super().__init__(1, 1, bias=False, device="meta")
        self.in_features, self.out_features = matrix.in_features, matrix.out_features
        self.weight, self.p = matrix.weight, p

    def forward(self, values: Tensor) -> Tensor:
        """The product with what is left of the values."""
        if not self.training or self.p == 0:
            return super().forward(values)
        if values.device.type != "cpu":
            return super().forward(F.dropout(values, self.p))
        product: Tensor = _DroppedProduct.apply(values, self.weight, self.p)  # type: ignore[no-untyped-call]
        return product


def quicken(adapted: nn.Module, *, alone: bool) -> None:
    """Replace the dropout before a model's adapters.

    Args:
        alone: Nothing but the adapter's first matrix takes what is left: both may become one.
    """
    for module in adapted.modules():
        dropouts, matrices = getattr(module, "lora_dropout", None), getattr(module, "lora_A", None)
        if not (isinstance(dropouts, nn.ModuleDict) and isinstance(matrices, nn.ModuleDict)):
            continue
        for name, dropout in dropouts.items():
            if not isinstance(dropout, nn.Dropout):
                continue
            if alone:
                matrices[name] = DroppedLinear(matrices[name], dropout.p)  # type: ignore[arg-type]
                dropouts[name] = nn.Identity()
            else:
                dropouts[name] = QuickDropout(dropout.p)


def _mask(values: Tensor, p: float) -> Tensor:
    """Which values stay."""
    # PyTorch's own generator says where ours begins: a run that is resumed leaves out the same values.
    seed = int(torch.randint(2**62, ()))
    bits = np.random.SFC64(seed).random_raw(-(-values.numel() // _A_DRAW)).view(np.uint16)[: values.numel()]
    return torch.from_numpy(bits >= round(p * _VALUES)).view(values.shape)


def _kept(mask: Tensor, values: Tensor, p: float) -> Tensor:
    """What to multiply values with."""
    return mask.to(values.dtype).mul_(1 / (1 - p))


class _DroppedProduct(torch.autograd.Function):
    @staticmethod
    @torch.amp.custom_fwd(device_type="cpu")  # type: ignore[untyped-decorator]
    def forward(ctx: Any, values: Tensor, weight: Tensor, p: float) -> Tensor:
        mask = _mask(values, p)
        ctx.save_for_backward(values, weight, mask)
        ctx.p = p
        return F.linear(values * _kept(mask, values, p), weight)

    @staticmethod
    @torch.amp.custom_bwd(device_type="cpu")  # type: ignore[untyped-decorator]
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        values, weight, mask = ctx.saved_tensors
        kept, gradient = _kept(mask, values, ctx.p), gradients[0]
        left = (values * kept).flatten(0, -2)
        return (gradient @ weight) * kept, gradient.flatten(0, -2).mT @ left, None
