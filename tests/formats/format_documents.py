"""Documents for the tests of formats: one made by hand, and a strategy that makes any."""

import unicodedata
from dataclasses import replace
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from manuscribe.document.model import (
    Alternative,
    Character,
    Document,
    Line,
    Page,
    Provenance,
    Region,
    WrittenDate,
)

SHARED = Path(__file__).parents[3] / "shared"

# The same examples in every run, however busy the machine is.
steady = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


def square(x, y, size=10.0):
    return ((x, y), (x + size, y), (x + size, y + size), (x, y + size))


def letters(text, x, y, confidences):
    return tuple(
        Character(letter, confidence, square(x + 10 * index, y))
        for index, (letter, confidence) in enumerate(zip(text, confidences, strict=True))
    )


LETTER = Document(
    pages=(
        Page(
            width=200,
            height=100,
            regions=(
                Region(
                    lines=(
                        Line(
                            text="Dear Sir",
                            confidence=0.75,
                            characters=letters("Dear Sir", 20.0, 20.0, [1, 0.9, 0.8, 1, 1, 0.5, 1, 1]),
                            alternatives=(Alternative("Dear Mr", 0.1), Alternative("Dearest", 0.05)),
                            notes=("truncated", "check <this> & that"),
                            id="l1",
                            polygon=((20.4, 18), (100, 18), (100, 32), (20, 32)),
                            baseline=((20.4, 30.6), (100, 30)),
                            language="fr",
                        ),
                        Line(text="Дорогой друг", confidence=0.5, id="l2", baseline=((20, 60), (140, 64))),
                    ),
                    id="main",
                    polygon=square(10.0, 10.0, 80),
                ),
                Region(lines=(Line(text=""),), id="aside", kind="margin"),
            ),
            image="letter.jpg",
            notes=("dark",),
        ),
    ),
    provenance=(Provenance("read", "compact", "1.0", {"beams": "4", "language": "fr"}),),
)


# What a reader may give: any NFC text, also with characters that XML forbids. No surrogates: UTF-8 has none.
def _nfc(letters):
    return st.text(letters, max_size=12).map(lambda text: unicodedata.normalize("NFC", text))


_text = _nfc(st.characters(exclude_categories=["Cs"]))
_words = _nfc(st.sampled_from('aéЖ \N{COMBINING ACUTE ACCENT}\x07&"<'))
_rate = st.integers(0, 10_000).map(lambda n: n / 10_000)
_confidence = st.none() | _rate
_coordinate = st.integers(-1000, 30_000).map(lambda n: n / 100)
_points = st.lists(st.tuples(_coordinate, _coordinate), min_size=1, max_size=6).map(tuple)
_polygon = st.none() | _points
_names = st.sampled_from(["", "l1", "l2", "line_1", "region_1", "l1_word_1", "1 bad", "à", "l1"])


_edtf = st.sampled_from([None, "1937-10-12", "1937?-11-12", "XX37-11-12", "1856-05-03/1856-05-05"])


@st.composite
def _dates_in(draw, text):
    places = draw(st.lists(st.integers(0, len(text)), max_size=4, unique=True).map(sorted))
    return tuple(
        WrittenDate(text[start:end], start, end, draw(_edtf), draw(_words))
        for start, end in zip(places[::2], places[1::2], strict=False)
    )


@st.composite
def _lines(draw):
    text = draw(_text | _words)
    characters = ()
    if draw(st.booleans()):
        placed = draw(st.booleans())
        characters = tuple(Character(letter, draw(_confidence), draw(_points) if placed else None) for letter in text)
    line = Line(
        text=text,
        confidence=draw(_confidence),
        characters=characters,
        alternatives=tuple(draw(st.lists(st.builds(Alternative, _words, st.just(0.25)), max_size=2))),
        notes=tuple(draw(st.lists(_words, max_size=2))),
        id=draw(_names),
        polygon=draw(_polygon),
        baseline=draw(_polygon),
        language=draw(st.sampled_from([None, "fr", "uk", "de-AT", "x?", "zz"])),
        dates=draw(_dates_in(text)),
        normalised=draw(_words),
        expected_cer=draw(_confidence),
    )
    return replace(line, word_confidences=tuple(draw(_rate) for _ in line.words)) if draw(st.booleans()) else line


_regions = st.builds(
    Region,
    lines=st.lists(_lines(), max_size=3).map(tuple),
    id=_names,
    kind=st.sampled_from(["text", "margin", "heading", "other", "<&>"]),
    polygon=_polygon,
)
_pages = st.builds(
    Page,
    width=st.integers(0, 300),
    height=st.integers(0, 300),
    regions=st.lists(_regions, max_size=3).map(tuple),
    image=_words,
    notes=st.lists(_words, max_size=2).map(tuple),
)
_provenance = st.builds(Provenance, _text, _text, _text, st.dictionaries(_text, _text, max_size=2))

documents = st.builds(
    Document,
    pages=st.lists(_pages, max_size=2).map(tuple),
    provenance=st.lists(_provenance, max_size=2).map(tuple),
)
one_page_documents = st.builds(
    lambda page, provenance: replace(Document((page,)), provenance=tuple(provenance)),
    _pages,
    st.lists(_provenance, max_size=2),
)
