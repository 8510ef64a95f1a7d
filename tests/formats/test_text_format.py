"""Plain text."""

from manuscribe.document.model import Document, Line, Page, Region
from manuscribe.formats.text import write


def page(*regions):
    return Page(9, 9, tuple(Region(tuple(Line(text=text) for text in texts)) for texts in regions))


def test_lines_regions_and_pages():
    document = Document((page(["été", "deux"], ["marge"]), page(["ещё"])))
    assert write(document).decode("utf-8") == "été\ndeux\n\nmarge\n\fещё\n"


def test_nothing_read_is_an_empty_file():
    assert write(Document((page(),))) == b""
    assert write(Document((page(["", ""], [""]), page([""])))) == b""
    assert write(Document()) == b""


def test_lone_surrogates_do_not_crash():
    assert write(Document((page(["a\ud800"]),))) == b"a?\n"
