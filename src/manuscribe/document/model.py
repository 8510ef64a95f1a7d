"""The document model: a document is pages, a page is regions, a region is lines, a line is characters.

All classes are frozen: a step that changes something makes a new object (`dataclasses.replace`).
Coordinates are pixels of the page image after its EXIF orientation was applied, x to the right, y down.
Confidences are probabilities in [0, 1]; `None` means that nobody judged.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

Point = tuple[float, float]
Polygon = tuple[Point, ...]
"""Corners of an area, in order, not closed (the last corner is not the first again)."""
Polyline = tuple[Point, ...]
"""An open line in writing direction."""


@dataclass(frozen=True, slots=True)
class Character:
    """One character that was read, with where it stands."""

    text: str
    confidence: float | None = None
    polygon: Polygon | None = None


@dataclass(frozen=True, slots=True)
class Word:
    """A run of characters between spaces; made from a line by `Line.words`, never stored."""

    text: str
    confidence: float | None
    polygon: Polygon | None
    characters: tuple[Character, ...]


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another reading of a whole line."""

    text: str
    confidence: float


@dataclass(frozen=True, slots=True)
class WrittenDate:
    """A date in the text of a line.

    Attributes:
        text: As it is written there, `line.text[start:end]`.
        start: Where it begins in the text, in characters.
        end: Where it ends.
        edtf: The date in EDTF (ISO 8601-2); `None` where no calendar has it, or a file does not say.
        reason: Why it is impossible; empty where it is possible.
    """

    text: str
    start: int
    end: int
    edtf: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of writing.

    Attributes:
        text: The reading, NFC; empty where nothing was read.
        confidence: Probability that the whole reading is right.
        characters: What `text` is made of, spaces included; empty where the reader does not say.
        alternatives: Other readings, best first; the reading itself is not among them.
        notes: What a person should know, e.g. `"failed: …"`, `"truncated"`.
        polygon: The area of the writing in page coordinates; `None` for a line without a page.
        baseline: The line that the letters stand on, in writing direction.
        language: BCP 47 code where it is known, e.g. `"fr"`.
        dates: The dates in `text`, in order; empty where nobody looked for them.
        normalised: `text` with its dates in the convention that was asked for; empty where that is the same.
        expected_cer: Errors to expect for each character, at most 1; `None` unless the confidences were calibrated.
        word_confidences: Probability that each word is right, a word being what stands between white space; empty
            unless the confidences were calibrated.
    """

    text: str = ""
    confidence: float | None = None
    characters: tuple[Character, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    notes: tuple[str, ...] = ()
    id: str = ""
    polygon: Polygon | None = None
    baseline: Polyline | None = None
    language: str | None = None
    dates: tuple[WrittenDate, ...] = ()
    normalised: str = ""
    expected_cer: float | None = None
    word_confidences: tuple[float, ...] = ()

    @property
    def words(self) -> tuple[Word, ...]:
        """The characters grouped at spaces; without characters, the text's words without positions."""
        return words_of(self)


@dataclass(frozen=True, slots=True)
class Region:
    """An area of a page that belongs together; its lines are in reading order.

    Attributes:
        kind: `"text"` for running text, `"margin"` for notes beside it.
    """

    lines: tuple[Line, ...] = ()
    id: str = ""
    kind: str = "text"
    polygon: Polygon | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page image with its regions in reading order."""

    width: int
    height: int
    regions: tuple[Region, ...] = ()
    image: str = ""
    notes: tuple[str, ...] = ()

    @property
    def lines(self) -> tuple[Line, ...]:
        """All lines of the page in reading order."""
        return tuple(line for region in self.regions for line in region.lines)

    @property
    def text(self) -> str:
        """The page as text, one line of writing a line, an empty line between regions."""
        return "\n\n".join("\n".join(line.text for line in region.lines) for region in self.regions)


@dataclass(frozen=True, slots=True)
class Provenance:
    """One step that made the document: which part, in which version, with which options."""

    step: str
    name: str
    version: str
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Document:
    """Pages in order, and how they came about."""

    pages: tuple[Page, ...] = ()
    provenance: tuple[Provenance, ...] = ()

    @property
    def text(self) -> str:
        """All pages as text, separated by form feeds as plain-text files do."""
        return "\n\f".join(page.text for page in self.pages)

    def __iter__(self) -> Iterator[Page]:
        return iter(self.pages)


def words_of(line: Line) -> tuple[Word, ...]:
    """Group a line's characters into words at white space."""
    words = _words(line)
    if len(words) != len(line.word_confidences):
        return words
    return tuple(replace(word, confidence=sure) for word, sure in zip(words, line.word_confidences, strict=True))


def _words(line: Line) -> tuple[Word, ...]:
    if not line.characters:
        return tuple(Word(text, line.confidence, None, ()) for text in line.text.split())
    groups: list[list[Character]] = [[]]
    for character in line.characters:
        if character.text.isspace():
            groups.append([])
        else:
            groups[-1].append(character)
    return tuple(_word(group) for group in groups if group)


def _word(characters: list[Character]) -> Word:
    confidences = [c.confidence for c in characters if c.confidence is not None]
    polygons = [c.polygon for c in characters if c.polygon]
    return Word(
        text="".join(c.text for c in characters),
        # A word is right only if its weakest character is: the minimum is the usual, slightly hopeful bound.
        confidence=min(confidences) if len(confidences) == len(characters) else None,
        polygon=_hull(polygons) if polygons else None,
        characters=tuple(characters),
    )


def _hull(polygons: list[Polygon]) -> Polygon:
    xs = [x for polygon in polygons for x, _ in polygon]
    ys = [y for polygon in polygons for _, y in polygon]
    return ((min(xs), min(ys)), (max(xs), min(ys)), (max(xs), max(ys)), (min(xs), max(ys)))
