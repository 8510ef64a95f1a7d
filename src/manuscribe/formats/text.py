"""Plain text: UTF-8, a line for a line, an empty line between regions, a form feed between pages."""

from dataclasses import replace

from manuscribe.document.model import Document, Line, Page, Region
from manuscribe.formats import Format


def write(document: Document) -> bytes:
    """Write the text of a document; it ends in a newline, and without any text the file is empty.

    Lines whose dates were to be in one convention are written so: plain text has no place for both.
    """
    text = Document(tuple(map(_as_asked_for, document.pages))).text
    # Lone surrogates, which no reader should give, are the only text that UTF-8 has no bytes for.
    return (text + "\n").encode("utf-8", errors="replace") if text.strip() else b""


def _as_asked_for(page: Page) -> Page:
    """The page's texts alone, normalised where they are."""
    texts = [[Line(line.normalised or line.text) for line in region.lines] for region in page.regions]
    return replace(page, regions=tuple(Region(tuple(lines)) for lines in texts))


FORMAT = Format("txt", ".txt", write)
