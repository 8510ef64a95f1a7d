"""What is done to a line that a reader has read: look-alikes are put right, then dates are found."""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import accumulate

from manuscribe.document import Alternative, Character, Line, WrittenDate
from manuscribe.reading.options import ReadingOptions
from manuscribe.text.charset import LANGUAGES, SCRIPTS, script
from manuscribe.text.dates import Convention, find_dates, write_dates
from manuscribe.text.lookalikes import Change, repair


def finished(line: Line, options: ReadingOptions) -> Line:
    """The line as it goes into a document.

    What a person should know of it is in its notes: `look-alikes: c at 0, a at 10 made Cyrillic`, with places in the
    text from 0 on, and `impossible date: 31.02.1937 (1937-02 has no day 31)`.
    """
    # A reader from elsewhere may know other languages: of those nothing is known here.
    language = options.language if options.language in LANGUAGES else None
    if options.lookalikes:
        line = _repaired(line, language)
    return line if options.dates is None else _dated(line, options.dates, language, options.dates_near)


def _repaired(line: Line, language: str | None) -> Line:
    """The line with look-alikes put right in text, characters and alternatives; confidences stay what they were.

    Alternatives are repaired too, lest choosing one brings back what was put right.
    """
    found = repair(line.text, language=language)
    if found.changes and _letters_have_places(line):
        characters = _spelling(line.characters, found.text)
        line = replace(line, text=found.text, characters=characters, notes=(*line.notes, *_told(found.changes)))
    return replace(line, alternatives=tuple(_other_readings(line.alternatives, line.text, language)))


def _letters_have_places(line: Line) -> bool:
    """Whether the line is as a reader should give it; of another one nobody could say which character changes."""
    spelt = "".join(character.text for character in line.characters)
    return unicodedata.is_normalized("NFC", line.text) and spelt in ("", line.text)


def _spelling(characters: Sequence[Character], text: str) -> tuple[Character, ...]:
    """The characters with the letters of a text that is as long as theirs."""
    ends = accumulate(len(character.text) for character in characters)
    return tuple(
        replace(character, text=text[end - len(character.text) : end])
        for character, end in zip(characters, ends, strict=True)
    )


def _other_readings(alternatives: Iterable[Alternative], text: str, language: str | None) -> Iterator[Alternative]:
    """The alternatives after repair, without those that now say the same as the reading or as a better one."""
    known = {text}
    for alternative in alternatives:
        repaired = repair(alternative.text, language=language).text
        if repaired not in known:
            known.add(repaired)
            yield replace(alternative, text=repaired)


def _told(changes: Sequence[Change]) -> Iterator[str]:
    """A note for each script that letters were brought into: the letters themselves look the same."""
    for name in SCRIPTS:
        seen = [f"{change.seen} at {change.position}" for change in changes if script(change.meant) == name]
        if seen:
            yield f"look-alikes: {', '.join(seen)} made {name.title()}"


def _dated(line: Line, convention: Convention, language: str | None, near: int | None) -> Line:
    found = find_dates(line.text, language=language, near=near)
    normalised = write_dates(line.text, convention, language=language, near=near)
    impossible = (f"impossible date: {date.text} ({date.reason})" for date in found if not date.possible)
    return replace(
        line,
        dates=tuple(WrittenDate(date.text, date.start, date.end, date.edtf, date.reason) for date in found),
        normalised="" if normalised == line.text else normalised,
        notes=(*line.notes, *impossible),
    )
