"""The JSON form: nothing is lost, nothing impossible gets in."""

import json

import pytest
from hypothesis import given

from manuscribe.document.model import Character, Document, Line, Page, Region
from manuscribe.errors import InputError
from manuscribe.formats import json_format
from manuscribe.formats.json_format import read, write
from tests.formats.format_documents import LETTER, documents, steady


@given(documents)
@steady
def test_any_document_reads_back_as_it_was(document):
    assert read(write(document)) == document


def test_a_letter_reads_back_as_it_was():
    assert read(write(LETTER)) == LETTER


def test_letters_of_all_scripts_stay_readable():
    assert "Дорогой друг" in write(LETTER).decode("utf-8")


def test_lone_surrogates_do_not_crash():
    document = Document((Page(1, 1, (Region((Line(text="a\ud800"),)),)),))
    assert read(write(document)).text == "a?"


def test_numbers_are_rounded_and_empty_fields_left_out():
    character = Character("a", 0.123456, ((1.23456, 2.0), (1 / 3, 5)))
    document = Document((Page(9, 8, (Region((Line(text="a", characters=(character,)),)),)),))
    assert json.loads(write(document)) == {
        "format": "manuscribe-document",
        "version": 1,
        "pages": [{"width": 9, "height": 8, "regions": [{"lines": [{
            "text": "a", "characters": [{"text": "a", "confidence": 0.1235, "polygon": [[1.23, 2.0], [0.33, 5]]}],
        }]}]}],
    }  # fmt: skip


def change(**fields):
    return json.dumps({**json.loads(write(LETTER)), **fields}).encode()


def with_line(**fields):
    return change(pages=[{"width": 5, "height": 5, "regions": [{"lines": [{"text": "a", **fields}]}]}])


@pytest.mark.parametrize(("data", "words"), [
    (b"", "not JSON"),
    (b"\xff\xfe\xfa", "not JSON"),
    (b'{"format": "manuscribe-document", "version"', "not JSON"),
    (b"[]", "no object"),
    (b"{}", "format"),
    (change(format="other"), "format"),
    (change(version=2), "version 2"),
    (change(version="1"), "version '1'"),
    (change(pages=5), "pages"),
    (change(pages=[{"width": "5", "height": 5}]), r"pages\.0\.width"),
    (change(pages=[{"height": 5}]), r"pages\.0\.width"),
    (change(pages=[{"width": -5, "height": 5}]), "-5 × 5"),
    (with_line(confidence=1.5), "confidence of 1.5"),
    (with_line(characters=[{"text": "a", "confidence": float("nan")}]), "confidence of nan"),
    (with_line(alternatives=[{"text": "a", "confidence": -1}]), "confidence of -1"),
    (with_line(polygon=[[0, float("inf")]]), "finite"),
    (with_line(baseline=[[0, 1, 2]]), "baseline"),
])  # fmt: skip
def test_what_is_wrong_is_said(data, words):
    with pytest.raises(InputError, match=words) as caught:
        read(data)
    assert "\n" not in str(caught.value)
    assert caught.value.remedy


def test_too_deep_and_too_large_are_refused(monkeypatch):
    with pytest.raises(InputError, match="deeply"):
        read(b'{"a":' * 200_000 + b"1" + b"}" * 200_000)
    with pytest.raises(InputError):
        read(change(pages=[json.loads("[" * 400 + "]" * 400)]))
    monkeypatch.setattr(json_format, "BYTE_LIMIT", 10)
    with pytest.raises(InputError, match="larger"):
        read(write(LETTER))
