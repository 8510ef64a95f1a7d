"""PAGE XML: written as version 2019-07-15, read in any version (PRImA, primaresearch.org)."""

from datetime import UTC, datetime

from lxml import etree

from manuscribe.document.model import Character, Document, Line, Page, Provenance, Region, Word, WrittenDate
from manuscribe.errors import UsageError
from manuscribe.formats import Format
from manuscribe.formats.layout import line_outline, on_page, region_outline, word_outlines
from manuscribe.formats.page_reading import LANGUAGES, NOTE, OPTIONS, VERSION, read
from manuscribe.formats.xml import (
    REGION_KINDS,
    Identifiers,
    add,
    legal,
    points_text,
    probability_text,
    serialise,
)
from manuscribe.version import __version__

NAMESPACE = "http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"
_TYPES = {kind: name for name, kind in reversed(REGION_KINDS.items())}
_LANGUAGE_NAMES = {code: name for name, code in LANGUAGES.items()}


def write(document: Document, created: datetime | None = None) -> bytes:
    """Write a document of one page as PAGE XML.

    Args:
        document: One page; PAGE has a file for each.
        created: The time to state in the metadata; now if not given. Without time zone it is taken as UTC.

    Raises:
        UsageError: The document has no page, or several.
    """
    if len(document.pages) != 1:
        raise UsageError(f"PAGE XML holds one page, not {len(document.pages)}.", "Write a file for each page.")
    page = document.pages[0]
    root = etree.fromstring(f'<PcGts xmlns="{NAMESPACE}"/>')
    _write_metadata(root, document.provenance, created or datetime.now(UTC))
    _write_page(root, page)
    return serialise(root)


FORMAT = Format("page", ".page.xml", write, read)


def _write_metadata(root: etree._Element, provenance: tuple[Provenance, ...], created: datetime) -> None:
    metadata = add(root, "Metadata")
    time = (created if created.tzinfo else created.replace(tzinfo=UTC)).isoformat(timespec="seconds")
    for name, text in (("Creator", f"manuscribe {__version__}"), ("Created", time), ("LastChange", time)):
        add(metadata, name).text = text
    for step in provenance:
        item = add(metadata, "MetadataItem", type="processingStep", name=step.step, value=step.name)
        _write_labels(item, VERSION, [(step.name, step.version)])
        if step.options:
            _write_labels(item, OPTIONS, list(step.options.items()))


def _write_labels(parent: etree._Element, meaning: str, labels: list[tuple[str, str]]) -> None:
    group = add(parent, "Labels", externalModel="manuscribe", externalId=meaning)
    for kind, value in labels:
        add(group, "Label", value=value, type=kind)


def _write_notes(parent: etree._Element, notes: tuple[str, ...]) -> None:
    if notes:
        _write_labels(parent, NOTE, [("note", note) for note in notes])


def _write_page(root: etree._Element, page: Page) -> None:
    size = {"imageWidth": str(page.width), "imageHeight": str(page.height)}
    element = add(root, "Page", imageFilename=page.image, **size)
    identifiers = Identifiers(page)
    names = [identifiers.take(region.id, "region_") for region in page.regions]
    if names:
        group = add(add(element, "ReadingOrder"), "OrderedGroup", id=identifiers.take("", "order_"))
        for index, name in enumerate(names):
            add(group, "RegionRefIndexed", index=str(index), regionRef=name)
    _write_notes(element, page.notes)
    for region, name in zip(page.regions, names, strict=True):
        _write_region(element, region, name, page, identifiers)


def _write_region(parent: etree._Element, region: Region, name: str, page: Page, identifiers: Identifiers) -> None:
    kind = None if region.kind == "text" else _TYPES.get(region.kind, "other")
    custom = f"structure {{type:{region.kind};}}" if kind == "other" and region.kind != "other" else None
    element = add(parent, "TextRegion", id=name, type=kind, custom=custom)
    add(element, "Coords", points=points_text(region_outline(region, page)))
    for line in region.lines:
        _write_line(element, line, region, page, identifiers)


def _write_line(parent: etree._Element, line: Line, region: Region, page: Page, identifiers: Identifiers) -> None:
    name = identifiers.take(line.id, "line_")
    language = _LANGUAGE_NAMES.get(line.language.split("-")[0].lower()) if line.language else None
    element = add(parent, "TextLine", id=name, primaryLanguage=language, custom=_date_tags(line.dates))
    outline = line_outline(line, region, page)
    baseline = on_page(line.baseline, page) if line.baseline else None
    add(element, "Coords", points=points_text(outline))
    if baseline:
        add(element, "Baseline", points=points_text(baseline))
    words = line.words
    for word, place in zip(words, word_outlines(words, outline, baseline, page), strict=True):
        _write_word(element, word, points_text(place), name, page, identifiers)
    if line.text or line.confidence is not None or line.alternatives:
        _write_text(element, line.text, line.confidence, 0 if line.alternatives else None)
    for index, alternative in enumerate(line.alternatives, start=1):
        _write_text(element, alternative.text, alternative.confidence, index)
    _write_notes(element, line.notes)


def _date_tags(dates: tuple[WrittenDate, ...]) -> str | None:
    """Dates as Transkribus tags them in `custom`."""
    return " ".join(map(_date_tag, dates)) or None


def _date_tag(date: WrittenDate) -> str:
    # Braces, as EDTF has for sets, and semicolons would end the tag.
    when = f" when:{date.edtf};" if date.edtf and not set(date.edtf) & set("{};") else ""
    return f"date {{offset:{date.start}; length:{date.end - date.start};{when}}}"


def _write_word(
    parent: etree._Element, word: Word, place: str, line: str, page: Page, identifiers: Identifiers
) -> None:
    element = add(parent, "Word", id=identifiers.take("", f"{line}_word_"))
    add(element, "Coords", points=place)
    if word.characters and all(character.polygon for character in word.characters):
        for character in word.characters:
            _write_glyph(element, character, page, identifiers)
    _write_text(element, word.text, word.confidence)


def _write_glyph(parent: etree._Element, character: Character, page: Page, identifiers: Identifiers) -> None:
    element = add(parent, "Glyph", id=identifiers.take("", f"{parent.get('id')}_glyph_"))
    add(element, "Coords", points=points_text(on_page(character.polygon or (), page)))
    _write_text(element, character.text, character.confidence)


def _write_text(parent: etree._Element, text: str, confidence: float | None, index: int | None = None) -> None:
    conf = None if confidence is None else probability_text(confidence)
    element = add(parent, "TextEquiv", index=None if index is None else str(index), conf=conf)
    add(element, "Unicode").text = legal(text)
