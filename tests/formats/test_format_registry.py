"""Formats are found by name, the built-in ones and those of other packages."""

import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest

from manuscribe import formats
from manuscribe.errors import UsageError
from manuscribe.formats import Format, format_names, get_format
from tests.formats.format_documents import LETTER

UPPER = Format("upper", ".upper", lambda document: document.text.upper().encode())


def test_the_built_in_formats_are_there():
    assert {"alto", "json", "page", "txt"} <= set(format_names())
    for name in ("alto", "json", "page", "txt"):
        found = get_format(name)
        assert found.name == name
        assert found.write(LETTER)
    suffixes = [get_format(name).suffix for name in format_names()]
    assert len(set(suffixes)) == len(suffixes)


@pytest.mark.parametrize("name", ["page", "alto", "json"])
def test_formats_that_read_give_back_the_text(name):
    found = get_format(name)
    assert found.read is not None
    assert found.read(found.write(LETTER)).text == LETTER.text


def test_an_unknown_format_names_the_known_ones():
    with pytest.raises(UsageError, match="alto, json, page, txt"):
        get_format("docx9")


def install(monkeypatch, value):
    entry = EntryPoint("upper", value, formats.GROUP)
    monkeypatch.setattr(formats, "entry_points", lambda group, name="upper": (entry,) if name == "upper" else ())


def test_another_package_adds_a_format(monkeypatch):
    install(monkeypatch, f"{__name__}:UPPER")
    assert get_format("upper").write(LETTER).startswith(b"DEAR SIR")


@pytest.mark.parametrize("value", ["no.such.module:FORMAT", f"{__name__}:NOTHING", f"{__name__}:LETTER"])
def test_a_broken_package_is_named(monkeypatch, value):
    install(monkeypatch, value)
    with pytest.raises(UsageError, match="'upper'"):
        get_format("upper")


def test_only_what_is_asked_for_is_imported():
    code = (
        "import sys; from manuscribe.formats import get_format; get_format('txt');"
        "sys.exit(any(name in sys.modules for name in ('lxml', 'pydantic', 'numpy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
