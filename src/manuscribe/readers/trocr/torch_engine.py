"""Runs the network with PyTorch, behind the interface that decoding needs."""

import numpy as np
import torch
from numpy.typing import NDArray

from manuscribe.readers.trocr.decoding import Scores, Tokens
from manuscribe.readers.trocr.network import TrocrNetwork


class TorchEngine:
    """The network on the CPU, in float32 or bfloat16."""

    def __init__(self, network: TrocrNetwork, *, bf16: bool, threads: int) -> None:
        self._type = torch.bfloat16 if bf16 else torch.float32
        self._network = network.to(self._type)
        self._threads = threads

    def begin(self, pixels: NDArray[np.float32], texts: int, length: int) -> "TorchSession":
        """Look at images B×3×H×W, to write `texts` texts of up to `length` tokens about each."""
        with torch.inference_mode():
            torch.set_num_threads(self._threads)
            states = self._network.encode(torch.from_numpy(pixels).to(self._type))
            return TorchSession(self._network, states, texts, length)


class TorchSession:
    """Implements `decoding.Session`."""

    def __init__(self, network: TrocrNetwork, states: torch.Tensor, texts: int, length: int) -> None:
        self._decoder = network.decoder
        self._memory = self._decoder.begin(states, texts, length)

    @torch.inference_mode()
    def step(self, tokens: Tokens) -> Scores:
        """See `decoding.Session`."""
        scores = self._decoder(torch.from_numpy(tokens)[:, None], self._memory)
        return np.asarray(scores[:, 0].float().numpy())

    @torch.inference_mode()
    def select(self, images: Tokens | None, texts: Tokens) -> None:
        """See `decoding.Session`."""
        self._memory.select(None if images is None else torch.from_numpy(images), torch.from_numpy(texts))
