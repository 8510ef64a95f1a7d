"""Checks a data set for what would spoil training or measuring on it."""

import hashlib
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from manuscribe.datasets.labelled import LabelledLine
from manuscribe.errors import InputError

Severity = Literal["fault", "remark"]
_ODD = 4.0  # times wider or narrower for each character than the median line
_BLANK = 3.0  # spread of the tones, of 255, below which nothing can have been written


class Vocabulary(Protocol):
    """What a reader can write."""

    @property
    def limit(self) -> int | None:
        """Tokens that a text may have."""
        ...

    def lost(self, text: str) -> str:
        """The characters of a text that the reader cannot write."""
        ...

    def length(self, text: str) -> int:
        """The tokens of a text."""
        ...


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with some lines.

    Attributes:
        kind: A word for it, e.g. `"duplicate"`.
        severity: A `"fault"` makes the check fail.
        problem: A sentence that says what is wrong, and what comes of it.
        lines: The numbers of the lines, from 0.
        detail: More about it, e.g. the characters that are lost.
    """

    kind: str
    severity: Severity
    problem: str
    lines: tuple[int, ...]
    detail: str = ""


@dataclass(frozen=True, slots=True)
class _Picture:
    digest: bytes
    width: int
    height: int
    spread: float


def check(
    lines: Sequence[LabelledLine],
    vocabulary: Vocabulary | None = None,
    *,
    progress: Callable[[Iterable[LabelledLine]], Iterable[LabelledLine]] = iter,
) -> list[Finding]:
    """Look for faults, worst first; an empty list says that none was found.

    Args:
        vocabulary: Of the reader that is to learn from the lines; without one, texts are not held against any.
        progress: Wraps the lines while their images are opened.
    """
    pictures: dict[int, _Picture] = {}
    unreadable = {}
    for number, line in enumerate(progress(lines)):
        try:
            pictures[number] = _look(line)
        except InputError as error:
            unreadable[number] = error.problem
    findings = [
        *_images(unreadable, pictures),
        *_texts(lines),
        *_twins(lines, pictures),
        *_leaks(lines, pictures),
        *(_unwritable(lines, vocabulary) if vocabulary else ()),
        *_odd_widths(lines, pictures),
    ]
    return sorted(findings, key=lambda finding: (finding.severity, -len(finding.lines)))


def _look(line: LabelledLine) -> _Picture:
    pixels = line.pixels()
    digest = hashlib.blake2b(pixels.tobytes(), digest_size=16).digest()
    return _Picture(digest, pixels.shape[1], pixels.shape[0], float(pixels.std()))


def _images(unreadable: dict[int, str], pictures: dict[int, _Picture]) -> Iterator[Finding]:
    if unreadable:
        first = next(iter(unreadable.values()))
        yield Finding("unreadable", "fault", "The image cannot be opened.", tuple(unreadable), first)
    if blank := [number for number, picture in pictures.items() if picture.spread < _BLANK]:
        yield Finding("blank", "remark", "The image shows nothing.", tuple(blank))


def _texts(lines: Sequence[LabelledLine]) -> Iterator[Finding]:
    if empty := [number for number, line in enumerate(lines) if not line.text.strip()]:
        yield Finding("empty", "fault", "There is no text.", tuple(empty))
    if broken := [number for number, line in enumerate(lines) if _controls(line.text)]:
        shown = ", ".join(sorted({f"U+{ord(c):04X}" for number in broken for c in _controls(lines[number].text)}))
        yield Finding("control", "fault", "The text holds line breaks or control characters.", tuple(broken), shown)
    composed = [number for number, line in enumerate(lines) if not unicodedata.is_normalized("NFC", line.text)]
    if composed:
        problem = "The text is not in Unicode's composed form (NFC), in which it will be learnt and measured."
        yield Finding("decomposed", "remark", problem, tuple(composed))


def _controls(text: str) -> str:
    return "".join(c for c in text if unicodedata.category(c) in ("Cc", "Cs", "Co", "Cn") or c == "\ufffd")


def _twins(lines: Sequence[LabelledLine], pictures: dict[int, _Picture]) -> Iterator[Finding]:
    alike = [numbers for numbers in _by_picture(pictures) if len(numbers) > 1]
    contradictory = [number for numbers in alike if len({lines[n].text for n in numbers}) > 1 for number in numbers]
    if contradictory:
        yield Finding("contradiction", "fault", "The same image has different texts.", tuple(contradictory))
    same = [number for numbers in alike if len({lines[n].text for n in numbers}) == 1 for number in numbers[1:]]
    if same:
        yield Finding("duplicate", "remark", "The same image is there several times.", tuple(same))
    texts = Counter(line.text for line in lines if line.text.strip())
    text, count = texts.most_common(1)[0] if texts else ("", 0)
    if count > max(3, 0.05 * len(lines)):
        frequent = tuple(number for number, line in enumerate(lines) if line.text == text)
        yield Finding("frequent", "remark", "One text makes up much of the set.", frequent, f"'{text[:60]}'")


def _leaks(lines: Sequence[LabelledLine], pictures: dict[int, _Picture]) -> Iterator[Finding]:
    splits = {line.split for line in lines}
    if splits - {""} and (absent := {"train", "validation"} - splits):
        problem = f"No line is in the split {' or '.join(sorted(absent))}."
        yield Finding("split", "fault", problem, ())
    torn = [
        number for numbers in _by_picture(pictures) if len({lines[n].split for n in numbers}) > 1 for number in numbers
    ]
    if torn:
        problem = "The same image is in several splits: what is measured on it was learnt by heart."
        yield Finding("leak", "fault", problem, tuple(torn))
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for number, line in enumerate(lines):
        if line.group:
            groups[line.source, line.group].append(number)
    # With one group alone there is nothing to keep apart: it is a single hand that is to be learnt.
    shared = [n for n in groups.values() if len(groups) > 1 and len({lines[i].split for i in n} - {""}) > 1]
    if shared:
        problem = "A group's lines are in several splits: measuring tells how seen hands are read, not unseen ones."
        yield Finding("torn", "fault", problem, tuple(number for numbers in shared for number in numbers))


def _by_picture(pictures: dict[int, _Picture]) -> Iterable[list[int]]:
    found: dict[bytes, list[int]] = defaultdict(list)
    for number, picture in pictures.items():
        found[picture.digest].append(number)
    return found.values()


def _unwritable(lines: Sequence[LabelledLine], vocabulary: Vocabulary) -> Iterator[Finding]:
    lost = {number: characters for number, line in enumerate(lines) if (characters := vocabulary.lost(line.learnt))}
    if lost:
        counts = Counter(character for characters in lost.values() for character in characters)
        shown = " ".join(f"{c}×{n}" for c, n in counts.most_common(20))
        yield Finding("unwritable", "fault", "The reader cannot write some characters.", tuple(lost), shown)
    limit = vocabulary.limit
    if limit and (long := [n for n, line in enumerate(lines) if vocabulary.length(line.learnt) > limit]):
        yield Finding(
            "long", "fault", f"The text has more than the {limit} tokens that the reader writes.", tuple(long)
        )


def _odd_widths(lines: Sequence[LabelledLine], pictures: dict[int, _Picture]) -> Iterator[Finding]:
    pace = {
        number: picture.width / picture.height / len(lines[number].text)
        for number, picture in pictures.items()
        if len(lines[number].text) >= 3
    }
    if not pace:
        return
    median = float(np.median(list(pace.values())))
    odd = [number for number, value in pace.items() if not 1 / _ODD < value / median < _ODD]
    if odd:
        problem = "The image is far wider or narrower than its text would make it: is it the text of this image?"
        yield Finding("width", "remark", problem, tuple(odd))
