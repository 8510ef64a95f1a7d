"""XML as PAGE and ALTO share it: parsed without entities or network, written so that any text is legal."""

import re
from collections.abc import Iterable, Iterator

from lxml import etree

from manuscribe.document.model import Page, Point
from manuscribe.errors import InputError

BYTE_LIMIT = 64 << 20
REGION_KINDS = {"marginalia": "margin", "MarginTextZone": "margin", "paragraph": "text", "MainZone": "text"}
"""What PAGE and the SegmOnto vocabulary call our kinds of region; other names are kept as they are."""

_NAME = re.compile(r"[A-Za-z_][\w.\-]*", re.ASCII)
_ILLEGAL = re.compile(r"[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")
_NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?")
_COORDINATE_LIMIT = 1e6


def parse(data: bytes, root: str) -> etree._Element:
    """Parse a file from anywhere: no document type, no entities, no network, bounded size and depth.

    Args:
        data: The file's bytes.
        root: Name of the root element that is expected, in whatever namespace.

    Raises:
        InputError: The bytes are no such XML, or have something in them that we refuse.
    """
    if len(data) > BYTE_LIMIT:
        raise InputError(f"The XML is larger than {BYTE_LIMIT >> 20} MiB.", "Split it into one file a page.")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        tree = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise InputError(f"This is not well-formed XML: {error.msg}.", "Export the file again.") from error
    if tree.getroottree().docinfo.internalDTD is not None:
        raise InputError("The XML declares a document type, which is not read.", "Remove its DOCTYPE.")
    if local(tree) != root:
        raise InputError(f"The XML is <{local(tree)}>, not <{root}>.", "Name a file of the right format.")
    return tree


def serialise(root: etree._Element) -> bytes:
    """The bytes of an XML file, UTF-8, indented, ending in a newline."""
    etree.indent(root)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8") + b"\n"


def local(element: etree._Element) -> str:
    """Name of an element without its namespace."""
    return etree.QName(element).localname


def children(element: etree._Element, *names: str) -> Iterator[etree._Element]:
    """Child elements of these names, in whatever namespace."""
    return (child for child in element.iterchildren("{*}*") if local(child) in names)


def child(element: etree._Element, name: str) -> etree._Element | None:
    """The first child element of this name."""
    return next(children(element, name), None)


def add(parent: etree._Element, tag: str, /, **attributes: str | None) -> etree._Element:
    """Append a child in the parent's namespace; attributes that are `None` are left out."""
    known = {key: legal(value) for key, value in attributes.items() if value is not None}
    return etree.SubElement(parent, etree.QName(etree.QName(parent).namespace, tag), known)


def legal(text: str) -> str:
    """Text with the characters replaced that XML 1.0 has no place for.

    Control characters that separate (vertical tab, form feed, …) become spaces, others U+FFFD.
    """
    return _ILLEGAL.sub(lambda match: " " if match[0].isspace() else "\N{REPLACEMENT CHARACTER}", text)


def probability(value: str | None) -> float | None:
    """Read a confidence; `None` for what is no number in [0, 1]."""
    number_read = number(value)
    return number_read if number_read is not None and 0 <= number_read <= 1 else None


def probability_text(confidence: float) -> str:
    """Write a confidence with four decimals at most, within [0, 1]."""
    return f"{min(max(confidence, 0.0), 1.0):.4f}".rstrip("0").rstrip(".")


def number(value: str | None) -> float | None:
    """Read a finite number of a sensible size."""
    if value is None or not _NUMBER.fullmatch(value.strip()):
        return None
    result = float(value)
    return result if abs(result) <= _COORDINATE_LIMIT else None


def points(value: str | None) -> tuple[Point, ...] | None:
    """Read `"x,y x,y …"` or `"x y x y …"`; `None` for anything else, and for fewer than two points."""
    numbers = [number(part) for part in re.split(r"[\s,]+", (value or "").strip())]
    known = [n for n in numbers if n is not None]
    if len(known) != len(numbers) or len(known) < 4 or len(known) % 2:
        return None
    return tuple(zip(known[::2], known[1::2], strict=True))


def points_text(corners: Iterable[Point]) -> str:
    """Write points that are integers already as `"x,y x,y …"`."""
    return " ".join(f"{x:.0f},{y:.0f}" for x, y in corners)


class Identifiers:
    """Hands out identifiers that are legal (`xsd:ID`) and unique in one file.

    Those that the page's regions and lines have already are kept by the first that asks for them.
    """

    def __init__(self, page: Page) -> None:
        wanted = [*(region.id for region in page.regions), *(line.id for line in page.lines)]
        self._reserved = {name for name in wanted if _NAME.fullmatch(name)}
        self._taken: set[str] = set()
        self._numbers: dict[str, int] = {}

    def take(self, wanted: str, otherwise: str) -> str:
        """`wanted` if it is legal and free, else `otherwise` with the next free number."""
        if wanted in self._reserved and wanted not in self._taken:
            self._taken.add(wanted)
            return wanted
        while True:
            self._numbers[otherwise] = self._numbers.get(otherwise, 0) + 1
            name = f"{otherwise}{self._numbers[otherwise]}"
            if name not in self._reserved and name not in self._taken:
                self._taken.add(name)
                return name
