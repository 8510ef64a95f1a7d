"""Images and texts as a vision-language model learns from them: a prompt, and an answer that alone is learnt."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from manuscribe.datasets.augmentation.policy import Policy
from manuscribe.datasets.labelled import LabelledLine
from manuscribe.errors import InputError
from manuscribe.training.finetune.pupil import IGNORED
from manuscribe.training.finetune.vlm.pupil import VlmPupil


class TaughtAnswers(Dataset[dict[str, Any]]):
    """Words, lines and paragraphs to learn from.

    Args:
        policy: How each image is varied each time, which depends on seed, epoch and image alone.

    Raises:
        InputError: A text has no words, or more tokens than the model has places; or an image cannot be read, which is
            found here and not after an hour.
    """

    def __init__(self, lines: Sequence[LabelledLine], pupil: VlmPupil, policy: Policy | None, seed: int) -> None:
        self._lines, self._pupil, self._policy, self._seed = lines, pupil, policy, seed
        self.epoch = 0
        self._answers = [_answer(line, pupil) for line in lines]
        for line in lines:
            line.rgb()

    def __len__(self) -> int:
        return len(self._lines)

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes; the images' variation follows it."""
        self.epoch = epoch

    @property
    def lengths(self) -> list[tuple[int, int]]:
        """What a batch is padded by: the answers' tokens."""
        return [(0, len(answer)) for answer in self._answers]

    def __getitem__(self, number: int) -> dict[str, Any]:
        line = self._lines[number]
        image = line.rgb()
        if self._policy:
            rng = np.random.default_rng((self._seed, self.epoch, number))
            image = self._policy.vary(image, line.label, rng)
        asked = self._pupil.processor.inputs(image, self._pupil.prompt, self._pupil.size)
        return {"asked": asked, "answer": self._answers[number]}


def _answer(line: LabelledLine, pupil: VlmPupil) -> list[int]:
    tokens = pupil.processor.tokenizer.encode(line.text, add_special_tokens=False).ids
    if not line.text.strip():
        raise InputError(f"{line.name} has no text.", "Find all such lines with `manuscribe data check`.")
    if len(tokens) >= pupil.longest:
        raise InputError(
            f"The text of {line.name} has {len(tokens)} tokens; the model has {pupil.longest} places, the image's too.",
            "Leave it out, or cut it into lines.",
        )
    return [*tokens, pupil.end]


class Together:
    """Puts images and answers into a batch, padded behind so that padding is neither seen nor learnt."""

    def __init__(self, pupil: VlmPupil) -> None:
        self._pupil = pupil

    def __call__(self, items: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """The batch, as the model's arguments: tokens B×T with `labels`, and what its images are shown as."""
        whole = [_with_answer(item["asked"], item["answer"]) for item in items]
        longest = max(one["input_ids"].shape[1] for one in whole)
        names = {name for one in whole for name in one}
        dtype = self._pupil.model.dtype
        batch: dict[str, Any] = {}
        for name in sorted(names):
            parts = [one[name] for one in whole if name in one]
            if _stands_for_tokens(name, whole[0]):
                batch[name] = torch.cat([_padded(part, longest, self._padding(name)) for part in parts])
            elif isinstance(parts[0], Tensor):
                joined = torch.cat(parts)
                batch[name] = joined.to(dtype) if joined.is_floating_point() else joined
            else:
                batch[name] = [entry for part in parts for entry in part]
        return batch

    def _padding(self, name: str) -> int:
        return {"input_ids": self._pupil.end, "labels": IGNORED}.get(name, 0)


def _with_answer(asked: dict[str, Any], answer: list[int]) -> dict[str, Any]:
    tokens = torch.tensor([answer])
    before = asked["input_ids"].shape[1]
    found = dict(asked)
    for name, value in asked.items():
        if _stands_for_tokens(name, asked):
            more = {"input_ids": tokens, "attention_mask": torch.ones_like(tokens)}.get(name, torch.zeros_like(tokens))
            found[name] = torch.cat([value, more.to(value.dtype)], dim=1)
    found["labels"] = torch.cat([torch.full((1, before), IGNORED), tokens], dim=1)
    return found


def _stands_for_tokens(name: str, inputs: dict[str, Any]) -> bool:
    """Whether an input has a value for each token."""
    value = inputs.get(name)
    return isinstance(value, Tensor) and value.ndim == 2 and value.shape == inputs["input_ids"].shape


def _padded(row: Tensor, length: int, value: int) -> Tensor:
    return torch.nn.functional.pad(row, (0, length - row.shape[1]), value=value)
