"""What a recipe says of a stage: on which lines, with what adapter, how long."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Self

import numpy as np
from pydantic import Field, field_validator, model_validator

from manuscribe.datasets.augmentation.policy import PRESETS, Policy, preset
from manuscribe.datasets.labelled import LabelledLine
from manuscribe.datasets.lines import read_lines
from manuscribe.datasets.splits import split_lines
from manuscribe.errors import InputError
from manuscribe.training.form import Section

Kind = Literal["none", "lora", "dora"]
Part = Literal["encoder", "decoder"]


class LinesSection(Section):
    """Lines to learn from, and lines to measure on.

    Attributes:
        lines: Glob patterns of data sets. Lines whose split is `validation` or `test` are not learnt from.
        validation_lines: Data sets to measure on; left out, the lines of the split `validation` are taken, and where
            none has a split, some are held out.
        test_lines: Data sets that are read once, when all is done: the figures to be believed, since the best epoch is
            chosen by the validation lines. Left out, the lines of the split `test` are taken, if there are any.
        validation: Share that is then held out.
        by: What is held out: whole `group`s, or single `line`s.
        without: Values of `page` that are left out.
        limit: Lines to learn from, drawn evenly; all if left out.
        most_validated: Lines that are measured on at most.
    """

    lines: tuple[str, ...]
    validation_lines: tuple[str, ...] = ()
    test_lines: tuple[str, ...] = ()
    validation: float = Field(default=0.1, gt=0, lt=0.9)
    by: Literal["group", "line"] = "group"
    without: tuple[str, ...] = ()
    limit: int | None = Field(default=None, gt=0)
    most_validated: int = Field(default=500, gt=0)


class Stage(Section):
    """One stage of a recipe.

    Attributes:
        adapter: `lora` (arXiv 2106.09685), `dora` (2402.09353), or `none`: all weights that are not frozen.
        rank: Of the adapter's matrices.
        alpha: The adapter's change is multiplied with alpha / rank.
        targets: Which modules the adapter changes: `attn`, `ffn`, `attn_ffn`, `all` (also the bridge between encoder
            and decoder), or a regular expression that fits whole names of modules.
        parts: Whether it changes encoder, decoder or both.
        freeze: Parts that stay as they are where there is no adapter.
        freeze_layers: The encoder's first layers (and what is before them) that stay as they are.
        augment: Name of a policy by which each line is varied each time; none if left out.
        learning_rate: Peak.
        warmup: Share of the steps in which the rate rises.
        batch: Lines in a step of one process, before accumulation.
        accumulation: Batches whose gradients make one step.
        precision: `auto` is bf16 where the hardware has it.
        patience: Epochs without a better CER after which the stage ends.
        beams: Width of the search when the validation lines are read.
        merge: Whether the adapter becomes part of the weights in the end; only the last stage may leave it apart.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    data: LinesSection
    adapter: Kind = "lora"
    rank: int = Field(default=32, gt=0)
    alpha: float = Field(default=64, gt=0)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    targets: str = "attn_ffn"
    parts: tuple[Part, ...] = ("encoder", "decoder")
    freeze: tuple[Part, ...] = ()
    freeze_layers: int = Field(default=0, ge=0)
    augment: str | None = None
    optimiser: Literal["adamw", "adafactor"] = "adamw"
    learning_rate: float = Field(default=2e-4, gt=0)
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    warmup: float = Field(default=0.1, ge=0, lt=1)
    weight_decay: float = Field(default=0.01, ge=0)
    clip: float = Field(default=1.0, gt=0)
    batch: int = Field(default=4, gt=0)
    accumulation: int = Field(default=1, gt=0)
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    epochs: int = Field(default=10, gt=0)
    patience: int = Field(default=6, gt=0)
    beams: int = Field(default=1, ge=1, le=100)
    checkpoint_minutes: float = Field(default=10, gt=0)
    merge: bool = True

    @field_validator("augment")
    @classmethod
    def _known(cls, value: str | None) -> str | None:
        if value is not None and value not in PRESETS:
            raise ValueError(f"there is no policy '{value}'; there are {', '.join(PRESETS)}")
        return value

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.parts:
            raise ValueError("parts must name encoder or decoder")
        if self.adapter == "none" and {"encoder", "decoder"} <= set(self.freeze):
            raise ValueError("encoder and decoder are both frozen: nothing would be learnt")
        if self.adapter != "none" and (self.freeze or self.freeze_layers):
            raise ValueError("an adapter leaves the weights alone; say with parts and targets where it is")
        return self

    @property
    def policy(self) -> Policy | None:
        """How lines are varied."""
        return None if self.augment is None else preset(self.augment)


@dataclass(frozen=True, slots=True)
class Divided:
    """Lines to learn from, to choose the best epoch by, and to measure on in the end; their texts in normal form."""

    train: list[LabelledLine]
    validation: list[LabelledLine]
    test: Sequence[LabelledLine] = ()


def divide(data: LinesSection, root: Path, seed: int) -> Divided:
    """The lines of a stage; paths are relative to `root`.

    Raises:
        InputError: Data are missing, or one side is empty.
        UsageError: Too few groups to hold some out.
    """
    lines = _usable(read_lines(data.lines, root), data)
    test = _usable(read_lines(data.test_lines, root), data) or [line for line in lines if line.split == "test"]
    if data.validation_lines:
        train = [line for line in lines if line.split in ("", "train")]
        held = _usable(read_lines(data.validation_lines, root), data)
    else:
        if any(line.split for line in lines) and not all(line.split for line in lines):
            raise InputError(
                f"Some lines of {', '.join(data.lines)} have a split, others have none.",
                "Divide them all with `manuscribe data split`, or name validation_lines.",
            )
        if not any(line.split for line in lines):
            shares = {"train": 1 - data.validation, "validation": data.validation}
            lines = split_lines(lines, shares, by=data.by, seed=seed)
        train = [line for line in lines if line.split == "train"]
        held = [line for line in lines if line.split == "validation"]
    for side, found in (("to learn from", train), ("to measure on", held)):
        if not found:
            raise InputError(f"There is no line {side} in {', '.join(data.lines)}.", "Check texts and splits.")
    return Divided(drawn(train, data.limit, seed), drawn(held, data.most_validated, seed), test)


def kept_apart(stages: Sequence[Divided]) -> list[Divided]:
    """The same without lines to learn from whose image any stage measures on: what one stage learnt, no other can test.

    Raises:
        InputError: Nothing is left to learn from.
    """
    held = {_picture(line) for lines in stages for line in (*lines.validation, *lines.test)}
    apart = [replace(lines, train=[line for line in lines.train if _picture(line) not in held]) for lines in stages]
    if not all(lines.train for lines in apart):
        raise InputError("All lines to learn from are measured on, too.", "Name other validation_lines or test_lines.")
    return apart


def _picture(line: LabelledLine) -> bytes:
    return hashlib.blake2b(line.encoded(), digest_size=16).digest()


def _usable(lines: Sequence[LabelledLine], data: LinesSection) -> list[LabelledLine]:
    kept = (line for line in lines if line.page not in data.without)
    return [replace(line, text=text) for line in kept if (text := line.learnt)]


def drawn(lines: list[LabelledLine], count: int | None, seed: int) -> list[LabelledLine]:
    """Some of the lines, in their order; the smaller draw of a seed is part of the larger one."""
    if count is None or count >= len(lines):
        return lines
    chosen = np.random.default_rng(seed).permutation(len(lines))[:count]
    return [lines[number] for number in sorted(chosen)]
