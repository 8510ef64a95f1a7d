"""ALTO XML: written as version 4.4, read in versions 2 to 4 (Library of Congress, loc.gov/standards/alto)."""

import re
from collections.abc import Sequence

from lxml import etree

from manuscribe.document.model import Character, Document, Line, Page, Polygon, Provenance, Region, Word
from manuscribe.errors import UsageError
from manuscribe.formats import Format
from manuscribe.formats.alto_reading import NOTE, PAGE_NOTE, read
from manuscribe.formats.layout import Box, box_of, line_outline, on_page, region_outline, word_outlines
from manuscribe.formats.xml import Identifiers, add, legal, points_text, probability_text, serialise

NAMESPACE = "http://www.loc.gov/standards/alto/ns-v4#"
_EMPTY = (
    f'<alto xmlns="{NAMESPACE}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    f' xsi:schemaLocation="{NAMESPACE} http://www.loc.gov/standards/alto/v4/alto-4-4.xsd"/>'
)
_LANGUAGE = re.compile(r"[a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8})*")


def write(document: Document) -> bytes:
    """Write a document of one page as ALTO XML, in pixels.

    Raises:
        UsageError: The document has no page, or several.
    """
    if len(document.pages) != 1:
        raise UsageError(f"An ALTO file holds one page, not {len(document.pages)}.", "Write a file for each page.")
    return serialise(_Writer(document.pages[0]).write(document.provenance))


FORMAT = Format("alto", ".alto.xml", write, read)


