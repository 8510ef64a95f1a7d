"""Finding dates in text."""

import re
from dataclasses import dataclass

from manuscribe.errors import UsageError
from manuscribe.text.charset import LANGUAGES
from manuscribe.text.dates.calendars import ImpossibleDate
from manuscribe.text.dates.folding import fold
from manuscribe.text.dates.meanings import MEANINGS, Circumstances, Match, Meaning

_DIGIT = re.compile("[0-9]")
_UKRAINIAN_LETTERS = re.compile("[іїєґ]", re.IGNORECASE)


@dataclass(frozen=True)
class Date:
    """A date in a text.

    Attributes:
        text: As it is written there, `text[start:end]`.
        start: Where it begins, in characters.
        end: Where it ends.
        edtf: The date as EDTF writes it; an interval for a range. `None` where no calendar has such a date.
        reason: Why it is impossible; empty where it is possible.
    """

    text: str
    start: int
    end: int
    edtf: str | None
    reason: str = ""

    @property
    def possible(self) -> bool:
        """Whether a calendar has this date."""
        return self.edtf is not None


def find_dates(text: str, *, language: str | None = None, near: int | None = None) -> list[Date]:
    """All dates of a text, in order.

    Args:
        text: Of any length and in any normal form.
        language: Of the document, one of `LANGUAGES`; its names of months are read, and Russian and Ukrainian ones
            together. `None` reads all of them. Numbers stand in the order day, month, year; in English, where that is
            not known, such dates are marked uncertain.
        near: A year near which the document was written; supplies the century of years with two digits, which are
            marked uncertain then.

    Raises:
        UsageError: The language is not known, or `near` is no year from 1000 to 2099.
    """
    if language is not None and language not in LANGUAGES:
        raise UsageError(f"Dates in the language '{language}' are not known.", f"Known: {', '.join(LANGUAGES)}.")
    if near is not None and not 1000 <= near <= 2099:
        raise UsageError(f"No document is from near the year {near}.", "Give a year from 1000 to 2099.")
    folded, places = fold(text)
    if not _DIGIT.search(folded):
        return []  # there is one in every date, and in few lines
    ukrainian = language == "uk" or (language is None and bool(_UKRAINIAN_LETTERS.search(folded)))
    known = Circumstances(language, near, ukrainian)
    taken = bytearray(len(folded))
    dates = []
    for pattern, meaning in MEANINGS:
        for match in pattern.finditer(folded):
            begin, end = match.span("date")
            found = None if any(taken[begin:end]) else _understand(match, meaning, known)
            if found is not None:
                taken[begin:end] = b"\1" * (end - begin)
                start, stop = places[begin], places[end]
                dates.append(Date(text[start:stop], start, stop, *found))
    return sorted(dates, key=lambda date: date.start)


def _understand(match: Match, meaning: Meaning, known: Circumstances) -> tuple[str | None, str] | None:
    """The EDTF string, or why there is none; `None` where the match is no date."""
    try:
        edtf = meaning(match, known)
    except ImpossibleDate as impossible:
        return None, str(impossible)
    return None if edtf is None else (edtf, "")
