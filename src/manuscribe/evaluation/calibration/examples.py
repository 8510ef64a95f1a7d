"""Readings of lines whose text is known, with their signals, and what of them is right."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

from manuscribe.datasets.labelled import LabelledLine
from manuscribe.readers.protocol import LineReader
from manuscribe.readers.trust.features import Evidence, evidence_of
from manuscribe.readers.trust.trusted import read_with_signals
from manuscribe.text.charset import normalise

Truths = NDArray[np.bool_]
_TOGETHER = 64  # lines whose images are in memory together


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """A reading with what is right in it; nothing where nothing was read.

    Attributes:
        characters: Whether each character is right, N: whether it belongs to what text and truth have in common.
        words: The same of each word, W, as a word error rate counts it.
        errors: The edit distance from the truth.
        length: Characters of the truth.
        unit: The writer or document.
        source: The collection that it comes from.
    """

    evidence: Evidence
    characters: Truths
    words: Truths
    errors: int
    length: int
    unit: str
    source: str

    @property
    def exact(self) -> bool:
        """Whether the line is right altogether."""
        return self.errors == 0

    @property
    def read(self) -> int:
        """Characters that were read."""
        return len(self.evidence.text)


def examples_of(
    reader: LineReader,
    lines: Sequence[LabelledLine],
    watch: Callable[[Sequence[Any]], Iterable[Any]] = lambda items: items,
) -> list[Example]:
    """Read lines and compare; truth and reading in their normal form.

    Raises:
        InputError: An image cannot be opened.
    """
    found: list[Example] = []
    for start in watch(range(0, len(lines), _TOGETHER)):
        some = lines[start : start + _TOGETHER]
        images = [line.rgb() for line in some]
        for line, image, (reading, signals) in zip(some, images, read_with_signals(reader, images), strict=True):
            found.append(_example(line, evidence_of(reading, signals, image), len(found)))
    return found


def _example(line: LabelledLine, evidence: Evidence, number: int) -> Example:
    truth, text = line.learnt, normalise("".join(evidence.text))
    # Each character in its normal form, so that a typographic quote is no error here either.
    characters = [normalise(one) or one[:1] if not one.isspace() else " " for one in evidence.text]
    words = ["".join(characters[start:end]) for start, end in evidence.words]
    return Example(
        evidence,
        _shared(truth, characters),
        _shared(truth.split(), words),
        Levenshtein.distance(truth, text),
        len(truth),
        f"{line.source} {line.group}" if line.group else f"line {number}",
        line.source,
    )


def _shared(truth: Sequence[str], read: Sequence[str]) -> Truths:
    """Which parts of what was read a shortest alignment with the truth leaves as they are."""
    right = np.zeros(len(read), np.bool_)
    for block in Levenshtein.opcodes(list(truth), list(read)):
        if block.tag == "equal":
            right[block.dest_start : block.dest_end] = True
    return right
