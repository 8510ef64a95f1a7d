"""A page's text, read as a whole, put onto the lines that the segmenter found.

Each line comes with a rough reading of its own, a hint. The text is divided into consecutive pieces, one for a hint, so
that pieces and hints differ in as few characters as possible: the distance of Levenshtein (1966), by dynamic
programming over hints and words, in which a line or a stretch of text can be left out for less than its letters.

Cuts are at white space, at best where the text has a line break itself, or beside a mark of a table. A word that is
hyphenated at a line's end, and that the text has in one, goes whole to the line that has more of it. What the text has
in another order than the lines (columns, margins) is left out at first and then tried on the lines that have no text
yet. In the end a stretch that stands where there is one line for each of its lines belongs to these, alike or not.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

# Costs, in twentieths of a letter. A line and a text that are left out cost 14 for a letter of both: less than two
# lines that have nothing in common (15 to 16 on French pages), more than a pair with half of its letters wrong.
_LETTER = 20
_MARKUP = 2  # not in the hint, and no wonder
_LEFT_OUT = 7  # for each letter
_LINE_LEFT_OUT = 20
_TEXT_LEFT_OUT = 60
# A text that has the page's line breaks is cut there, and a flowing one at blanks all the time.
_BREAK_INSIDE = 60
_CUT_AT_BLANK = 40
_LEFT_OUT_AT_BLANK = 120
_NEVER = 10**8

_LONGEST = 3  # times its hint a piece is at most, and some more for tags

_ALIKE = 0.5  # the least similarity of what is put together out of order, where nothing but likeness speaks for it

_WORD = re.compile(r"</?\w{1,12}(?:\s[^<>]{0,80})?>|\||[^\s|<]+|<")
_MARKS = re.compile(r"</?\w{1,12}(?:\s[^<>]{0,80})?>|[#*|`]")

Costs = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a text, from its first character to before `end`."""

    start: int
    end: int

    def of(self, text: str) -> str:
        """The stretch itself."""
        return text[self.start : self.end]


@dataclass(frozen=True, slots=True)
class PlacedLine:
    """What a line got.

    Attributes:
        span: Its piece of the text; `None` where there is none for it.
        similarity: Of the piece without marks of Markdown and the hint, 0 to 1: one minus their distance over the
            longer length. So it is 0 where one of them is empty, and 1 where both are.
    """

    span: Span | None
    similarity: float


@dataclass(frozen=True, slots=True)
class Unplaced:
    """A stretch of the text that belongs to no line.

    Attributes:
        span: Where it stands.
        after: The number, from 0 on, of the line whose piece stands before it in the text; `None` at the beginning.
    """

    span: Span
    after: int | None


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a text went: every character of it that is no white space is in one span, and in only one.

    Attributes:
        lines: What each line got, in the order of the hints.
        unplaced: What belongs to none, in the order of the text.
    """

    lines: tuple[PlacedLine, ...]
    unplaced: tuple[Unplaced, ...]


def placed(text: str, hints: Sequence[str]) -> Placement:
    """Divide a text among lines.

    Args:
        text: What was read, in one string; marks of Markdown and HTML tables in it do little harm.
        hints: Rough readings of the lines in reading order, an empty one for a line in which nothing was read.
    """
    words = _Words.of(text)
    pieces = _in_place(words, _alike(words, [" ".join(hint.split()) for hint in hints]), len(hints))
    lines = []
    for number, hint in enumerate(hints):
        span = words.span(pieces[number]) if number in pieces else None
        lines.append(PlacedLine(span, _similarity(span.of(text) if span else "", hint)))
    return Placement(tuple(lines), tuple(_unplaced(words, pieces)))


@dataclass(frozen=True, slots=True)
class _Words:
    """A text in words, the smallest pieces.

    Attributes:
        text: The whole.
        places: First character and end of each.
        before: What stands before each: a line break, a blank, or nothing; a line break for the first one, and one more
            for the end.
    """

    text: str
    places: tuple[tuple[int, int], ...]
    before: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> "_Words":
        places = tuple(match.span() for match in _WORD.finditer(text))
        gaps = (text[end:start] for (_, end), (start, _) in pairwise(places))
        return cls(text, places, ("\n", *("\n" if "\n" in gap else gap[:1] and " " for gap in gaps), "\n"))

    def span(self, words: range) -> Span:
        return Span(self.places[words.start][0], self.places[words.stop - 1][1])

    def lines(self, words: range) -> list[range]:
        """The text's own lines in a stretch."""
        starts = [number for number in words if number == words.start or self.before[number] == "\n"]
        return [range(start, end) for start, end in pairwise([*starts, words.stop])]


