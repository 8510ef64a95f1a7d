"""Lines as a TrOCR model learns from them: images prepared as for reading, texts as tokens."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from manuscribe.datasets.augmentation.policy import Policy
from manuscribe.datasets.labelled import LabelledLine
from manuscribe.errors import InputError
from manuscribe.readers.trocr.images import columns_of, prepare
from manuscribe.training.finetune.pupil import IGNORED
from manuscribe.training.finetune.trocr.model import TrocrPupil
from manuscribe.training.finetune.trocr.states import States, states_together


class TaughtLines(Dataset[dict[str, Any]]):
    """Lines to learn from.

    Args:
        policy: How each line is varied each time, which depends on seed, epoch and line alone.

    Attributes:
        states: What the encoder makes of the lines, where it stays as it is: then images are not looked at any more.

    Raises:
        InputError: A text has more tokens than the model writes, or characters that its tokens do not express; or an
            image cannot be read, which is found here and not after an hour.
    """

    def __init__(self, lines: Sequence[LabelledLine], pupil: TrocrPupil, policy: Policy | None, seed: int) -> None:
        self._lines, self._pupil, self._policy, self._seed = lines, pupil, policy, seed
        self.epoch = 0
        self.states: States | None = None
        self._labels = [_labels(line, pupil) for line in lines]
        self._columns = [columns_of(line.rgb(), pupil.configuration.encoder) for line in lines]

    def __len__(self) -> int:
        return len(self._lines)

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes: of several processes that resume, accelerate asks the lines and not the sampler."""
        self.epoch = epoch

    @property
    def is_varied(self) -> bool:
        """Whether a line looks different each time."""
        return self._policy is not None

    @property
    def lengths(self) -> list[tuple[int, int]]:
        """What a batch is padded by, the dearest first: columns of patches where lines are wide, and tokens."""
        columns = self._columns if self._pupil.is_wide else [0] * len(self._lines)
        return [(wide, len(labels)) for wide, labels in zip(columns, self._labels, strict=True)]

    def __getitem__(self, number: int) -> dict[str, Any]:
        if self.states:
            return {"states": self.states[number], "labels": self._labels[number]}
        line = self._lines[number]
        image = line.rgb()
        if self._policy:
            rng = np.random.default_rng((self._seed, self.epoch, number))
            image = self._policy.vary(image, line.label, rng)
        return {"image": image, "labels": self._labels[number]}


def _labels(line: LabelledLine, pupil: TrocrPupil) -> list[int]:
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
    """Puts lines into a batch: `pixel_values` B×3×H×W and `labels` B×T, padded so that padding is not learnt.

    In place of images there may be an encoder's states; see `states.with_states`.
    """

    def __init__(self, pupil: TrocrPupil) -> None:
        self._configuration, self._wide = pupil.configuration, pupil.is_wide

    def __call__(self, items: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """The batch, as the model's arguments."""
        longest = max(len(item["labels"]) for item in items)
        labels = torch.full((len(items), longest), IGNORED)
        for row, item in zip(labels, items, strict=True):
            row[: len(item["labels"])] = torch.tensor(item["labels"])
        if "states" in items[0]:
            return states_together([item["states"] for item in items]) | {"labels": labels}
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
    # Every fourth pixel tells the paper's colour as well, in a sixteenth of the time.
    padded[:] = np.median(image[:, ::4, ::4], axis=(1, 2))[:, None, None]
    padded[:, :, : image.shape[2]] = image
    return padded
