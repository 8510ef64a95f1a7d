"""Learning from another reader: what it sees in each frame is what is to be seen there."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from manuscribe.engines.openvino import OpenVinoModel
from manuscribe.errors import ModelError
from manuscribe.models.files import ModelFile


class Teacher:
    """A reader that is learnt from (Hinton et al. 2015, arXiv 1503.02531).

    Args:
        threads: CPU threads; 0 takes every core.

    Raises:
        ModelError: It reads another charset.
    """

    def __init__(self, model: ModelFile, charset: str, threads: int = 0) -> None:
        if model.charset != charset:
            raise ModelError(f"{model.path} reads another charset than this version of manuscribe trains.")
        self._network = OpenVinoModel(model.path, threads=threads, bf16=False)

    def unlike(self, scores: Tensor, lines: Tensor) -> Tensor:
        """How unlike its view of some lines a view is: Kullback–Leibler divergence in nats, all frames together.

        Args:
            scores: B×T×C log-probabilities.
            lines: B×1×64×W, what both look at.
        """
        (seen,) = self._network(np.ascontiguousarray(lines.numpy()))
        return F.kl_div(scores, torch.from_numpy(seen), reduction="sum", log_target=True)
