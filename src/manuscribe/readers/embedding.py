"""What an encoder makes of a line, for searching and sorting by looks."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Embedding:
    """A line as a checkpoint's encoder sees it.

    Attributes:
        states: float32, down×across×D: one vector for each patch of the image, without special tokens and without
            what pads a batch. `across` differs from line to line with `fit="wide"` alone.
    """

    states: NDArray[np.float32]

    @property
    def vector(self) -> NDArray[np.float32]:
        """The mean of the states (D), of length 1: two lines' product is the cosine of their angle."""
        mean = self.states.mean(axis=(0, 1), dtype=np.float64)
        return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-12), np.float32)
