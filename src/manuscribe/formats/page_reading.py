"""Reading PAGE XML of any version and of other programs (Transkribus, eScriptorium, kraken, OCR-D)."""

import re
import unicodedata
from collections.abc import Iterable, Iterator

from lxml import etree

from manuscribe.document.model import (
    Alternative,
    Character,
    Document,
    Line,
    Page,
    Point,
    Provenance,
    Region,
    WrittenDate,
)
from manuscribe.errors import InputError
from manuscribe.formats.words import FileWord, characters_of, with_words
from manuscribe.formats.xml import REGION_KINDS, child, children, number, parse, points, probability

LANGUAGES = {
    "Belarusian": "be", "Bulgarian": "bg", "Czech": "cs", "Danish": "da", "Dutch": "nl", "English": "en",
    "Finnish": "fi", "French": "fr", "German": "de", "Greek": "el", "Hebrew": "he", "Hungarian": "hu",
    "Italian": "it", "Latin": "la", "Norwegian": "no", "Polish": "pl", "Portuguese": "pt", "Romanian": "ro",
    "Russian": "ru", "Serbian": "sr", "Spanish": "es", "Swedish": "sv", "Ukrainian": "uk", "Vietnamese": "vi",
    "Yiddish": "yi",
}  # fmt: skip
"""PAGE's names of languages and their BCP 47 codes."""
NOTE, VERSION, OPTIONS = "notes", "version", "parameters"

_CUSTOM_TYPE = re.compile(r"structure\s*\{[^{}]*\btype:([^;}]+)")
_CUSTOM_INDEX = re.compile(r"readingOrder\s*\{[^{}]*\bindex:(\d+)")
_CUSTOM_DATE = re.compile(r"(?<![\w-])date\s*\{\s*offset:(\d{1,9});\s*length:(\d{1,9});([^{}]*)\}")
_CUSTOM_WHEN = re.compile(r"\bwhen:\s*([^;\s][^;]*)")
_GROUPS = ("OrderedGroup", "UnorderedGroup", "OrderedGroupIndexed", "UnorderedGroupIndexed")
_REFERENCES = ("RegionRef", "RegionRefIndexed", *_GROUPS)


def read(data: bytes) -> Document:
    """Read a PAGE XML file: its text regions, however nested, in reading order.

    Raises:
        InputError: The bytes are no PAGE XML, or have no page in them.
    """
    root = parse(data, "PcGts")
    element = child(root, "Page")
    if element is None:
        raise InputError("The PAGE XML has no <Page>.", "Export the file again.")
    page = Page(
        width=_size(element, "imageWidth"),
        height=_size(element, "imageHeight"),
        regions=tuple(_region(region) for region in _in_reading_order(element)),
        image=element.get("imageFilename", ""),
        notes=_notes(element),
    )
    return Document((page,), tuple(_provenance(root)))


def _size(page: etree._Element, name: str) -> int:
    return max(0, round(number(page.get(name)) or 0))


def _in_reading_order(page: etree._Element) -> list[etree._Element]:
    order = child(page, "ReadingOrder")
    places: dict[str, int] = {}
    for name in _references(order) if order is not None else ():
        places.setdefault(name, len(places))
    return sorted(page.iter("{*}TextRegion"), key=lambda region: _place(region, places))


def _references(order: etree._Element) -> Iterator[str]:
    """Names of regions as the groups, which may nest, put them in order."""
    waiting = [order]
    while waiting:
        element = waiting.pop()
        if name := element.get("regionRef"):
            yield name
        inner = sorted(children(element, *_REFERENCES), key=_index)
        waiting += inner[::-1]


def _index(element: etree._Element) -> float:
    return number(element.get("index")) or 0


def _place(region: etree._Element, places: dict[str, int]) -> int:
    """A region's place; one that is not in the order follows the region that it is in, or comes last."""
    within = (region, *region.iterancestors())
    return next((places[name] for e in within if (name := e.get("id", "")) in places), len(places))


def _region(element: etree._Element) -> Region:
    custom = _CUSTOM_TYPE.search(element.get("custom", ""))
    kind = element.get("type") or "paragraph"
    if custom and kind in ("paragraph", "other"):
        kind = custom[1].strip()
    lines = tuple(_line(line) for line in _lines(element))
    if not lines:  # Some files have the text of a region, but not of its lines.
        lines = tuple(Line(text=text) for text in _best(element)[0].splitlines())
    return Region(lines, element.get("id", ""), REGION_KINDS.get(kind, kind), _outline(element))


