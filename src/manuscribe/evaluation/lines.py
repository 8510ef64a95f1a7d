"""How well lines were read."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from manuscribe.datasets.labelled import LabelledLine
from manuscribe.evaluation.metrics import character_error_rate, word_error_rate
from manuscribe.readers.protocol import LineReader
from manuscribe.text.charset import normalise

Pair = tuple[str, str]
"""What is written there, and what was read."""
_TOGETHER = 64  # lines whose images are in memory together


@dataclass(frozen=True, slots=True)
class Figures:
    """Error rates of some lines, over all of their characters and words; `exact` is the share without any error."""

    lines: int
    cer: float
    wer: float
    exact: float


def read_with(reader: LineReader, lines: Sequence[LabelledLine]) -> list[Pair]:
    """What is written in lines, and what a reader reads; not all images are in memory at once."""
    pairs: list[Pair] = []
    for start in range(0, len(lines), _TOGETHER):
        some = lines[start : start + _TOGETHER]
        readings = reader.read([line.rgb() for line in some])
        pairs += [(line.text, reading.text) for line, reading in zip(some, readings, strict=True)]
    return pairs


def figures_of(pairs: Sequence[Pair]) -> Figures:
    """The figures of some readings; texts are compared in their normal form (`text.charset.normalise`)."""
    exact = sum(normalise(text) == normalise(read) for text, read in pairs)
    return Figures(len(pairs), character_error_rate(pairs), word_error_rate(pairs), exact / max(1, len(pairs)))


def figures_by(pairs: Iterable[Pair], keys: Iterable[str]) -> dict[str, Figures]:
    """The figures of the readings of each key, a label for example."""
    found: dict[str, list[Pair]] = {}
    for pair, key in zip(pairs, keys, strict=True):
        found.setdefault(key, []).append(pair)
    return {key: figures_of(found[key]) for key in sorted(found)}


_LENGTHS = ((10, "1-9"), (25, "10-24"), (50, "25-49"))


def length_of(text: str) -> str:
    """A text's bucket of length, in characters."""
    return next((name for edge, name in _LENGTHS if len(text) < edge), "50 and more")
