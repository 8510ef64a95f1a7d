"""Runs the network with PyTorch, behind the interface that decoding needs."""

import numpy as np
import torch
from numpy.typing import NDArray

from manuscribe.readers.trocr.decoding import Scores, Tokens
from manuscribe.readers.trocr.images import Images
from manuscribe.readers.trocr.network import Seen, TrocrNetwork


class TorchEngine:
    """The network on the CPU, in float32 or bfloat16."""

    def __init__(self, network: TrocrNetwork, *, bf16: bool, threads: int) -> None:
        self._type = torch.bfloat16 if bf16 else torch.float32
        self._network = network.to(self._type)
        self._threads = threads

    def begin(self, images: Images, texts: int, length: int) -> "TorchSession":
        """Look at images, to write `texts` texts of up to `length` tokens about each."""
        with torch.inference_mode():
            return TorchSession(self._network, self._encode(images), texts, length)

    @torch.inference_mode()
    def embed(self, images: Images) -> NDArray[np.float32]:
        """The encoder's states of images, B×P×D, special tokens first."""
        return np.asarray(self._encode(images).states.float().numpy())

    def _encode(self, images: Images) -> Seen:
        torch.set_num_threads(self._threads)
        columns = None if images.columns is None else torch.from_numpy(images.columns)
        return self._network.encode(torch.from_numpy(images.pixels).to(self._type), columns)


class TorchSession:
    """Implements `decoding.Session`."""

    def __init__(self, network: TrocrNetwork, seen: Seen, texts: int, length: int) -> None:
        self._decoder = network.decoder
        self._memory = self._decoder.begin(seen, texts, length)

    @torch.inference_mode()
    def step(self, tokens: Tokens) -> Scores:
        """See `decoding.Session`."""
        scores = self._decoder(torch.from_numpy(tokens), self._memory)
        return np.asarray(scores.float().numpy())

    @torch.inference_mode()
    def select(self, images: Tokens | None, texts: Tokens) -> None:
        """See `decoding.Session`."""
        self._memory.select(None if images is None else torch.from_numpy(images), torch.from_numpy(texts))

    def forget(self, count: int) -> None:
        """See `decoding.Session`."""
        self._memory.length -= count
