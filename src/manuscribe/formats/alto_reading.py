"""Reading ALTO XML, versions 2 to 4, of any program (ABBYY, kraken, eScriptorium, Transkribus, Tesseract)."""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence

from lxml import etree

from manuscribe.document.model import (
    Character,
    Document,
    Line,
    Page,
    Polygon,
    Polyline,
    Provenance,
    Region,
)
from manuscribe.errors import InputError
from manuscribe.formats.layout import Box
from manuscribe.formats.words import FileWord, characters_of, with_words
from manuscribe.formats.xml import REGION_KINDS, child, children, local, number, parse, points, probability

NOTE, PAGE_NOTE = "note", "page-note"
_MARGINS = ("TopMargin", "LeftMargin", "RightMargin", "BottomMargin")
_SOFT_HYPHEN = "\N{SOFT HYPHEN}"


def read(data: bytes) -> Document:
    """Read an ALTO file: its text blocks, however nested, in reading order.

    The confidence of lines has no place in ALTO. Coordinates are not converted: a page that is not measured
    in pixels gets a note that says so.

    Raises:
        InputError: The bytes are no ALTO, or have no page in them.
    """
    root = parse(data, "alto")
    pages = tuple(_page(page, root) for page in root.iterfind("{*}Layout/{*}Page"))
    if not pages:
        raise InputError("The ALTO has no <Page>.", "Export the file again.")
    return Document(pages, tuple(_provenance(root)))


def _page(element: etree._Element, root: etree._Element) -> Page:
    tags = {tag.get("ID", ""): tag for tag in root.iterfind("{*}Tags/{*}*")}
    space = child(element, "PrintSpace")
    unit = (root.findtext("{*}Description/{*}MeasurementUnit") or "pixel").strip()
    notes = tuple(tag.get("LABEL", "") for tag in tags.values() if tag.get("TYPE") == PAGE_NOTE)
    if unit != "pixel":
        notes = (*notes, f"coordinates are in {unit}, not in pixels")
    blocks = _in_reading_order(element, root)
    return Page(
        width=_size(element, space, "WIDTH"),
        height=_size(element, space, "HEIGHT"),
        regions=tuple(_region(block, tags) for block in blocks),
        image=(root.findtext("{*}Description/{*}sourceImageInformation/{*}fileName") or "").strip(),
        notes=notes,
    )


def _size(page: etree._Element, space: etree._Element | None, name: str) -> int:
    known = number(page.get(name)) or (number(space.get(name)) if space is not None else None)
    return max(0, round(known or 0))


def _in_reading_order(page: etree._Element, root: etree._Element) -> list[etree._Element]:
    references = root.iterfind("{*}ReadingOrder//{*}ElementRef")
    names = [name for reference in references for name in reference.get("REF", "").split()]
    places = {name: place for place, name in reversed(list(enumerate(names)))}
    return sorted(page.iter("{*}TextBlock"), key=lambda block: places.get(block.get("ID", ""), len(names)))


def _region(block: etree._Element, tags: Mapping[str, etree._Element]) -> Region:
    lines = tuple(_line(line, tags) for line in children(block, "TextLine"))
    in_margin = any(local(parent) in _MARGINS for parent in block.iterancestors())
    named = [tags[name].get("LABEL", "") for name in _tag_names(block) if _is_kind(tags.get(name))]
    kind = named[0] if named else ("margin" if in_margin else "text")
    return Region(lines, block.get("ID", ""), REGION_KINDS.get(kind, kind), _outline(block))


def _is_kind(tag: etree._Element | None) -> bool:
    return tag is not None and local(tag) in ("LayoutTag", "OtherTag", "StructureTag") and tag.get("TYPE") != NOTE


def _tag_names(element: etree._Element) -> list[str]:
    return element.get("TAGREFS", "").split()


def _notes(element: etree._Element, tags: Mapping[str, etree._Element]) -> tuple[str, ...]:
    found = [tags[name] for name in _tag_names(element) if name in tags]
    return tuple(tag.get("LABEL", "") for tag in found if tag.get("TYPE") == NOTE)


def _line(element: etree._Element, tags: Mapping[str, etree._Element]) -> Line:
    strings = [_word(word) for word in children(element, "String")]
    text = _text(element, strings)
    words = [word for word in strings if word.text]
    line = Line(
        text=text,
        characters=characters_of(text, words),
        notes=_notes(element, tags),
        id=element.get("ID", ""),
        polygon=_outline(element),
        baseline=_baseline(element),
        language=element.get("LANG"),
    )
    return with_words(line, words)


def _text(line: etree._Element, words: Sequence[FileWord]) -> str:
    """The line as it is written: words, spaces, and a hyphen at its end.

    Programs that write no SP at all mean a space between any two words.
    """
    between = "" if child(line, "SP") is not None else " "
    parts = {"SP": " ", "String": None}
    rest = iter(words)
    text = ""
    for part in children(line, *parts):
        if local(part) == "SP":
            text += " "
        else:
            text += (between if text else "") + next(rest).text
    hyphen = child(line, "HYP")
    mark = hyphen.get("CONTENT", "").replace(_SOFT_HYPHEN, "-") if hyphen is not None else ""
    return text if text.endswith(mark) else text + mark


def _word(element: etree._Element) -> FileWord:
    text = unicodedata.normalize("NFC", element.get("CONTENT", ""))
    glyphs = tuple(_glyph(glyph) for glyph in children(element, "Glyph"))
    confidence = probability(element.get("WC"))
    digits = element.get("CC", "").replace(" ", "")
    if not glyphs and confidence is None and digits.isdecimal() and len(digits) == len(text):
        glyphs = tuple(Character(c, 1 - int(d) / 9) for c, d in zip(text, digits, strict=True))
    return FileWord(text, confidence, glyphs)


def _glyph(element: etree._Element) -> Character:
    text = unicodedata.normalize("NFC", element.get("CONTENT", ""))
    return Character(text, probability(element.get("GC")), _outline(element))


def _outline(element: etree._Element) -> Polygon | None:
    polygon = element.find("{*}Shape/{*}Polygon")
    corners = points(polygon.get("POINTS")) if polygon is not None else None
    if corners:
        return corners
    left, top, width, height = (number(element.get(name)) for name in ("HPOS", "VPOS", "WIDTH", "HEIGHT"))
    if left is None or top is None or width is None or height is None:
        return None
    return Box(round(left), round(top), round(left + width), round(top + height)).corners


def _baseline(element: etree._Element) -> Polyline | None:
    """Points, or in ALTO 2 and 3 a single height."""
    value = element.get("BASELINE")
    height, left, width = (number(v) for v in (value, element.get("HPOS"), element.get("WIDTH")))
    if height is None or left is None or width is None:
        return points(value)
    return ((left, height), (left + width, height))


def _provenance(root: etree._Element) -> Iterator[Provenance]:
    for software in root.iterfind("{*}Description//{*}processingSoftware"):
        step = software.getparent()
        if step is None:
            continue
        settings = (step.findtext("{*}processingStepSettings") or "").splitlines()
        options = dict(setting.split("=", 1) for setting in settings if "=" in setting)
        yield Provenance(
            (step.findtext("{*}processingStepDescription") or "").strip(),
            (software.findtext("{*}softwareName") or "").strip(),
            (software.findtext("{*}softwareVersion") or "").strip(),
            {key.strip(): value.strip() for key, value in options.items()},
        )
