"""Signs that a model that writes token after token goes round in circles.

One rule finds loops of any kind: a run of eight tokens that stands there for the third time in a short while brings
nothing new, and where hardly anything is new for a long while, there is a loop. So it does not matter how long the
circle is, whether it grows, or whether a token goes astray in it now and then. Twice is not counted: printed forms
repeat themselves, and so do refrains.

Registers, litanies and ditto marks are what a loop must not be mistaken for. In them a few tokens are the same in
every line and others differ, and each token that differs makes eight runs new; so they come nowhere near the bounds.
A short line that comes again unchanged for twenty lines stays under them, too.
"""

import re
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field

_RUN = 8  # tokens; of runs much shorter, languages that take a token for each letter or two have few
_REACH = 1000  # tokens in which the three times must lie: two rounds of half a page
_PRICE = 3  # tokens without news that one with news makes good for: so a register of names is no loop
_ENOUGH = 300  # a quarter of a page; twenty lines "12 idem 3.50" have 70 (letter by letter 140), real pages at most 40
_SIGN = 1 / 3  # of a token: dots and rules repeat by right, and a table of contents is full of them
_FEW, _STRETCH = 5, 400  # so few different tokens in so many; a page of figures has ten digits and a separator

# In a line of a finished text, bounds can be tighter: real lines never have four words thrice.
_LINE_RUN, _LINE_ENOUGH = 4, 20

_PIECE = re.compile(
    r"\d+(?:[.,:/]\d+)*"  # a number, an amount, a date
    r"|[^\W\d_]{1,12}"  # a word; a script without spaces, or a word that loops in itself, gives several
    r"|</?\w{1,12}>"
    r"|[ \t]{2}"  # a single blank between two pieces is none
    r"|\n|[^\w\s]|_"
)
_DIGITS = re.compile(r"\d+")
_ROW = re.compile(r"\n|</tr>")


class LoopWatch:
    """Watches a model write, and says when it goes round in circles. Every token takes the same few microseconds.

    Args:
        spelt: The text of a token. With it, loops are found in which numbers go on counting, and leaders of dots are
            not taken for loops so soon.
    """

    def __init__(self, spelt: Callable[[int], str] | None = None) -> None:
        self._spelt = spelt
        self._known: dict[int, _Spelling] = {}
        self._exact = _News(_RUN, _ENOUGH)
        self._folded = _News(_RUN, _ENOUGH)
        self._latest: deque[int] = deque()
        self._different: Counter[int] = Counter()
        self._after_number = False

    def add(self, token: int) -> bool:
        """Take the next token in, and say whether the text now goes round in circles."""
        monotonous = self._is_monotonous(token)
        if self._spelt is None:
            return self._exact.add(token) or monotonous
        spelling = self._known.get(token)
        if spelling is None:
            spelling = self._known[token] = _Spelling.of(self._spelt(token))
        circles = self._exact.add(token, worth=_SIGN if spelling.is_sign else 1)
        return self._counts(spelling) or circles or monotonous

    def _counts(self, spelling: "_Spelling") -> bool:
        """Whether it goes round in circles if all numbers are one.

        A column of figures would, too: so numbers do not count, and neither do runs in which nothing has letters.
        """
        # Some models spell numbers digit by digit: one that became longer must not look new.
        goes_on = self._after_number and spelling.goes_on
        self._after_number = spelling.is_number
        if goes_on:
            return False
        return self._folded.add(spelling.folded, worth=not spelling.is_number, wordless=not spelling.is_word)

    def _is_monotonous(self, token: int) -> bool:
        self._latest.append(token)
        self._different[token] += 1
        if len(self._latest) <= _STRETCH:
            return False
        gone = self._latest.popleft()
        self._different[gone] -= 1
        if not self._different[gone]:
            del self._different[gone]
        return len(self._different) <= _FEW


def goes_round(tokens: Iterable[int], spelt: Callable[[int], str] | None = None) -> bool:
    """Whether `LoopWatch` would have stopped a model that wrote these tokens."""
    watch = LoopWatch(spelt)
    return any(watch.add(token) for token in tokens)


def is_looped(text: str) -> bool:
    """Whether a finished text, or one of its lines, went round in circles somewhere.

    Whoever copies one sentence a page long on purpose is taken for a loop: nobody could tell by the text alone.
    """
    pieces = _PIECE.findall(text)
    numbers = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    names = list(numbers)
    return any(map(_is_looped_line, _ROW.split(text))) or goes_round(
        map(numbers.__getitem__, pieces), names.__getitem__
    )


def _is_looped_line(line: str) -> bool:
    news = _News(_LINE_RUN, _LINE_ENOUGH)
    return any(news.add(piece, wordless=not _has_letters(piece)) for piece in _PIECE.findall(line))


def _has_letters(piece: str) -> bool:
    """Whether it is part of the writing; names of tags are not."""
    return not piece.startswith("<") and any(character.isalpha() for character in piece)


@dataclass(frozen=True, slots=True)
class _Spelling:
    """What is to be known of a token's text.

    Attributes:
        folded: The text with every number as `0`.
        is_number: It is digits, perhaps after a blank.
        goes_on: It is digits alone, so it may be the end of a number.
        is_word: It has letters.
    """

    folded: str
    is_number: bool
    goes_on: bool
    is_word: bool

    @classmethod
    def of(cls, text: str) -> "_Spelling":
        folded = _DIGITS.sub("0", text)
        return cls(folded.strip() or text, folded.strip() == "0", folded == "0", _has_letters(text))

    @property
    def is_sign(self) -> bool:
        return not self.is_word and not self.is_number


@dataclass(slots=True)
class _News:
    """How long there was hardly any news in a stream of pieces.

    Attributes:
        run: Pieces that are looked at together.
        enough: Pieces without news that make a loop.
        stale: Pieces without news, less what those with news made good.
        place: Pieces up to now.
        last_word: The last of them that had letters.
        latest: The last ones, one fewer than a run.
        seen: The places of the last two times of each run.
    """

    run: int
    enough: int
    stale: float = 0.0
    place: int = 0
    last_word: int = 0
    latest: deque[Hashable] = field(default_factory=deque)
    seen: dict[tuple[Hashable, ...], tuple[int, int]] = field(default_factory=dict)

    def add(self, piece: Hashable, *, worth: float = 1.0, wordless: bool = False) -> bool:
        """Take the next piece in, and say whether there have been enough without news.

        Args:
            worth: What it counts if it brings no news.
            wordless: It has no letters: a run of such pieces alone changes nothing.
        """
        self.place += 1
        if not wordless:
            self.last_word = self.place
        self.latest.append(piece)
        if len(self.latest) < self.run:
            return False
        run = tuple(self.latest)
        self.latest.popleft()
        last, before = self.seen.get(run, (-_REACH, -_REACH))
        self.seen[run] = (self.place, last)
        if self.place - self.last_word < self.run:
            self.stale = self.stale + worth if self.place - before < _REACH else max(0.0, self.stale - _PRICE)
        return self.stale >= self.enough
