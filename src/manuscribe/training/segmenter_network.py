"""The segmenter's network: a small U-Net over a grey page.

The idea of predicting baselines, their ends and the heights above and below them densely, then of assembling
lines from the maps, is ParseNet's (Kodym and Hradiš 2021, "Page Layout Analysis System for Unconstrained
Historic Documents").
"""

import torch
import torch.nn.functional as F
from torch import nn

from manuscribe.segmentation.maps import CHANNELS, STRIDE


class Convolution(nn.Sequential):
    """3×3 convolution, batch norm, ReLU: the norm folds into the convolution when deployed."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1, size: int = 3) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )


class Residual(nn.Module):
    """Two convolutions with a shortcut (He et al. 2016)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = Convolution(width, width)
        self.second = nn.Sequential(nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Keep the shape."""
        return F.relu(x + self.second(self.first(x)))


class Join(nn.Module):
    """One step up: the coarse map doubled, plus the fine one of the way down."""

    def __init__(self, coarse: int, fine: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(coarse, fine, 1)
        self.merge = Convolution(fine, fine)

    def forward(self, coarse: torch.Tensor, fine: torch.Tensor) -> torch.Tensor:
        """Return a map of the fine one's shape."""
        up = F.interpolate(self.reduce(coarse), scale_factor=2.0, mode="nearest")
        merged: torch.Tensor = self.merge(fine + up)
        return merged


class SegmenterNetwork(nn.Module):
    """Grey page to maps.

    Args:
        stem: Channels at half the resolution, which only one convolution sees.
        widths: Channels at a 4th, 8th, 16th … of the resolution.
        blocks: Residual blocks at each of these.
    """

    def __init__(self, stem: int, widths: tuple[int, ...], blocks: tuple[int, ...]) -> None:
        super().__init__()
        self.stem = Convolution(1, stem, stride=2, size=5)
        inputs = (stem, *widths[:-1])
        self.down = nn.ModuleList(
            nn.Sequential(Convolution(before, width, stride=2), *(Residual(width) for _ in range(count)))
            for before, width, count in zip(inputs, widths, blocks, strict=True)
        )
        self.up = nn.ModuleList(Join(coarse, fine) for coarse, fine in zip(widths[:0:-1], widths[-2::-1], strict=True))
        # The last map has a quarter of the resolution: each cell says what its 2×2 sub-cells are.
        self.head = nn.Conv2d(widths[0], len(CHANNELS) * (4 // STRIDE) ** 2, 3, 1, 1)

    def forward(self, page: torch.Tensor) -> torch.Tensor:
        """Compute the maps.

        Args:
            page: N×1×H×W, grey in [0, 1], H and W multiples of `maps.MULTIPLE`.

        Returns:
            N×4×H/2×W/2: logits of baseline and end, natural logarithms of the heights (see `maps.CHANNELS`).
        """
        x = self.stem(page * 2 - 1)
        levels = []
        for stage in self.down:
            x = stage(x)
            levels.append(x)
        for join, fine in zip(self.up, levels[-2::-1], strict=True):
            x = join(x, fine)
        return F.pixel_shuffle(self.head(x), 4 // STRIDE)


class _HalvedConvolution(nn.Module):
    """A convolution whose numbers are kept in 16 bits and computed with in 32."""

    weight: torch.Tensor
    bias: torch.Tensor

    def __init__(self, source: nn.Conv2d, weight: torch.Tensor, bias: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("weight", weight.detach().half())
        self.register_buffer("bias", bias.detach().half())
        self.stride, self.padding = source.stride[0], source.kernel_size[0] // 2

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Convolve."""
        return F.conv2d(x, self.weight.float(), self.bias.float(), self.stride, self.padding)


def halve(network: nn.Module) -> nn.Module:
    """Fold every norm into its convolution and keep the numbers in 16 bits, in place, for deployment."""
    names = list(network.named_children())
    for (name, module), (next_name, following) in zip(names, [*names[1:], ("", None)], strict=False):
        if not isinstance(module, nn.Conv2d):
            halve(module)
            continue
        weight = module.weight
        bias = torch.zeros(len(weight)) if module.bias is None else module.bias
        if isinstance(following, nn.BatchNorm2d):
            assert following.running_mean is not None  # noqa: S101
            assert following.running_var is not None  # noqa: S101
            gain = following.weight / torch.sqrt(following.running_var + following.eps)
            weight = weight * gain[:, None, None, None]
            bias = (bias - following.running_mean) * gain + following.bias
            setattr(network, next_name, nn.Identity())
        setattr(network, name, _HalvedConvolution(module, weight, bias))
    return network
