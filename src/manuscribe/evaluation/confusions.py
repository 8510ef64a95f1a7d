"""What is read for what."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from manuscribe.evaluation.counting import align
from manuscribe.evaluation.lines import Pair


@dataclass(frozen=True, slots=True)
class Confusion:
    """A frequent error.

    Attributes:
        truth: The character or word that is written there; empty if something was inserted.
        reading: What was read; empty if it was left out.
        count: How often.
        occurrences: How often `truth` is written in all the lines; 0 if it is empty.
    """

    truth: str
    reading: str
    count: int
    occurrences: int


def confusions_of_characters(pairs: Iterable[Pair], most: int) -> list[Confusion]:
    """The most frequent errors of characters, of texts in the form in which they are compared."""
    return _frequent(pairs, most)


def confusions_of_words(pairs: Iterable[Pair], most: int) -> list[Confusion]:
    """The same of words."""
    return _frequent(((truth.split(), reading.split()) for truth, reading in pairs), most)


def _frequent(pairs: Iterable[tuple[Sequence[str], Sequence[str]]], most: int) -> list[Confusion]:
    errors: Counter[tuple[str, str]] = Counter()
    occurrences: Counter[str] = Counter()
    for truth, reading in pairs:
        occurrences.update(truth)
        if truth != reading:
            errors.update(("".join(p.truth), "".join(p.reading)) for p in align(truth, reading) if not p.right)
    # Equally frequent ones in order of their names: the same readings give the same table.
    first = sorted(errors.items(), key=lambda item: (-item[1], item[0]))[:most]
    return [Confusion(truth, reading, n, occurrences[truth] if truth else 0) for (truth, reading), n in first]
