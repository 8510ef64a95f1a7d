"""The network as two graphs, for engines that know no PyTorch: what is seen of an image, and the next token.

The image's graph takes `pixels` B×3×H×W and gives keys and values of each decoder layer, `image.0`, `image.1`, …,
B×heads×P×d, and `states`, B×P×D. The text's graph takes `tokens` R×T, those keys and values, and those of the tokens
before, `past.0`, …, R×heads×L×d; it gives `scores` R×T×V and `now.0`, …, R×heads×(L + T)×d. R is a multiple of B: each
image's texts side by side.

Where lines are wide, the image's graph takes `columns` B, too, and gives `hidden` B×1×1×P, which the text's takes.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from manuscribe.readers.trocr.configuration import Configuration
from manuscribe.readers.trocr.engines.ports import is_wide
from manuscribe.readers.trocr.network import KeysValues, Trace, TrocrNetwork


class ImageGraph(nn.Module):
    """See above."""

    def __init__(self, network: TrocrNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor, columns: Tensor | None = None) -> tuple[Tensor, ...]:
        """See the module."""
        seen = self.network.encode(pixels, columns)
        pairs = (tensor for pair in self.network.decoder.see(seen.states) for tensor in pair)
        return (*pairs, *([] if seen.hidden is None else [seen.hidden]), seen.states)


class TextGraph(nn.Module):
    """See above."""

    def __init__(self, network: TrocrNetwork) -> None:
        super().__init__()
        self.decoder = network.decoder

    def forward(self, tokens: Tensor, image: list[Tensor], past: list[Tensor]) -> tuple[Tensor, ...]:
        """See the module."""
        hidden = image[-1] if len(image) > len(past) else None
        memory = Trace(_pairs(image[: len(past)]), hidden, _pairs(past))
        scores = self.decoder(tokens, memory)
        return (scores, *(tensor for pair in memory.text for tensor in pair))


def image_example(configuration: Configuration) -> tuple[Tensor, ...]:
    """Inputs to trace the image's graph with."""
    encoder = configuration.encoder
    pixels = torch.zeros(2, encoder.num_channels, *encoder.image_size)
    return (pixels, torch.tensor([1, encoder.grid[1]])) if is_wide(configuration) else (pixels,)


def text_example(configuration: Configuration) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    """Inputs to trace the text's graph with: two images, four texts, two tokens after three."""
    decoder = configuration.decoder
    size = decoder.hidden_size // decoder.heads
    image, past = (
        [torch.zeros(rows, decoder.heads, places, size) for _ in range(2 * decoder.layers)]
        for rows, places in ((2, 5), (4, 3))
    )
    hidden = [torch.zeros(2, 1, 1, 5)] if is_wide(configuration) else []
    return torch.zeros(4, 2, dtype=torch.long), [*image, *hidden], past


@contextmanager
def tracing() -> Iterator[None]:
    """Without the tracer's warnings that shapes turn into numbers: tests show that the graphs take every shape."""
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore", torch.jit._trace.TracerWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def _pairs(tensors: Sequence[Tensor]) -> list[KeysValues]:
    return list(zip(tensors[::2], tensors[1::2], strict=True))