def _lines(region: etree._Element) -> list[etree._Element]:
    lines = list(children(region, "TextLine"))
    places = [_line_index(line) for line in lines]
    if any(place is None for place in places):
        return lines
    return [line for _, line in sorted(zip(places, lines, strict=True), key=lambda pair: pair[0] or 0)]


def _line_index(line: etree._Element) -> float | None:
    custom = _CUSTOM_INDEX.search(line.get("custom", ""))
    return number(custom[1] if custom else line.get("index"))


def _line(element: etree._Element) -> Line:
    words = [_word(word) for word in children(element, "Word")]
    text, confidence, *_ = _best(element)
    if not _texts(element):
        text = " ".join(word.text for word in words)
    baseline = child(element, "Baseline")
    line = Line(
        text=text,
        confidence=confidence,
        characters=characters_of(text, words),
        alternatives=tuple(Alternative(t, c or 0.0) for t, c in _texts(element)[1:]),
        notes=_notes(element),
        id=element.get("id", ""),
        polygon=_outline(element),
        baseline=_points(baseline) if baseline is not None else None,
        language=LANGUAGES.get(element.get("primaryLanguage", "")),
        dates=tuple(_dates(element, text)),
    )
    return with_words(line, words)


def _dates(line: etree._Element, text: str) -> Iterator[WrittenDate]:
    """The dates that are tagged as Transkribus does, as far as they lie in the text."""
    for offset, length, rest in _CUSTOM_DATE.findall(line.get("custom", "")):
        start, end = int(offset), int(offset) + int(length)
        when = _CUSTOM_WHEN.search(rest)
        if start < end <= len(text):
            yield WrittenDate(text[start:end], start, end, when[1].strip() if when else None)


def _word(element: etree._Element) -> FileWord:
    glyphs = tuple(_glyph(glyph) for glyph in children(element, "Glyph"))
    text, confidence = _best(element)
    return FileWord(text or "".join(glyph.text for glyph in glyphs), confidence, glyphs)


def _glyph(element: etree._Element) -> Character:
    text, confidence = _best(element)
    return Character(text, confidence, _outline(element))


def _best(element: etree._Element) -> tuple[str, float | None]:
    return next(iter(_texts(element)), ("", None))


def _texts(element: etree._Element) -> list[tuple[str, float | None]]:
    """All readings of an element with their confidences, the best (lowest index) first."""
    readings = sorted(children(element, "TextEquiv"), key=_index)
    return [(_unicode(reading), probability(reading.get("conf"))) for reading in readings]


def _unicode(reading: etree._Element) -> str:
    text = next((e.text for name in ("Unicode", "PlainText") if (e := child(reading, name)) is not None), "")
    return unicodedata.normalize("NFC", text or "")


def _outline(element: etree._Element) -> tuple[Point, ...] | None:
    coords = child(element, "Coords")
    return _points(coords) if coords is not None else None


def _points(element: etree._Element) -> tuple[Point, ...] | None:
    listed = element.get("points")
    if listed is None:  # Versions before 2013 have an element for each point.
        listed = " ".join(f"{point.get('x')},{point.get('y')}" for point in children(element, "Point"))
    return points(listed)


def _notes(element: etree._Element) -> tuple[str, ...]:
    return tuple(value for _, value in _labels(element, NOTE))


def _labels(element: etree._Element, meaning: str) -> Iterable[tuple[str, str]]:
    for group in children(element, "Labels"):
        if group.get("externalId") == meaning:
            yield from ((label.get("type", ""), label.get("value", "")) for label in children(group, "Label"))


def _provenance(root: etree._Element) -> Iterator[Provenance]:
    metadata = child(root, "Metadata")
    for item in children(metadata, "MetadataItem") if metadata is not None else ():
        if item.get("type") == "processingStep":
            version = next((value for _, value in _labels(item, VERSION)), "")
            name, step = item.get("value", ""), item.get("name", "")
            yield Provenance(step, name, version, dict(_labels(item, OPTIONS)))
