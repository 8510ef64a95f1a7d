"""The compact line network: a small residual CNN, a few convolution-attention blocks, CTC.

The CNN looks at eighths of the line's width, the sequence model works there, and each of its columns gives two CTC
frames, to which the CNN's finer columns are added: long-range sense at half the cost, letters at full sharpness.
The second CTC head straight on the CNN ("CTC shortcut", Retsinas et al. 2024, arXiv 2404.11339) only helps training.
"""

import torch.nn.functional as F
from torch import Tensor, nn

COLUMN = 8
"""Pixels of width per column of the sequence model; widths must be multiples of it."""
FRAMES_PER_COLUMN = 2


class ConvNorm(nn.Sequential):
    """Convolution, batch norm, ReLU; batch norm folds into the convolution at export."""

    def __init__(self, inputs: int, outputs: int, stride: tuple[int, int] | int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )


class Residual(nn.Module):
    """Two 3×3 convolutions around a shortcut, `inner` channels between them."""

    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.first = ConvNorm(channels, inner)
        self.second = nn.Conv2d(inner, channels, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """B×C×H×W → B×C×H×W."""
        mended: Tensor = self.norm(self.second(self.first(x)))
        return F.relu(x + mended)


class Block(nn.Module):
    """Local (depthwise convolution), global (attention) and pointwise mixing along the line.

    The convolution is also what tells positions apart, so no position embedding limits the width.
    """

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.heads = heads
        self.local_norm = nn.LayerNorm(width)
        self.local = nn.Conv1d(width, width, 9, padding=4, groups=width)
        self.mix = nn.Linear(width, width)
        self.attention_norm = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.attended = nn.Linear(width, width)
        self.hidden_norm = nn.LayerNorm(width)
        self.hidden = nn.Linear(width, hidden)
        self.output = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """B×T×C → B×T×C."""
        x = x + self.mix(F.silu(self.local(self.local_norm(x).transpose(1, 2)).transpose(1, 2)))
        x = x + self._attend(self.attention_norm(x))
        added: Tensor = self.output(F.silu(self.hidden(self.hidden_norm(x))))
        return x + added

    def _attend(self, x: Tensor) -> Tensor:
        batch, time, width = x.shape
        qkv = self.query_key_value(x).view(batch, time, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(qkv[0], qkv[1], qkv[2])
        attended: Tensor = self.attended(mixed.transpose(1, 2).reshape(batch, time, width))
        return attended


class CompactNetwork(nn.Module):
    """Lines to CTC scores.

    Args:
        classes: Characters of the charset plus one; class 0 is the CTC blank.
        channels: Channels of the CNN's three stages.
        width: Width of the sequence model.
        depth: Blocks of the sequence model.
        hidden: Width inside the pointwise part of each block.
        inner: Channels inside the residuals of the three stages; `None`: as many as outside.
    """

    def __init__(
        self,
        classes: int,
        channels: tuple[int, int, int] = (48, 96, 192),
        width: int = 256,
        depth: int = 5,
        hidden: int = 640,
        inner: tuple[int, int, int] | None = None,
    ) -> None:
        super().__init__()
        small, middle, large = channels
        in_small, in_middle, in_large = inner or channels
        self.stem = nn.Sequential(ConvNorm(1, small // 2, 2), ConvNorm(small // 2, small, 2), Residual(small, in_small))
        self.fine = nn.Sequential(
            ConvNorm(small, middle, (2, 1)), Residual(middle, in_middle), Residual(middle, in_middle)
        )
        self.coarse = nn.Sequential(
            ConvNorm(middle, large, (2, 2)), Residual(large, in_large), Residual(large, in_large)
        )
        self.fine_columns = nn.Conv2d(middle, width, (8, 1))
        self.coarse_columns = nn.Conv2d(large, width, (4, 1))
        self.blocks = nn.ModuleList(Block(width, width // 64, hidden) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.frames = nn.Linear(width, FRAMES_PER_COLUMN * width)
        self.head = nn.Linear(width, classes)
        self.shortcut = nn.Linear(width, classes)

    def forward(self, lines: Tensor) -> Tensor:
        """B×1×64×W normalised lines (W a multiple of 8) → B×W/4×classes log-probabilities, float32."""
        return self.scores(lines)[0]

    def scores(self, lines: Tensor) -> tuple[Tensor, Tensor]:
        """As `forward`, and the shortcut's log-probabilities beside them."""
        fine = self.fine(self.stem(lines))
        columns = self.coarse_columns(self.coarse(fine)).squeeze(2).transpose(1, 2)
        letters = self.fine_columns(fine).squeeze(2).transpose(1, 2)
        x = columns
        for block in self.blocks:
            x = block(x)
        main = self._frames(self.norm(x)) + letters
        early = columns.repeat_interleave(FRAMES_PER_COLUMN, dim=1) + letters
        return _log_probabilities(self.head(F.relu(main))), _log_probabilities(self.shortcut(F.relu(early)))

    def _frames(self, x: Tensor) -> Tensor:
        batch, time, width = x.shape
        frames: Tensor = self.frames(x)
        return frames.reshape(batch, time * FRAMES_PER_COLUMN, width)


def _log_probabilities(scores: Tensor) -> Tensor:
    return F.log_softmax(scores.float(), dim=-1)
