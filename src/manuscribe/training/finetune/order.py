"""The order in which lines are learnt: those of like length together."""

from collections.abc import Iterator

import numpy as np
from torch.utils.data import Sampler

from manuscribe.training.finetune.pupil import Taught

_TOGETHER = 50  # batches that are sorted by length; between them, chance decides


class ByLength(Sampler[int]):
    """Lines of like length one after the other, so that little is padded; another order in each epoch.

    Args:
        batch: Lines of a step, of all processes and accumulated batches: the same lines make a step however they are
            divided among these.

    Source: bucketing, as in transformers' `LengthGroupedSampler`, but from seed and epoch alone, so that it resumes.
    """

    def __init__(self, lines: Taught, batch: int, seed: int) -> None:
        self._lines, self._batch, self._seed = lines, batch, seed

    def __len__(self) -> int:
        return len(self._lines)

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes; the lines' variation follows it."""
        self._lines.set_epoch(epoch)

    def __iter__(self) -> Iterator[int]:
        rng = np.random.default_rng((self._seed, self._lines.epoch))
        columns, tokens = np.array(self._lines.lengths).T
        order = rng.permutation(len(columns))
        chunk = self._batch * _TOGETHER
        rows = [
            part[np.lexsort((-tokens[part], -columns[part]))]
            for part in np.split(order, range(chunk, len(order), chunk))
        ]
        batches = [row[n : n + self._batch] for row in rows for n in range(0, len(row), self._batch)]
        # Only the last may be short, or the batches would be cut elsewhere.
        whole = [batch for batch in batches if len(batch) == self._batch]
        rest = [batch for batch in batches if len(batch) < self._batch]
        for place in rng.permutation(len(whole)):
            yield from whole[place].tolist()
        for batch in rest:
            yield from batch.tolist()
