"""Plain text: UTF-8, a line for a line, an empty line between regions, a form feed between pages."""

from manuscribe.document.model import Document
from manuscribe.formats import Format


def write(document: Document) -> bytes:
    """Write the text of a document; it ends in a newline, and without any text the file is empty."""
    text = document.text
    # Lone surrogates, which no reader should give, are the only text that UTF-8 has no bytes for.
    return (text + "\n").encode("utf-8", errors="replace") if text.strip() else b""


FORMAT = Format("txt", ".txt", write)
