"""The encoder of what the compressor leaves: CLIP's, whose own patches are not used.

Source: Learning Transferable Visual Models From Natural Language Supervision (arXiv 2103.00020), section 2.4. Modules
have the published checkpoint's names, one of which is misspelt there.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from manuscribe.readers.vlm.deepseek.configuration import ClipSettings
from manuscribe.readers.vlm.deepseek.positions import resized

_EPS = 1e-5


class ClipEncoder(nn.Module):
    """From features B×C×N×N to B×(1 + N²)×C, the class's place first."""

    def __init__(self, settings: ClipSettings) -> None:
        super().__init__()
        self.embeddings = _Embeddings(settings)
        self.pre_layrnorm = nn.LayerNorm(settings.width, eps=_EPS)
        self.transformer = _Layers(settings)

    def forward(self, features: Tensor) -> Tensor:
        """What the layers make of features of a square grid."""
        states: Tensor = self.pre_layrnorm(self.embeddings(features))
        for layer in self.transformer.layers:
            states = layer(states)
        return states


class _Layers(nn.Module):
    def __init__(self, settings: ClipSettings) -> None:
        super().__init__()
        self.layers = nn.ModuleList(_Layer(settings) for _ in range(settings.layers))


class _Embeddings(nn.Module):
    def __init__(self, settings: ClipSettings) -> None:
        super().__init__()
        side = settings.image // settings.patch
        self.class_embedding = nn.Parameter(torch.zeros(settings.width))
        # In the checkpoint, and unused: the features come from the window encoder.
        self.patch_embedding = nn.Conv2d(3, settings.width, settings.patch, stride=settings.patch, bias=False)
        self.patch_embedding.requires_grad_(False)
        self.position_embedding = nn.Embedding(side * side + 1, settings.width)
        self._side = side

    def forward(self, features: Tensor) -> Tensor:
        first, table = self.position_embedding.weight.split([1, self._side**2])
        grid = table.T.reshape(1, -1, self._side, self._side)
        places = features + resized(grid, features.shape[-1])
        start = (self.class_embedding + first[0]).expand(len(features), 1, -1)
        return torch.cat([start, places.flatten(2).transpose(1, 2)], dim=1)


class _Layer(nn.Module):
    def __init__(self, settings: ClipSettings) -> None:
        super().__init__()
        self.layer_norm1 = nn.LayerNorm(settings.width, eps=_EPS)
        self.self_attn = _Attention(settings)
        self.layer_norm2 = nn.LayerNorm(settings.width, eps=_EPS)
        self.mlp = _FeedForward(settings)

    def forward(self, states: Tensor) -> Tensor:
        states = states + self.self_attn(self.layer_norm1(states))
        result: Tensor = states + self.mlp(self.layer_norm2(states))
        return result


class _Attention(nn.Module):
    def __init__(self, settings: ClipSettings) -> None:
        super().__init__()
        self.heads = settings.heads
        self.qkv_proj = nn.Linear(settings.width, 3 * settings.width)
        self.out_proj = nn.Linear(settings.width, settings.width)

    def forward(self, states: Tensor) -> Tensor:
        batch, places, width = states.shape
        split = self.qkv_proj(states).reshape(batch, places, 3, self.heads, -1)
        queries, keys, values = split.permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(queries, keys, values)
        result: Tensor = self.out_proj(seen.transpose(1, 2).reshape(batch, places, width))
        return result


class _FeedForward(nn.Module):
    def __init__(self, settings: ClipSettings) -> None:
        super().__init__()
        self.fc1 = nn.Linear(settings.width, settings.inner)
        self.fc2 = nn.Linear(settings.inner, settings.width)

    def forward(self, states: Tensor) -> Tensor:
        inner = self.fc1(states)
        result: Tensor = self.fc2(inner * torch.sigmoid(1.702 * inner))  # the quick GELU
        return result
