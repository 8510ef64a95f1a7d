"""The window encoder, and the compressor that leaves one place in sixteen.

Source: Segment Anything (arXiv 2304.02643), section 3 and appendix A; decomposed relative positions: MViTv2 (arXiv
2112.01526), section 4.1. Modules have the published checkpoint's names.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from manuscribe.readers.vlm.deepseek.configuration import SamSettings
from manuscribe.readers.vlm.deepseek.positions import resized

_EPS = 1e-6


class SamEncoder(nn.Module):
    """From pixels B×3×S×S to features B×C×(S/64)×(S/64)."""

    def __init__(self, settings: SamSettings) -> None:
        super().__init__()
        width, neck, (middle, last) = settings.width, settings.neck, settings.compressor
        self.patch_embed = _Patches(width, settings.patch)
        self.pos_embed = nn.Parameter(torch.zeros(1, settings.grid, settings.grid, width))
        self.blocks = nn.ModuleList(
            _Block(settings, 0 if number in settings.whole else settings.window) for number in range(settings.layers)
        )
        self.neck = nn.Sequential(
            nn.Conv2d(width, neck, 1, bias=False),
            _ChannelNorm(neck),
            nn.Conv2d(neck, neck, 3, padding=1, bias=False),
            _ChannelNorm(neck),
        )
        self.net_2 = nn.Conv2d(neck, middle, 3, stride=2, padding=1, bias=False)
        self.net_3 = nn.Conv2d(middle, last, 3, stride=2, padding=1, bias=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """Features of images whose sides are whole patches."""
        places = self.patch_embed(pixels)
        places = places + resized(self.pos_embed.permute(0, 3, 1, 2), places.shape[1]).permute(0, 2, 3, 1)
        for block in self.blocks:
            places = block(places)
        compressed: Tensor = self.net_3(self.net_2(self.neck(places.permute(0, 3, 1, 2))))
        return compressed


class _Patches(nn.Module):
    def __init__(self, width: int, patch: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, patch, stride=patch)

    def forward(self, pixels: Tensor) -> Tensor:
        found: Tensor = self.proj(pixels).permute(0, 2, 3, 1)
        return found


class _ChannelNorm(nn.Module):
    """Layer norm over the channels of B×C×H×W."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, places: Tensor) -> Tensor:
        last = places.permute(0, 2, 3, 1)
        return F.layer_norm(last, last.shape[-1:], self.weight, self.bias, _EPS).permute(0, 3, 1, 2)


class _Block(nn.Module):
    """A transformer layer over B×H×W×C, whose attention stays within windows unless `window` is 0."""

    def __init__(self, settings: SamSettings, window: int) -> None:
        super().__init__()
        self.window = window
        self.norm1 = nn.LayerNorm(settings.width, eps=_EPS)
        self.attn = _Attention(settings, window or settings.grid)
        self.norm2 = nn.LayerNorm(settings.width, eps=_EPS)
        self.mlp = _FeedForward(settings.width, settings.inner)

    def forward(self, places: Tensor) -> Tensor:
        seen = self.norm1(places)
        seen = _in_windows(seen, self.window, self.attn) if self.window else self.attn(seen)
        places = places + seen
        result: Tensor = places + self.mlp(self.norm2(places))
        return result


def _in_windows(places: Tensor, side: int, attention: nn.Module) -> Tensor:
    """Attention within squares; zeros fill up the last ones, and are looked at, as in the published model."""
    batch, height, width, channels = places.shape
    padded = F.pad(places, (0, 0, 0, -width % side, 0, -height % side))
    down, across = padded.shape[1] // side, padded.shape[2] // side
    windows = padded.reshape(batch, down, side, across, side, channels).transpose(2, 3)
    seen: Tensor = attention(windows.reshape(-1, side, side, channels))
    rows = seen.reshape(batch, down, across, side, side, channels).transpose(2, 3)
    return rows.reshape(padded.shape)[:, :height, :width]


class _Attention(nn.Module):
    """Attention with a learnt bias for every distance down and across."""

    def __init__(self, settings: SamSettings, side: int) -> None:
        super().__init__()
        self.heads = settings.heads
        each = settings.width // settings.heads
        self.qkv = nn.Linear(settings.width, 3 * settings.width)
        self.proj = nn.Linear(settings.width, settings.width)
        self.rel_pos_h = nn.Parameter(torch.zeros(2 * side - 1, each))
        self.rel_pos_w = nn.Parameter(torch.zeros(2 * side - 1, each))

    def forward(self, places: Tensor) -> Tensor:
        batch, height, width, channels = places.shape
        split = self.qkv(places).reshape(batch, height * width, 3, self.heads, -1)
        queries, keys, values = split.permute(2, 0, 3, 1, 4)
        grid = queries.reshape(batch, self.heads, height, width, -1)
        down = torch.einsum("bnhwc,hkc->bnhwk", grid, _distances(self.rel_pos_h, height))
        across = torch.einsum("bnhwc,wkc->bnhwk", grid, _distances(self.rel_pos_w, width))
        bias = (down[..., :, None] + across[..., None, :]).reshape(batch, self.heads, height * width, -1)
        seen = F.scaled_dot_product_attention(queries, keys, values, attn_mask=bias)
        result: Tensor = self.proj(seen.transpose(1, 2).reshape(batch, height, width, channels))
        return result


def _distances(table: Tensor, side: int) -> Tensor:
    """Rows of a table of distances for each pair of places, side×side×C; a table of another length is stretched."""
    if table.shape[0] != 2 * side - 1:
        stretched = F.interpolate(table.float().T[None], size=2 * side - 1, mode="linear")
        table = stretched[0].T.to(table.dtype)
    places = torch.arange(side, device=table.device)
    return table[places[:, None] - places[None, :] + side - 1]


class _FeedForward(nn.Module):
    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.lin1 = nn.Linear(width, inner)
        self.lin2 = nn.Linear(inner, width)

    def forward(self, places: Tensor) -> Tensor:
        result: Tensor = self.lin2(F.gelu(self.lin1(places)))
        return result
