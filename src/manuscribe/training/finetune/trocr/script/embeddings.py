"""What the rows of new tokens begin as, in the decoder's embeddings and in its head."""

from collections.abc import Sequence

import torch
from torch import Tensor

WITH_ROWS = ("decoder.model.decoder.embed_tokens", "decoder.output_projection")
"""The modules that have a row for each token: embeddings and head. Where tokens are new, all of both must learn."""

Sources = Sequence[tuple[int, ...]]
"""For each new token the old ones that it begins as: itself, the pieces that it is written with, or none."""

_NOISE = 0.1  # of the old rows' spread: new tokens shall differ, and none be preferred


def begun(rows: Tensor, sources: Sources, old: int, seed: int) -> Tensor:
    """The rows of new tokens, in the old ones' precision.

    Kept ones are copied. Those whose pieces are known are the pieces' mean (Gee et al. 2022, "Fast Vocabulary Transfer
    for Language Model Compression"). All others are the mean of all rows with a little noise (Hewitt 2021,
    "Initializing New Word Embeddings for Pretrained Language Models"): rows as a fresh model has them might be
    preferred to all that the old one knows.

    Args:
        rows: V×D; there may be a few more of them than old tokens.
        old: Number of old tokens.
        seed: Of the noise, which is the same for equal rows.

    Returns:
        As many rows as there are sources.
    """
    # In double precision sums do not depend on the number of threads, once they are rounded.
    spread, mean = torch.std_mean(rows[:old].double(), dim=0)
    generator = torch.Generator().manual_seed(seed)
    found = torch.empty((len(sources), rows.shape[1]), dtype=rows.dtype)
    for row, source in zip(found, sources, strict=True):
        if len(source) == 1:
            row.copy_(rows[source[0]])
        elif source:
            row.copy_(rows[list(source)].double().mean(0))
        else:
            row.copy_(mean + _NOISE * spread * torch.randn(len(row), generator=generator))
    return found
