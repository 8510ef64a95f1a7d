"""Plain text."""

from manuscribe.document.model import Document, Line, Page, Region
from manuscribe.formats.text import write


def page(*regions):
    return Page(9, 9, tuple(Region(tuple(Line(text=text) for text in texts)) for texts in regions))


def test_lines_regions_and_pages():
    document = Document((page(["été", "deux"], ["marge"]), page(["ещё"])))
    assert write(document).decode("utf-8") == "été\ndeux\n\nmarge\n\fещё\n"


def test_lines_are_written_in_the_convention_that_was_asked_for():
    lines = (Line("né le 3.V.1889", normalised="né le 1889-05-03"), Line("à Paris"))
    document = Document((Page(9, 9, (Region(lines), Region(lines[1:]))),))
    assert write(document).decode("utf-8") == "né le 1889-05-03\nà Paris\n\nà Paris\n"
    assert document.text.startswith("né le 3.V.1889")


def test_nothing_read_is_an_empty_file():
    assert write(Document((page(),))) == b""
    assert write(Document((page(["", ""], [""]), page([""])))) == b""
    assert write(Document()) == b""


def test_lone_surrogates_do_not_crash():
    assert write(Document((page(["a\ud800"]),))) == b"a?\n"
