"""Which lines of a batch a person should check, so that the others together keep a promised error rate.

The promise is about all accepted lines of the batch together, so it is decided when all have been read: `decide` goes
through the documents once and keeps three numbers of each line, `to_check` goes through them again.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import inf
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from manuscribe.document import Document, Line
from manuscribe.readers.trust.review import acceptable, expected_rate, expected_size

NOTHING, UNKNOWN = "nothing read", "no expected CER"
WARNINGS = (
    "failed", "repetition", "truncated", "several lines", "suspect", "unplaced", "unread", "doubtful place"
)  # fmt: skip
"""Beginnings of notes that say that a reading is no good, or not all there is, whatever its expected CER."""


@dataclass(frozen=True, slots=True)
class ReviewSummary:
    """What can be promised of a batch.

    Attributes:
        promise: The error rate that the accepted lines together are to keep.
        lines: All lines.
        accepted: Those that need no check.
        accepted_cer: Errors to expect in the accepted ones, by characters read; `None` if there are none.
        cer: The same of all lines in which something was read; `None` if there are none.
    """

    promise: float
    lines: int
    accepted: int
    accepted_cer: float | None
    cer: float | None

    @property
    def to_check(self) -> int:
        """How many lines a person should check."""
        return self.lines - self.accepted

    @property
    def share(self) -> float:
        """Their share of all lines, 0 to 1."""
        return self.to_check / max(1, self.lines)


@dataclass(frozen=True, slots=True, eq=False)
class Decision:
    """Which lines are accepted.

    Attributes:
        accepted: Of each line of the documents, in order.
        summary: What that comes to.
    """

    accepted: NDArray[np.bool_]
    summary: ReviewSummary


@dataclass(frozen=True, slots=True)
class ReviewLine:
    """A line that a person should check.

    Attributes:
        image: File that it was read from.
        page: Number of its page in the document, from 1 on.
        region: Id of its region.
        number: Its place among all lines of the document, from 1 on.
        line: The line itself.
        why: Why it is listed: `"expected CER 0.12"`, `NOTHING`, `UNKNOWN`, or one of `WARNINGS`.
    """

    image: Path
    page: int
    region: str
    number: int
    line: Line
    why: tuple[str, ...]

    @property
    def expected_errors(self) -> float | None:
        """Errors to expect in the line; `None` where nothing was read, since nobody knows how much is missing."""
        if _is_empty(self.line):
            return None
        rate = np.array(_rate(self.line))
        return float(rate * expected_size(rate, np.array(len(self.line.text))))

    @property
    def gain(self) -> float:
        """What checking it brings, in errors; more than any other where all of a line may be missing."""
        return inf if self.expected_errors is None else self.expected_errors


def decide(documents: Iterable[Document], promise: float) -> Decision:
    """Accept as many lines as together keep a promise.

    Lines that failed, in which nothing was read, or that have a warning among their notes are never accepted.

    Args:
        documents: Of a calibrated reader; lines without expected CER are never accepted either.
        promise: Error rate of all accepted lines together, 0 to 1.
    """
    lines = (line for document in documents for page in document for line in page.lines)
    judged = np.array([(_rate(line), len(line.text), not _warnings(line)) for line in lines], np.float64)
    rates, read, sound = judged.reshape(-1, 3).T
    lengths = expected_size(rates, read)
    accepted = sound > 0
    accepted[accepted] = acceptable(rates[accepted], lengths[accepted], promise)
    summary = ReviewSummary(
        promise,
        lines=len(accepted),
        accepted=int(accepted.sum()),
        accepted_cer=expected_rate(rates[accepted], lengths[accepted]),
        cer=expected_rate(rates, lengths),
    )
    return Decision(accepted, summary)


def to_check(documents: Iterable[tuple[Path, Document]], decision: Decision) -> Iterator[ReviewLine]:
    """The lines that were not accepted, in the order of the documents.

    Args:
        documents: Those that were decided on, each with its image, in the same order.
        decision: What was decided.

    Raises:
        ValueError: There are other documents than were decided on.
    """
    for place, accepted in zip(_places(documents), decision.accepted.tolist(), strict=True):
        if not accepted:
            yield ReviewLine(*place, _why(place[-1]))


def _places(documents: Iterable[tuple[Path, Document]]) -> Iterator[tuple[Path, int, str, int, Line]]:
    """Each line with its image, number of page, region, and number in the document."""
    for image, document in documents:
        lines = (
            (page_number, region.id, line)
            for page_number, page in enumerate(document, start=1)
            for region in page.regions
            for line in region.lines
        )
        for number, (page_number, region, line) in enumerate(lines, start=1):
            yield image, page_number, region, number, line


def _why(line: Line) -> tuple[str, ...]:
    return _warnings(line) or (f"expected CER {line.expected_cer:.2g}",)


def _warnings(line: Line) -> tuple[str, ...]:
    """Why a line is to be checked whatever its expected CER; empty for most."""
    kinds = dict.fromkeys(note.partition(":")[0] for note in line.notes)
    found = tuple(kind for kind in kinds if kind in WARNINGS)
    if _is_empty(line):
        return found or (NOTHING,)
    return found if line.expected_cer is not None else (*found, UNKNOWN)


def _is_empty(line: Line) -> bool:
    return not line.text.strip()


def _rate(line: Line) -> float:
    return 1.0 if line.expected_cer is None else line.expected_cer
