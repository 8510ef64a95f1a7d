"""Lines of any width for an encoder whose positions were learnt in one frame."""

from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


def take_any_size(model: Any) -> None:
    """Let a `VisionEncoderDecoderModel` with a ViT or DeiT encoder stretch its positions over images of any size.

    transformers, given `interpolate_pos_encoding=True`, does so for square frames only.
    """
    embeddings, config = model.encoder.embeddings, model.config.encoder
    (height, width), patch = _pair(config.image_size), _pair(config.patch_size)
    grid = (height // patch[0], width // patch[1])
    embeddings.interpolate_pos_encoding = partial(_stretched, embeddings, patch, grid)


def _pair(size: Any) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else (size[0], size[1])


def _stretched(
    embeddings: Any, patch: tuple[int, int], grid: tuple[int, int], _: Tensor, height: int, width: int
) -> Tensor:
    """Positions for images of a size, those of the special tokens first: 1×P×D."""
    table = embeddings.position_embeddings
    special = table.shape[1] - grid[0] * grid[1]
    patches = table[:, special:].transpose(1, 2).unflatten(2, grid)
    wanted = (height // patch[0], width // patch[1])
    found = F.interpolate(patches, size=wanted, mode="bicubic", align_corners=False)
    return torch.cat([table[:, :special], found.flatten(2).transpose(1, 2)], dim=1)
