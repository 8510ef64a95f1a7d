"""The JSON form: nothing is lost, nothing impossible gets in."""

import json

import pytest
from hypothesis import given

from manuscribe.document.model import Character, Document, Line, Page, Region, WrittenDate
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


def with_date(**fields):
    return with_line(text="g 1937", dates=[{"text": "1937", "start": 2, "end": 6, "edtf": "1937", **fields}])


def test_dates_are_written_with_their_places_and_days():
    dates = (WrittenDate("31.2.1937", 0, 9, None, "1937-02 has no day 31"), WrittenDate("1937 г.", 12, 19, "1937"))
    line = Line("31.2.1937 – 1937 г.", dates=dates, normalised="31.2.1937 – 1937")
    (region,) = json.loads(write(Document((Page(9, 8, (Region((line,)),)),))))["pages"][0]["regions"]
    assert region["lines"][0]["dates"] == [
        {"text": "31.2.1937", "start": 0, "end": 9, "reason": "1937-02 has no day 31"},
        {"text": "1937 г.", "start": 12, "end": 19, "edtf": "1937"},
    ]
    assert region["lines"][0]["normalised"] == "31.2.1937 – 1937"
    assert read(with_date()).pages[0].lines[0].dates == (WrittenDate("1937", 2, 6, "1937"),)


def test_what_a_calibration_says_has_four_decimals():
    line = Line("à toi", expected_cer=0.0123456, word_confidences=(0.98765432, 1.0))
    written = write(Document((Page(9, 8, (Region((line,)),)),)))
    (entry,) = json.loads(written)["pages"][0]["regions"][0]["lines"]
    assert entry == {"text": "à toi", "expected_cer": 0.0123, "word_confidences": [0.9877, 1.0]}
    assert [word.confidence for word in read(written).pages[0].lines[0].words] == [0.9877, 1.0]


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
    (with_line(expected_cer=1.01), "expected CER of 1.01"),
    (with_line(expected_cer=-0.1), "expected CER of -0.1"),
    (with_line(expected_cer=float("nan")), "expected CER of nan"),
    (with_line(expected_cer="0.1"), "expected_cer"),
    (with_line(word_confidences=[1.5]), "confidence of 1.5"),
    (with_line(word_confidences=[float("nan")]), "confidence of nan"),
    (with_line(word_confidences=[0.5, 0.5]), "2 confidences for 1 words"),
    (with_line(text="a b", word_confidences=[0.5]), "1 confidences for 2 words"),
    (with_line(text="", word_confidences=[0.5]), "1 confidences for 0 words"),
    (with_line(word_confidences=[None]), "word_confidences"),
    (with_line(polygon=[[0, float("inf")]]), "finite"),
    (with_line(baseline=[[0, 1, 2]]), "baseline"),
    (with_line(normalised=3), r"normalised"),
    (with_date(start="0"), r"dates\.0\.start"),
    (with_date(edtf=1937), r"dates\.0\.edtf"),
    (with_date(start=-1), "a date from -1 to 6 that does not stand there"),
    (with_date(end=10**30), "that does not stand there"),
    (with_date(start=6), "a date from 6 to 6"),
    (with_date(text="1938"), "a date from 2 to 6"),
    (with_line(text="en", dates=[{"text": "n", "start": 1, "end": 9}]), "a date from 1 to 9"),
    (with_line(dates=[{"text": "a", "start": 0}]), r"dates\.0\.end"),
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
