"""Which lines a recipe teaches, and which it measures on."""

import hashlib
import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from manuscribe.datasets.labelled import LabelledLine
from manuscribe.datasets.lines import read_lines
from manuscribe.datasets.splits import split_lines
from manuscribe.errors import InputError
from manuscribe.training.crew import Crew
from manuscribe.training.form import Section

_logger = logging.getLogger(__name__)


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


@dataclass(frozen=True, slots=True)
class Divided:
    """Lines to learn from, to choose the best epoch by, and to measure on in the end; their texts in normal form."""

    train: list[LabelledLine]
    validation: list[LabelledLine]
    test: Sequence[LabelledLine] = ()


def divide(data: LinesSection, root: Path, seed: int, *, breaks: bool = False) -> Divided:
    """The lines of a stage; paths are relative to `root`.

    Args:
        data: Which lines.
        root: Folder that their paths are relative to.
        seed: Decides which are held out, and which are drawn.
        breaks: Whether the line breaks of paragraphs are kept; they become spaces otherwise.

    Raises:
        InputError: Data are missing, or one side is empty.
        UsageError: Too few groups to hold some out.
    """
    lines = _usable(read_lines(data.lines, root), data, breaks)
    test = _usable(read_lines(data.test_lines, root), data, breaks) or [line for line in lines if line.split == "test"]
    if data.validation_lines:
        train = [line for line in lines if line.split in ("", "train")]
        held = _usable(read_lines(data.validation_lines, root), data, breaks)
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
    """The same, where no image has two uses: what one stage learnt or chose its best epoch by, no other can test.

    Images of test lines are neither validated nor learnt from, those of validation lines not learnt from. That lines
    were validated and tested is logged as a warning, since the figures are then of fewer lines than the data say.

    Raises:
        InputError: Nothing is left to learn from, or to choose by.
    """
    test = {_picture(line) for lines in stages for line in lines.test}
    held = test | {_picture(line) for lines in stages for line in lines.validation}
    apart = [
        replace(lines, train=_others(lines.train, held), validation=_others(lines.validation, test)) for lines in stages
    ]
    if not all(lines.train for lines in apart):
        raise InputError("All lines to learn from are measured on, too.", "Name other validation_lines or test_lines.")
    if not all(lines.validation for lines in apart):
        raise InputError("All validation lines are test lines, too.", "Name other validation_lines or test_lines.")
    twice = sum(len(before.validation) - len(after.validation) for before, after in zip(stages, apart, strict=True))
    if twice and Crew().is_first:
        _logger.warning("%d validation lines are test lines, too: they are not validated.", twice)
    return apart


def _others(lines: Sequence[LabelledLine], pictures: Collection[bytes]) -> list[LabelledLine]:
    return [line for line in lines if _picture(line) not in pictures]


def _picture(line: LabelledLine) -> bytes:
    return hashlib.blake2b(line.encoded(), digest_size=16).digest()


def _usable(lines: Sequence[LabelledLine], data: LinesSection, breaks: bool) -> list[LabelledLine]:
    kept = (line for line in lines if line.page not in data.without)
    return [replace(line, text=text) for line in kept if (text := line.passage if breaks else line.learnt)]


def drawn(lines: list[LabelledLine], count: int | None, seed: int) -> list[LabelledLine]:
    """Some of the lines, in their order; the smaller draw of a seed is part of the larger one."""
    if count is None or count >= len(lines):
        return lines
    chosen = np.random.default_rng(seed).permutation(len(lines))[:count]
    return [lines[number] for number in sorted(chosen)]