def _alike(words: _Words, hints: Sequence[str]) -> dict[int, range]:
    """The words of each line that has some, by likeness: chains of lines in the text's order, the best one first."""
    pieces: dict[int, range] = {}
    waiting = [range(len(words.places))] if words.places else []
    while waiting:
        stretch = waiting.pop()
        numbers = [number for number, hint in enumerate(hints) if hint and number not in pieces]
        chain = dict(zip(numbers, _chain(words, stretch, [hints[number] for number in numbers]), strict=True))
        found = {number: piece for number, piece in chain.items() if piece}
        if pieces:  # what the first chain left out may belong nowhere
            found = {
                number: piece
                for number, piece in found.items()
                if _similarity(words.span(piece).of(words.text), hints[number]) >= _ALIKE
            }
        if found:
            pieces |= found
            waiting.extend(_between(stretch, found.values()))
            waiting.sort(key=len)
    return pieces


def _in_place(words: _Words, pieces: Mapping[int, range], lines: int) -> dict[int, range]:
    """The same with what belongs to lines by its place.

    That is the rest of a line of the text a good part of which is one line's, and nothing of it another's; and what
    stands between two lines, in as many lines as there are without a text between the two.
    """
    owners = {word: number for number, piece in pieces.items() for word in piece}
    pieces = dict(pieces)
    for own in words.lines(range(len(words.places))):
        inside = {owners[word] for word in own if word in owners}
        if len(inside) == 1 and _is_main_part(words, pieces[min(inside)], own):
            pieces[min(inside)] = own
    ends = [(-1, 0), *sorted((number, piece.stop) for number, piece in pieces.items())]
    starts = [*sorted((number, piece.start) for number, piece in pieces.items()), (lines, len(words.places))]
    for (before, end), (after, start) in zip(ends, starts, strict=True):
        gap = range(end, start)
        taken = any(piece.start in gap for piece in pieces.values())
        free = words.lines(gap) if gap and not taken else []
        if len(free) == after - before - 1:
            pieces |= zip(range(before + 1, after), free, strict=True)
    return pieces


def _is_main_part(words: _Words, piece: range, line: range) -> bool:
    """Whether a piece is in a line of the text and makes up a third of it: a reader may well miss the end of a line."""
    part, whole = words.span(piece), words.span(line)
    inside = whole.start <= part.start and part.end <= whole.end
    return inside and 3 * (part.end - part.start) >= whole.end - whole.start


def _between(stretch: range, pieces: Iterable[range]) -> Iterator[range]:
    """What is left of a stretch."""
    inside = sorted((piece.start, piece.stop) for piece in pieces)
    ends = [stretch.start, *(stop for _, stop in inside)]
    starts = [*(start for start, _ in inside), stretch.stop]
    return (range(end, start) for end, start in zip(ends, starts, strict=True) if end < start)


def _unplaced(words: _Words, pieces: Mapping[int, range]) -> Iterator[Unplaced]:
    ends = {piece.stop: number for number, piece in pieces.items()}
    for rest in _between(range(len(words.places)), pieces.values()):
        yield Unplaced(words.span(rest), ends.get(rest.start))


def _similarity(piece: str, hint: str) -> float:
    bare = " ".join(_MARKS.sub(" ", piece).split())
    return Levenshtein.normalized_similarity(bare, " ".join(hint.split()))


def _chain(words: _Words, stretch: range, hints: Sequence[str]) -> list[range | None]:
    """The pieces of a stretch that together are most like the hints, in order; `None` for hints that are left out."""
    page = _Stretch.of(words, stretch)
    costs = [page.with_text_left_out(page.nothing())]
    skipped = []
    for hint in hints:
        skipped.append(costs[-1].open + _LINE_LEFT_OUT + _LEFT_OUT * len(hint))
        costs.append(page.with_text_left_out(np.minimum(skipped[-1], page.with_line(costs[-1].open, hint))))
    pieces: list[range | None] = []
    end = len(stretch)
    for number in reversed(range(len(hints))):
        end = costs[number + 1].before(end)
        if costs[number + 1].closed[end] == skipped[number][end]:
            pieces.append(None)
        else:
            start = page.start(costs[number].open, hints[number], end)
            pieces.append(stretch[start:end])
            end = start
    return pieces[::-1]


@dataclass(frozen=True, slots=True, eq=False)
class _Costs:
    """What it costs to have placed some lines with some words, by the number of words.

    Attributes:
        closed: If the last of the words is one of a line.
        open: If words after it may have been left out.
        leaving: What is least where it is best to begin to leave words out.
    """

    closed: Costs
    open: Costs
    leaving: Costs

    def before(self, end: int) -> int:
        """How many words there are without those at the end that were left out."""
        return end if self.open[end] == self.closed[end] else int(self.leaving[: end + 1].argmin())


