"""Latin and Cyrillic letters that are drawn alike, put right by the word that they stand in.

A reader that writes both scripts now and then names a letter of the wrong one: сосна with a Latin c, vous with a
Cyrillic о. People do not see the difference; a search does.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from manuscribe.errors import UsageError
from manuscribe.text.charset import LANGUAGES, script

_LATIN = "ABCEËHIÏKMOPTXYaceëiïkopxy"
_CYRILLIC = "АВСЕЁНІЇКМОРТХУасеёіїкорху"
_ALIKE = {
    "LATIN": dict(zip(_CYRILLIC, _LATIN, strict=True)),
    "CYRILLIC": dict(zip(_LATIN, _CYRILLIC, strict=True)),
}
"""Script → letters of the other one, and what is drawn like them in this one."""
_WITH_LOOKALIKE = frozenset(_LATIN + _CYRILLIC)
_CYRILLIC_LANGUAGES = ("ru", "uk")

_WORD = re.compile(r"(?:[^\W\d_][\u0300-\u036f]*)+")
_NUMERAL = re.compile("(?=.*[IVX])M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,4})")
_AS_NUMERAL = str.maketrans("ІХСМ", "IXCM")
_SIGN_BEFORE = re.compile(r"[\d@_°#№]$|\d ?[./-] ?$")
_SIGN_AFTER = re.compile(r"[\d@_°]| ?[./-] ?\d")
_REACH = 8  # characters before a word that tell whether it begins a sentence


@dataclass(frozen=True)
class Change:
    """A letter that was taken for one of the other script.

    Attributes:
        position: Of the letter in the text.
        seen: The letter as it was.
        meant: The letter that took its place.
    """

    position: int
    seen: str
    meant: str


@dataclass(frozen=True)
class Repair:
    """A text after repair.

    Attributes:
        text: In NFC; as long as the text was in NFC.
        changes: All that is different, in order.
    """

    text: str
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class _Word:
    """A run of letters in a line.

    Attributes:
        text: The letters, with marks that do not compose.
        start: Its place in the line.
        scripts: Of its letters.
        script: What its letters without look-alikes belong to; `None` where there are none, or some of both scripts.
    """

    text: str
    start: int
    scripts: frozenset[str]
    script: str | None


def repair(text: str, *, language: str | None = None) -> Repair:
    """Put right the letters that are of another script than their word.

    A word, which is a run of letters, becomes wholly of one script if it mixes both and each letter of the other has a
    look-alike there. Which one, say its letters without look-alikes; where there are none, the language; without a
    language, the clear words before and after it in the line, if they agree.

    A word wholly of look-alikes of one script (`оса`, `cop`) is changed only if all clear words of its line are of the
    other script, and the language, if given, is too; in a line without clear words the language alone decides. Even so
    it stays where it may be a sign rather than a word: an abbreviation in capitals (BBC), a single capital within a
    sentence, and what touches a digit or an @; and without a language, where such words are more than the clear ones.

    A Roman numeral in capitals that mixes scripts becomes Latin, in any language (ХII with a Cyrillic Х is XII); one
    that is wholly of one script stays.

    Args:
        text: In any normal form; its lines are looked at one by one.
        language: Of the text, one of `LANGUAGES`.

    Raises:
        UsageError: The language is not known.
    """
    if language is not None and language not in LANGUAGES:
        raise UsageError(f"The script of the language '{language}' is not known.", f"Known: {', '.join(LANGUAGES)}.")
    preferred = None if language is None else "CYRILLIC" if language in _CYRILLIC_LANGUAGES else "LATIN"
    text = unicodedata.normalize("NFC", text)
    letters = list(text)
    changes = []
    start = 0
    for line in text.split("\n"):
        for word, wanted in _scripts_wanted(line, preferred):
            changes += _changes(word, wanted, start + word.start)
        start += len(line) + 1
    for change in changes:
        letters[change.position] = change.meant
    return Repair("".join(letters), tuple(sorted(changes, key=lambda change: change.position)))


def _scripts_wanted(line: str, preferred: str | None) -> Iterable[tuple[_Word, str]]:
    """The words of a line that may have to change, with the script that each should be of."""
    present = {script(letter) for letter in set(line)} - {None}
    if len(present) < 2 and preferred in (None, *present):
        return  # as nearly every line
    words = [_look_at(found[0], found.start()) for found in _WORD.finditer(line)]
    for word, neighbours in zip(words, _neighbours(words), strict=True):
        if len(word.scripts) > 1:
            wanted = word.script or ("LATIN" if _is_numeral(word.text) else preferred or neighbours)
            if wanted:
                yield word, wanted
    of_line = _script_of_line(words, preferred)
    if of_line:
        yield from ((word, of_line) for word in _strangers(words, line, of_line, preferred))


def _script_of_line(words: list[_Word], preferred: str | None) -> str | None:
    """The script that all clear words are of, and the language writes, as far as these are known."""
    known = {word.script for word in words if word.script} | ({preferred} if preferred else set())
    return known.pop() if len(known) == 1 else None


def _strangers(words: list[_Word], line: str, of_line: str, preferred: str | None) -> list[_Word]:
    """Words wholly of look-alikes in a line of the other script, as far as they are words and not signs."""
    strangers = [
        word
        for word in words
        if word.script is None and len(word.scripts) == 1 and of_line not in word.scripts and not _is_sign(word, line)
    ]
    # Few words have no say over many, unless the language takes their side: "screened ха ха ха".
    clear = sum(word.script is not None for word in words)
    return strangers if preferred or len(strangers) <= clear else []


def _look_at(text: str, start: int) -> _Word:
    scripts = frozenset(found for letter in text if (found := script(letter)))
    clear = {found for letter, has_twin in _letters(text) if not has_twin and (found := script(letter))}
    return _Word(text, start, scripts, clear.pop() if len(clear) == 1 else None)


def _letters(text: str) -> Iterable[tuple[str, bool]]:
    """Each character, and whether it can stand for one of the other script.

    One with a mark that did not compose cannot: its twin would compose with the mark, and the text grow shorter.
    """
    for letter, after in zip(text, f"{text[1:]} ", strict=True):
        yield letter, letter in _WITH_LOOKALIKE and not unicodedata.combining(after)


def _neighbours(words: list[_Word]) -> list[str | None]:
    """For each word the script of the clear words next to it on both sides; `None` where they disagree."""
    before, after = _last_clear(words), _last_clear(words[::-1])[::-1]
    sides = [{one, other} - {None} for one, other in zip(before, after, strict=True)]
    return [next(iter(found)) if len(found) == 1 else None for found in sides]


def _last_clear(words: list[_Word]) -> list[str | None]:
    found: list[str | None] = []
    last: str | None = None
    for word in words:
        found.append(last)
        last = word.script or last
    return found


def _is_numeral(text: str) -> bool:
    return bool(_NUMERAL.fullmatch(text.translate(_AS_NUMERAL)))


def _is_sign(word: _Word, line: str) -> bool:
    before = line[max(0, word.start - _REACH) : word.start]
    if _SIGN_BEFORE.search(before) or _SIGN_AFTER.match(line, word.start + len(word.text)) or _is_numeral(word.text):
        return True
    if len(word.text) > 1:
        return word.text.isupper()
    begins_sentence = before.rstrip(' "«„“(—–-')[-1:] in ".!?…"
    return word.text.isupper() and not begins_sentence


def _changes(word: _Word, wanted: str, start: int) -> list[Change]:
    """What makes the word one of a script; nothing where some letter has no look-alike there."""
    alike = _ALIKE[wanted]
    wrong = [
        (position, letter, has_twin)
        for position, (letter, has_twin) in enumerate(_letters(word.text), start)
        if script(letter) not in (wanted, None)
    ]
    if not all(has_twin for _, _, has_twin in wrong):
        return []
    return [Change(position, letter, alike[letter]) for position, letter, _ in wrong]
