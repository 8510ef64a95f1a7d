"""Counting errors: the one place where two texts are aligned.

The alignment is a shortest one (Levenshtein 1966), as rapidfuzz finds it. Their number of errors is the same for all
shortest alignments; how many of them are substitutions is not always, so that is rapidfuzz's choice, which jiwer
shares: the counts are jiwer's.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rapidfuzz.distance import Levenshtein


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the characters, or of the words, of a truth; counts add up.

    Attributes:
        hits: Read as they are.
        substitutions: Read as something else.
        deletions: In the truth, not in the reading.
        insertions: In the reading, not in the truth.
    """

    hits: int = 0
    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0

    @property
    def errors(self) -> int:
        """All three kinds together: the edit distance."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def length(self) -> int:
        """Of the truth."""
        return self.hits + self.substitutions + self.deletions

    @property
    def rate(self) -> float:
        """Errors over length; above 1 where much was invented. Of an empty truth: 0 if nothing was read, else 1."""
        return self.errors / self.length if self.length else float(self.errors > 0)

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.hits + other.hits,
            self.substitutions + other.substitutions,
            self.deletions + other.deletions,
            self.insertions + other.insertions,
        )


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of an alignment: what is written there and what was read, one of them perhaps nothing."""

    truth: tuple[str, ...]
    reading: tuple[str, ...]

    @property
    def right(self) -> bool:
        """Whether both are the same."""
        return self.truth == self.reading


def count(truth: Sequence[str], reading: Sequence[str]) -> Counts:
    """Count the errors of a reading, as it is given: characters of strings, words of lists."""
    kinds = [operation.tag for operation in Levenshtein.editops(truth, reading)]
    substitutions, deletions = kinds.count("replace"), kinds.count("delete")
    hits = len(truth) - substitutions - deletions
    return Counts(hits, substitutions, deletions, len(kinds) - substitutions - deletions)


def align(truth: Sequence[str], reading: Sequence[str]) -> Iterator[Piece]:
    """The alignment that `count` counts, from the start: runs that are right in one piece, errors one by one."""
    for block in Levenshtein.opcodes(truth, reading):
        there, read = truth[block.src_start : block.src_end], reading[block.dest_start : block.dest_end]
        if block.tag == "equal":
            yield Piece(tuple(there), tuple(read))
        elif block.tag == "replace":
            yield from (Piece((one,), (other,)) for one, other in zip(there, read, strict=True))
        else:
            yield from (Piece((one,), ()) for one in there)
            yield from (Piece((), (other,)) for other in read)
