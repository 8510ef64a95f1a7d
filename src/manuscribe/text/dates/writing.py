"""Writing the dates of a text in one convention."""

import re
from typing import Literal, get_args

from manuscribe.errors import UsageError
from manuscribe.text.dates.finding import find_dates
from manuscribe.text.dates.numerals import NUMERALS

Convention = Literal["iso", "roman", "keep"]
CONVENTIONS: tuple[Convention, ...] = get_args(Convention)

_WHOLE = re.compile(r"[0-9]{4}\??-[0-9]{2}-[0-9]{2}")
_AS_WRITTEN = re.compile(r"(?:XX)?([0-9]{2,4})-([0-9]{2})-([0-9]{2})")


def write_dates(text: str, convention: Convention, *, language: str | None = None, near: int | None = None) -> str:
    """The text with its dates in one convention.

    Only dates with day, month and year are written anew. Dates that are impossible, incomplete or uncertain in the
    order of their numbers stay as they are, and so does all the rest of the text.

    Args:
        text: Any.
        convention: `"iso"` writes 1937-10-12, and two-digit years only where `near` supplies the century (1937?-10-12);
            `"roman"` writes 12.X.1937, with as many digits of the year as the text has; `"keep"` changes nothing.
        language: As for `find_dates`.
        near: As for `find_dates`.

    Raises:
        UsageError: The convention or the language is not known, or `near` is no year.
    """
    if convention not in CONVENTIONS:
        raise UsageError(f"No convention '{convention}' of dates.", f"Choose one of {', '.join(CONVENTIONS)}.")
    write = _iso if convention == "iso" else _roman
    parts, done = [], 0
    # In Roman style a year keeps its two digits, so the century is not supplied.
    for date in find_dates(text, language=language, near=near if convention == "iso" else None):
        written = write(date.edtf) if date.edtf and convention != "keep" else None
        if written is not None:
            parts += [text[done : date.start], written]
            done = date.end
    return "".join([*parts, text[done:]])


def _iso(edtf: str) -> str | None:
    return edtf if all(_WHOLE.fullmatch(end) for end in edtf.split("/")) else None


def _roman(edtf: str) -> str | None:
    ends = [_AS_WRITTEN.fullmatch(end) for end in edtf.split("/")]
    written = [f"{int(end[3])}.{NUMERALS[int(end[2]) - 1]}.{end[1]}" for end in ends if end]
    return "–".join(written) if len(written) == len(ends) else None