class _Writer:
    """Writes one page; holds what all its elements share: identifiers and tags."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.identifiers = Identifiers(page)
        self.root = etree.fromstring(_EMPTY)
        self.tags: dict[tuple[str, str], str] = {}

    def write(self, provenance: Sequence[Provenance]) -> etree._Element:
        _write_description(self.root, self.page, provenance, self.identifiers)
        tags = add(self.root, "Tags")
        self._write_layout()
        for (kind, label), name in self.tags.items():
            add(tags, "LayoutTag" if kind == "region" else "OtherTag", ID=name, TYPE=kind, LABEL=label)
        if not self.tags:
            self.root.remove(tags)
        return self.root

    def _tag_references(self, kind: str, labels: Sequence[str]) -> str | None:
        for label in labels:
            if (kind, label) not in self.tags:
                self.tags[kind, label] = self.identifiers.take("", "tag_")
        return " ".join(self.tags[kind, label] for label in labels) or None

    def _write_layout(self) -> None:
        size = {"WIDTH": str(self.page.width), "HEIGHT": str(self.page.height)}
        name = self.identifiers.take("", "page_")
        page = add(add(self.root, "Layout"), "Page", ID=name, PHYSICAL_IMG_NR="1", **size)
        # ALTO lets neither the page nor its print space refer to a tag: such tags are known by their type.
        self._tag_references(PAGE_NOTE, self.page.notes)
        space = add(page, "PrintSpace", HPOS="0", VPOS="0", **size)
        for region in self.page.regions:
            self._write_region(space, region)

    def _write_region(self, parent: etree._Element, region: Region) -> None:
        outline = region_outline(region, self.page)
        name = self.identifiers.take(region.id, "region_")
        kind = self._tag_references("region", [region.kind] if region.kind != "text" else [])
        block = add(parent, "TextBlock", ID=name, TAGREFS=kind, **_box(outline))
        _write_shape(block, outline)
        for line in region.lines:
            self._write_line(block, line, region)

    def _write_line(self, parent: etree._Element, line: Line, region: Region) -> None:
        outline = line_outline(line, region, self.page)
        baseline = on_page(line.baseline, self.page) if line.baseline else None
        element = add(
            parent,
            "TextLine",
            ID=self.identifiers.take(line.id, "line_"),
            TAGREFS=self._tag_references(NOTE, line.notes),
            BASELINE=points_text(baseline) if baseline else None,
            LANG=line.language if line.language and _LANGUAGE.fullmatch(line.language) else None,
            **_box(outline),
        )
        _write_shape(element, outline)
        # The schema wants a String in every line, also where nothing was read.
        words = line.words or (Word("", line.confidence, None, ()),)
        places = word_outlines(words, outline, baseline, self.page)
        for index, (word, place) in enumerate(zip(words, places, strict=True)):
            if index:
                _write_space(element, places[index - 1], place)
            self._write_word(element, word, place, _other_words(line, words, index))

    def _write_word(self, parent: etree._Element, word: Word, place: Polygon, others: Sequence[str]) -> None:
        name = self.identifiers.take("", f"{parent.get('ID')}_word_")
        element = add(
            parent,
            "String",
            ID=name,
            CONTENT=word.text,
            WC=None if word.confidence is None else probability_text(word.confidence),
            CC=_character_digits(word.characters),
            **_box(place),
        )
        _write_shape(element, place)
        for other in others:
            add(element, "ALTERNATIVE", PURPOSE="recognition").text = legal(other)
        # A Glyph's CONTENT is exactly one code point.
        if word.characters and all(c.polygon and len(c.text) == 1 for c in word.characters):
            for character in word.characters:
                self._write_glyph(element, character)

    def _write_glyph(self, parent: etree._Element, character: Character) -> None:
        outline = on_page(character.polygon or (), self.page)
        confidence = None if character.confidence is None else probability_text(character.confidence)
        name = self.identifiers.take("", f"{parent.get('ID')}_glyph_")
        glyph = add(parent, "Glyph", ID=name, CONTENT=character.text, GC=confidence, **_box(outline))
        _write_shape(glyph, outline)


def _add_text(parent: etree._Element, name: str, text: str) -> None:
    if text:
        add(parent, name).text = legal(text)


def _write_description(
    root: etree._Element, page: Page, provenance: Sequence[Provenance], identifiers: Identifiers
) -> None:
    description = add(root, "Description")
    _add_text(description, "MeasurementUnit", "pixel")
    _add_text(add(description, "sourceImageInformation"), "fileName", page.image)
    for step in provenance:
        processing = add(description, "Processing", ID=identifiers.take("", "processing_"))
        _add_text(processing, "processingCategory", "contentGeneration")
        _add_text(processing, "processingStepDescription", step.step)
        settings = "\n".join(f"{key}={value}" for key, value in step.options.items())
        _add_text(processing, "processingStepSettings", settings)
        software = add(processing, "processingSoftware")
        for name, text in (("Creator", "manuscribe"), ("Name", step.name), ("Version", step.version)):
            _add_text(software, f"software{name}", text)


def _box(outline: Polygon) -> dict[str, str]:
    box = box_of(outline)
    width, height = box.right - box.left, box.bottom - box.top
    return {"HPOS": str(box.left), "VPOS": str(box.top), "WIDTH": str(width), "HEIGHT": str(height)}


def _write_shape(parent: etree._Element, outline: Polygon) -> None:
    add(add(parent, "Shape"), "Polygon", POINTS=points_text(outline))


def _write_space(parent: etree._Element, before: Polygon, after: Polygon) -> None:
    left, right = box_of(before), box_of(after)
    gap = Box(left.right, min(left.top, right.top), max(left.right, right.left), max(left.bottom, right.bottom))
    add(parent, "SP", **_box(gap.corners))


def _character_digits(characters: Sequence[Character]) -> str | None:
    """ALTO's CC: a digit for each code point, 0 for sure to 9 for unsure."""
    if not characters or any(character.confidence is None for character in characters):
        return None
    digits = [(round(9 * (1 - (c.confidence or 0.0))), len(c.text)) for c in characters]
    return "".join(str(min(max(digit, 0), 9)) * count for digit, count in digits)


def _other_words(line: Line, words: Sequence[Word], index: int) -> list[str]:
    """What the line's alternatives read instead of a word, where they have as many words as the reading."""
    readings = [alternative.text.split() for alternative in line.alternatives]
    others = [reading[index] for reading in readings if len(reading) == len(words)]
    return [other for other in dict.fromkeys(others) if other != words[index].text]
