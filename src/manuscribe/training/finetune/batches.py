"""Lines as the model learns from them: images prepared as for reading, texts as tokens, of like length together."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from manuscribe.datasets.augmentation.policy import Policy
from manuscribe.datasets.labelled import LabelledLine
from manuscribe.errors import InputError
from manuscribe.readers.trocr.images import columns_of, prepare
from manuscribe.training.finetune.model import IGNORED, Pupil

_TOGETHER = 50  # batches that are sorted by length; between them, chance decides


class TaughtLines(Dataset[dict[str, Any]]):
    """Lines to learn from.

    Args:
        policy: How each line is varied each time, which depends on seed, epoch and line alone.

    Raises:
        InputError: A text has more tokens than the model writes, or characters that its tokens do not express.
    """

    def __init__(self, lines: Sequence[LabelledLine], pupil: Pupil, policy: Policy | None, seed: int) -> None:
        self._lines, self._pupil, self._policy, self._seed = lines, pupil, policy, seed
        self.epoch = 0
        self._labels = [_labels(line, pupil) for line in lines]

    def __len__(self) -> int:
        return len(self._lines)

    @property
    def lengths(self) -> list[int]:
        """What a batch is padded by: tokens."""
        return [len(labels) for labels in self._labels]

    def __getitem__(self, number: int) -> dict[str, Any]:
        line = self._lines[number]
        image = line.rgb()
        if self._policy:
            rng = np.random.default_rng((self._seed, self.epoch, number))
            image = self._policy.vary(image, line.label, rng)
        return {"image": image, "labels": self._labels[number]}


def _labels(line: LabelledLine, pupil: Pupil) -> list[int]:
    settings = pupil.configuration.generation
    tokens = pupil.tokens.tokens(line.text)
    labels = [*pupil.begins, *tokens, settings.eos_token_id[0]]
    # The start token counts, too.
    if len(labels) >= settings.max_length:
        raise InputError(
            f"The text of {line.name} has {len(tokens)} tokens, more than the model writes.",
            "Find all such lines with `manuscribe data check --reader`.",
        )
    if pupil.tokens.text(tokens).strip() != line.text:
        raise InputError(
            f"The text of {line.name} has characters that the model's tokens do not express.",
            "Find them with `manuscribe data check --reader`.",
        )
    return labels


class Collator:
    """Puts lines into a batch: `pixel_values` B×3×H×W and `labels` B×T, padded so that padding is not learnt."""

    def __init__(self, pupil: Pupil) -> None:
        self._configuration, self._wide = pupil.configuration, pupil.is_wide

    def __call__(self, items: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """The batch, as the model's arguments."""
        longest = max(len(item["labels"]) for item in items)
        labels = torch.full((len(items), longest), IGNORED)
        for row, item in zip(labels, items, strict=True):
            row[: len(item["labels"])] = torch.tensor(item["labels"])
        batch: dict[str, Any] = {"pixel_values": self._pixels([item["image"] for item in items]), "labels": labels}
        return batch | ({"interpolate_pos_encoding": True} if self._wide else {})

    def _pixels(self, images: Sequence[NDArray[np.uint8]]) -> Tensor:
        settings, encoder = self._configuration.preprocessing, self._configuration.encoder
        if not self._wide:
            return torch.from_numpy(np.stack([prepare(image, settings) for image in images]))
        height, across = settings.size[0], encoder.patch_size[1]
        widths = [columns_of(image, encoder) * across for image in images]
        ready = [
            prepare(image, settings.model_copy(update={"size": (height, width)}))
            for image, width in zip(images, widths, strict=True)
        ]
        # transformers' encoder sees padding, unlike ours: it is given paper there.
        return torch.from_numpy(np.stack([_padded(image, max(widths)) for image in ready]))


def _padded(image: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    padded = np.empty((*image.shape[:2], width), np.float32)
    padded[:] = np.median(image, axis=(1, 2))[:, None, None]
    padded[:, :, : image.shape[2]] = image
    return padded


class ByLength(Sampler[int]):
    """Lines of like length one after the other, so that little is padded; another order in each epoch.

    Source: bucketing, as in transformers' `LengthGroupedSampler`, but from seed and epoch alone, so that it resumes.
    """

    def __init__(self, lines: TaughtLines, batch: int, seed: int) -> None:
        self._lines, self._batch, self._seed = lines, batch, seed

    def __len__(self) -> int:
        return len(self._lines)

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes; the lines' variation follows it."""
        self._lines.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        rng = np.random.default_rng((self._seed, self._lines.epoch))
        lengths = np.array(self._lines.lengths)
        order = rng.permutation(len(lengths))
        chunk = self._batch * _TOGETHER
        rows = [
            part[np.argsort(-lengths[part], kind="stable")] for part in np.split(order, range(chunk, len(order), chunk))
        ]
        batches = [row[n : n + self._batch] for row in rows for n in range(0, len(row), self._batch)]
        # Only the last may be short, or the batches would be cut elsewhere.
        whole = [batch for batch in batches if len(batch) == self._batch]
        rest = [batch for batch in batches if len(batch) < self._batch]
        for place in rng.permutation(len(whole)):
            yield from whole[place].tolist()
        for batch in rest:
            yield from batch.tolist()