@dataclass(frozen=True, slots=True, eq=False)
class _Stretch:
    """Words as letters in a row, and what it costs to pass over them.

    Attributes:
        letters: N code points, of plain letters; line breaks are blanks.
        passing: N costs of letters that no hint has.
        breaks: N costs of a line break inside of a piece, mostly 0.
        starts: The place of the first letter of each word.
        ends: The place after its last one.
        cuts: Costs of an end of a piece before each word, and at the end.
        edges: The same for text that is left out.
        left_out: What it costs to leave out all words before each one, and all.
    """

    letters: Costs
    passing: Costs
    breaks: Costs
    starts: Costs
    ends: Costs
    cuts: Costs
    edges: Costs
    left_out: Costs

    @classmethod
    def of(cls, words: _Words, stretch: range) -> "_Stretch":
        texts = [words.text[slice(*words.places[number])] for number in stretch]
        # The first gap is none: nothing needs to be passed before the first word.
        gaps = ["", *(words.before[number] for number in stretch[1:])]
        marked = [bool(_MARKS.fullmatch(text)) for text in texts]
        passing = [
            _MARKUP if mark or letter in "#*`" else _LETTER
            for gap, text, mark in zip(gaps, texts, marked, strict=True)
            for letter in gap + text
        ]
        letters = "".join(gap + text for gap, text in zip(gaps, texts, strict=True))
        sizes = np.array([(len(gap), len(text)) for gap, text in zip(gaps, texts, strict=True)])
        ends = sizes.sum(1).cumsum()
        breaks = np.array([_BREAK_INSIDE * (letter == "\n") for letter in letters])
        blank = np.array([0, *(gap != "\n" for gap in gaps[1:]), 0])
        return cls(
            letters=np.array([ord(_plain(letter)) for letter in letters], np.int32),
            passing=(np.array(passing) + breaks).astype(np.int32),
            breaks=breaks.astype(np.int32),
            starts=(ends - sizes[:, 1]).astype(np.int32),
            ends=ends.astype(np.int32),
            cuts=(_CUT_AT_BLANK * blank).astype(np.int32),
            edges=(_LEFT_OUT_AT_BLANK * blank).astype(np.int32),
            left_out=np.append(0, _LEFT_OUT * sizes[:, 1].cumsum()).astype(np.int32),
        )

    def nothing(self) -> Costs:
        """The costs of no lines at all, with no words."""
        costs = np.full(len(self.cuts), _NEVER, np.int32)
        costs[0] = 0
        return costs

    def with_text_left_out(self, closed: Costs) -> _Costs:
        """The costs if words after the last line's may be left out."""
        leaving = closed + self.edges - self.left_out
        opened = np.minimum.accumulate(leaving) + self.left_out + self.edges + _TEXT_LEFT_OUT
        return _Costs(closed, np.minimum(closed, opened), leaving)

    def with_line(self, costs: Costs, hint: str) -> Costs:
        """The costs with one more line, to which at least one word belongs."""
        row = np.full(len(self.letters) + 1, _NEVER, np.int32)
        row[self.starts] = costs[:-1]
        row = _row(row, hint, self.letters, self.passing, self.breaks)
        return np.append(np.int32(_NEVER), row[self.ends]) + self.cuts

    def start(self, costs: Costs, hint: str, end: int) -> int:
        """The word that a line begins with at least cost, if it ends before another."""
        last = int(self.ends[end - 1])
        first = min(end - 1, int(self.starts.searchsorted(last - _LONGEST * (len(hint) + 100))))
        begin = int(self.starts[first])
        row = np.full(last - begin + 1, _NEVER, np.int32)
        row[0] = 0
        backwards = (part[begin:last][::-1] for part in (self.letters, self.passing, self.breaks))
        row = _row(row, hint[::-1], *backwards)
        return first + int((costs[first:end] + row[last - self.starts[first:end]]).argmin())


def _row(row: Costs, hint: str, letters: Costs, passing: Costs, breaks: Costs) -> Costs:
    """The last row of the table of distances: what it costs to reach each place with the whole hint behind."""
    passed = np.append(np.int32(0), passing.cumsum(dtype=np.int32))
    wrong = {letter: np.where(letters == ord(letter), breaks, breaks + np.int32(_LETTER)) for letter in _plain(hint)}
    row = np.minimum.accumulate(row - passed) + passed
    for letter in _plain(hint):
        following = row + np.int32(_LETTER)
        np.minimum(following[1:], row[:-1] + wrong[letter], out=following[1:])
        following -= passed
        row = np.minimum.accumulate(following, out=following)
        row += passed
    return row


def _plain(text: str) -> str:
    """The text with small letters without accents, as many as there were, and blanks for white space."""
    return "".join(map(_plain_letter, text))


@cache
def _plain_letter(letter: str) -> str:
    return " " if letter.isspace() else unicodedata.normalize("NFD", letter)[0].lower()[0]
