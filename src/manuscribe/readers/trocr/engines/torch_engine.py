"""Runs the network with PyTorch, behind the interface that decoding needs."""

from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from manuscribe.readers.trocr.decoding import Scores, Tokens
from manuscribe.readers.trocr.images import Images
from manuscribe.readers.trocr.network import Seen, TrocrNetwork, joined

TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
Device = Literal["cpu", "cuda"]
_TOGETHER = 4  # images; what a processor computes of more does not stay in its caches


class TorchEngine:
    """The network on the CPU or a GPU.

    Args:
        precision: A name of `TYPES`.
        threads: Of the CPU.
    """

    def __init__(self, network: TrocrNetwork, *, precision: str, threads: int, device: Device = "cpu") -> None:
        self._type, self._device = TYPES[precision], device
        self._network = network.to(device, self._type)
        self._threads = threads

    def begin(self, images: Images, texts: int, length: int) -> "TorchSession":
        """Look at images, to write `texts` texts of up to `length` tokens about each."""
        with torch.inference_mode():
            return TorchSession(self._network, self._encode(images), texts, length, self._device)

    @torch.inference_mode()
    def embed(self, images: Images) -> NDArray[np.float32]:
        """The encoder's states of images, B×P×D, special tokens first."""
        return np.asarray(self._encode(images).states.float().cpu().numpy())

    def _encode(self, images: Images) -> Seen:
        torch.set_num_threads(self._threads)
        columns = None if images.columns is None else torch.from_numpy(images.columns).to(self._device)
        pixels = torch.from_numpy(images.pixels).to(self._device, self._type)
        count = _TOGETHER if self._device == "cpu" else len(pixels)
        with _making_on(self._device):
            parts = [slice(start, start + count) for start in range(0, len(pixels), count)]
            return joined([self._network.encode(pixels[p], None if columns is None else columns[p]) for p in parts])


class TorchSession:
    """Implements `decoding.Session`."""

    def __init__(self, network: TrocrNetwork, seen: Seen, texts: int, length: int, device: Device = "cpu") -> None:
        self._decoder, self._device = network.decoder, device
        self._memory = self._decoder.begin(seen, texts, length)

    @torch.inference_mode()
    def step(self, tokens: Tokens) -> Scores:
        """See `decoding.Session`."""
        with _making_on(self._device):
            scores = self._decoder(self._there(tokens), self._memory)
        return np.asarray(scores.float().cpu().numpy())

    @torch.inference_mode()
    def select(self, images: Tokens | None, texts: Tokens) -> None:
        """See `decoding.Session`."""
        self._memory.select(None if images is None else self._there(images), self._there(texts))

    def forget(self, count: int) -> None:
        """See `decoding.Session`."""
        self._memory.length -= count

    def _there(self, tokens: Tokens) -> Tensor:
        return torch.from_numpy(tokens).to(self._device)


def _making_on(device: Device) -> AbstractContextManager[object]:
    """Where new tensors are made; for the CPU, where they are anyway, nothing that would take time at every step."""
    return nullcontext() if device == "cpu" else torch.device(device)
