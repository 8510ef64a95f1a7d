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
