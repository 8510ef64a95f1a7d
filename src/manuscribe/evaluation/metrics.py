"""Error rates of transcriptions."""

from collections.abc import Iterable, Sequence

from manuscribe.evaluation.counting import Counts, count
from manuscribe.text.charset import normalise


def character_error_rate(pairs: Iterable[tuple[str, str]]) -> float:
    """Edit distance over reference length, summed over all pairs of (reference, reading); 0 for nothing at all.

    Texts are compared in their normal form (`text.charset.normalise`). May exceed 1 where much was invented.
    """
    return _error_rate((normalise(reference), normalise(reading)) for reference, reading in pairs)


def word_error_rate(pairs: Iterable[tuple[str, str]]) -> float:
    """As `character_error_rate`, over words between spaces."""
    return _error_rate((normalise(reference).split(), normalise(reading).split()) for reference, reading in pairs)


def _error_rate(pairs: Iterable[tuple[Sequence[str], Sequence[str]]]) -> float:
    return sum((count(reference, reading) for reference, reading in pairs), Counts()).rate
