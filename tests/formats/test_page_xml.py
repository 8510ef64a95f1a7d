"""PAGE XML: valid against its schema, read back as it was, and read from other programs."""

from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given
from lxml import etree

from manuscribe.document.model import Document, Line, Page, Region, WrittenDate
from manuscribe.errors import InputError, UsageError
from manuscribe.formats import page_xml
from manuscribe.formats.layout import on_page
from manuscribe.formats.page_xml import NAMESPACE, read
from tests.formats.format_documents import LETTER, SHARED, one_page_documents, steady

SCHEMA = SHARED / "schemas" / "page-2019-07-15.xsd"
DEV = SHARED / "data" / "pages" / "dev"
NOON = datetime(2026, 1, 1, 12)


def write(document):
    return page_xml.write(document, created=NOON)


def page(content, namespace=NAMESPACE, size='imageWidth="100" imageHeight="50"'):
    return f'<PcGts xmlns="{namespace}"><Page imageFilename="a.jpg" {size}>{content}</Page></PcGts>'.encode()


def only_line(content):
    region = f'<TextRegion id="r"><TextLine id="l">{content}</TextLine></TextRegion>'
    return read(page(region)).pages[0].lines[0]


@pytest.fixture(scope="module")
def schema():
    if not SCHEMA.exists():
        pytest.skip("the PAGE schema is not here")
    return etree.XMLSchema(etree.parse(SCHEMA))


def test_a_letter_is_valid(schema):
    schema.assertValid(etree.fromstring(write(LETTER)))


@given(one_page_documents)
@steady
def test_any_document_is_valid(schema, document):
    schema.assertValid(etree.fromstring(write(document)))


@given(one_page_documents)
@steady
def test_what_is_read_is_written_again_the_same(document):
    written = write(document)
    assert write(read(written)) == written


def test_a_letter_reads_back():
    back = read(write(LETTER))
    assert back.provenance == LETTER.provenance
    original, copy = LETTER.pages[0], back.pages[0]
    assert (copy.width, copy.height, copy.image, copy.notes) == (200, 100, "letter.jpg", ("dark",))
    assert [(r.id, r.kind) for r in copy.regions] == [("main", "text"), ("aside", "margin")]
    first, expected = copy.lines[0], original.lines[0]
    for name in ("id", "text", "confidence", "alternatives", "notes", "language"):
        assert getattr(first, name) == getattr(expected, name)
    assert first.polygon == ((20, 18), (100, 18), (100, 32), (20, 32))
    assert first.baseline == ((20, 31), (100, 30))
    assert [c.text for c in first.characters] == list("Dear Sir")
    assert [w.confidence for w in first.words] == [0.8, 0.5]
    assert first.characters[0].polygon == ((20, 20), (30, 20), (30, 30), (20, 30))
    assert copy.lines[1].text == "Дорогой друг"


def test_words_without_places_share_the_line():
    second = read(write(LETTER)).pages[0].lines[1]
    assert [word.confidence for word in second.words] == [0.5, 0.5]
    tree = etree.fromstring(write(LETTER))
    words = tree.findall(".//{*}TextLine[@id='l2']/{*}Word/{*}Coords")
    first, last = ([int(p.split(",")[0]) for p in w.get("points").split()] for w in words)
    assert (min(first), max(first)) == (20, 90)
    assert (min(last), max(last)) == (100, 140)


def test_same_document_same_bytes():
    assert write(LETTER) == write(LETTER)
    assert b"<Created>2026-01-01T12:00:00+00:00</Created>" in write(LETTER)
    assert page_xml.write(LETTER) != write(LETTER)


@pytest.mark.parametrize("pages", [(), LETTER.pages * 2])
def test_other_than_one_page_is_refused(pages):
    with pytest.raises(UsageError, match="one page"):
        write(Document(pages))


@pytest.mark.parametrize("version", ["2010-03-19", "2013-07-15", "2017-07-15", "2019-07-15"])
def test_any_version_is_read(version):
    namespace = f"http://schema.primaresearch.org/PAGE/gts/pagecontent/{version}"
    region = (
        '<TextRegion id="r"><TextLine id="l"><TextEquiv><Unicode>salut</Unicode></TextEquiv></TextLine></TextRegion>'
    )
    document = read(page(region, namespace))
    assert document.text == "salut"
    assert document.pages[0].width == 100


def test_points_as_elements_and_bad_points():
    old = '<Coords><Point x="1" y="2"/><Point x="3" y="4"/></Coords>'
    assert only_line(old).polygon == ((1, 2), (3, 4))
    assert only_line('<Coords points="1.5,-2 3,4"/>').polygon == ((1.5, -2), (3, 4))
    for bad in ("", "1,2", "1,2 3", "a,b c,d", "nan,nan 1,1", "1e99,0 1,1"):
        assert only_line(f'<Coords points="{bad}"/>').polygon is None


def test_several_readings_by_index():
    line = only_line(
        '<TextEquiv index="2" conf="0.1"><Unicode>third</Unicode></TextEquiv>'
        '<TextEquiv index="0" conf="0.6"><Unicode>first</Unicode></TextEquiv>'
        '<TextEquiv index="1"><PlainText>second</PlainText></TextEquiv>'
    )
    assert (line.text, line.confidence) == ("first", 0.6)
    assert [(a.text, a.confidence) for a in line.alternatives] == [("second", 0), ("third", 0.1)]


@pytest.mark.parametrize("conf", ["", "x", "-0.1", "1.1", "nan", "95"])
def test_impossible_confidence_is_unknown(conf):
    assert only_line(f'<TextEquiv conf="{conf}"><Unicode>a</Unicode></TextEquiv>').confidence is None


def test_words_make_the_text_where_the_line_has_none():
    line = only_line(
        '<Word id="a"><TextEquiv conf="0.5"><Unicode>deux</Unicode></TextEquiv></Word>'
        '<Word id="b"><Glyph id="g"><TextEquiv conf="0.9"><Unicode>m</Unicode></TextEquiv></Glyph></Word>'
    )
    assert line.text == "deux m"
    assert [(word.text, word.confidence) for word in line.words] == [("deux", 0.5), ("m", 0.9)]


def with_sure_words(*confidences):
    line = replace(LETTER.pages[0].lines[0], word_confidences=confidences)
    return Document((replace(LETTER.pages[0], regions=(Region((line,), id="r"),)),))


def test_confidences_of_words_come_back_beside_those_of_their_characters():
    (line,) = read(write(with_sure_words(0.95, 0.4))).pages[0].lines
    assert line.word_confidences == (0.95, 0.4)
    assert [character.confidence for character in line.characters] == [1, 0.9, 0.8, 1, None, 0.5, 1, 1]


def test_confidences_that_follow_from_the_characters_are_not_kept_twice():
    assert read(write(with_sure_words(0.8, 0.5))).pages[0].lines[0].word_confidences == ()
    assert read(write(LETTER)).pages[0].lines[0].word_confidences == ()


def test_a_file_that_says_nothing_of_one_word_has_no_confidences_of_words():
    glyph = '<Glyph id="g"><TextEquiv conf="0.9"><Unicode>a</Unicode></TextEquiv></Glyph>'
    line = only_line(
        f'<Word id="a">{glyph}<TextEquiv conf="0.5"><Unicode>a</Unicode></TextEquiv></Word>'
        '<Word id="b"><TextEquiv><Unicode>b</Unicode></TextEquiv></Word>'
    )
    assert line.word_confidences == ()
    assert [word.confidence for word in line.words] == [0.9, None]


def test_words_that_do_not_spell_the_line_are_left_out():
    line = only_line(
        '<Word id="a"><TextEquiv><Unicode>autre</Unicode></TextEquiv></Word>'
        "<TextEquiv><Unicode>chose</Unicode></TextEquiv>"
    )
    assert line.text == "chose"
    assert line.characters == ()


def region(name, inner="", **attributes):
    more = " ".join(f'{key}="{value}"' for key, value in attributes.items())
    return f'<TextRegion id="{name}" {more}><TextEquiv><Unicode>{name}</Unicode></TextEquiv>{inner}</TextRegion>'


def test_reading_order_with_groups_nesting_and_gaps():
    order = (
        '<ReadingOrder><OrderedGroup id="o"><RegionRefIndexed index="1" regionRef="a"/>'
        '<UnorderedGroupIndexed id="u" index="0"><RegionRef regionRef="c"/><RegionRef regionRef="b"/>'
        "</UnorderedGroupIndexed></OrderedGroup></ReadingOrder>"
    )
    table = f'<TableRegion id="t">{region("z")}</TableRegion>'
    regions = region("a", region("a1")) + region("b") + table + region("c")
    assert [r.id for r in read(page(order + regions)).pages[0].regions] == ["c", "b", "a", "a1", "z"]


def test_kinds_of_regions():
    regions = (
        region("a")
        + region("b", type="marginalia")
        + region("c", custom="structure {type:MarginTextZone;}")
        + region("d", type="heading")
    )
    kinds = [r.kind for r in read(page(regions)).pages[0].regions]
    assert kinds == ["text", "margin", "margin", "heading"]


def test_line_order_of_transkribus():
    def line(n):
        text = f"<TextEquiv><Unicode>{n}</Unicode></TextEquiv>"
        return f'<TextLine id="l{n}" custom="readingOrder {{index:{n};}}">{text}</TextLine>'

    assert read(page(f'<TextRegion id="r">{line(2)}{line(0)}{line(1)}</TextRegion>')).text == "0\n1\n2"


def test_dates_are_tagged_as_transkribus_does(schema):
    text = "vom 3.V.1889 bis 31.2.1890"
    dates = (WrittenDate("3.V.1889", 4, 12, "1889-05-03"), WrittenDate("31.2.1890", 17, 26, None, "no such day"))
    written = write(Document((Page(9, 9, (Region((Line(text, dates=dates),)),)),)))
    schema.assertValid(etree.fromstring(written))
    custom = etree.fromstring(written).find(".//{*}TextLine").get("custom")
    assert custom == "date {offset:4; length:8; when:1889-05-03;} date {offset:17; length:9;}"
    assert read(written).pages[0].lines[0].dates == (dates[0], replace(dates[1], reason=""))


def test_a_line_without_dates_has_no_tags():
    assert b"custom" not in write(LETTER)


def test_what_would_end_the_tag_is_no_part_of_it():
    line = Line("1889", dates=(WrittenDate("1889", 0, 4, "{1889,1890};} readingOrder {index:7;}"),))
    assert b'custom="date {offset:0; length:4;}"' in write(Document((Page(9, 9, (Region((line,)),)),)))


@pytest.mark.parametrize(
    ("custom", "dates"),
    [
        ("readingOrder {index:0;} date {offset:3; length:4;when:1889; }", [("1889", "1889")]),
        ("person {offset:0; length:2; notice:date;} date {offset:3; length:4;year:1889; day:0;}", [("1889", None)]),
        ("date {offset:0; length:2;}date {offset:3; length:4; when:1889;}", [("en", None), ("1889", "1889")]),
        ("date {offset:3; length:5; when:1889;}", []),
        ("date {offset:-3; length:4;}", []),
        ("date {offset:3; length:0;}", []),
        ("date {offset:3; length:" + "9" * 20 + ";}", []),
        ("date {offset:3; length:4;", []),
        ("date {offset:3; length:4; when: ; note:}", [("1889", None)]),
        ("birthdate {offset:3; length:4;}", []),
        ("date", []),
    ],
)
def test_dates_of_transkribus(custom, dates):
    text = "<TextEquiv><Unicode>en 1889</Unicode></TextEquiv>"
    document = read(page(f'<TextRegion id="r"><TextLine id="l" custom="{custom}">{text}</TextLine></TextRegion>'))
    assert [(date.text, date.edtf) for date in document.pages[0].lines[0].dates] == dates


def test_text_is_normalised():
    assert only_line("<TextEquiv><Unicode>e\N{COMBINING ACUTE ACCENT}</Unicode></TextEquiv>").text == "é"


def test_a_page_without_anything():
    document = read(page("", size=""))
    assert (document.pages[0].width, document.pages[0].regions) == (0, ())


@pytest.mark.parametrize("data", [b"", b"no xml", b"<PcGts/>", b"<html/>", b"<PcGts><Page></PcGts>", page("")[:-9]])
def test_what_is_no_page_is_refused(data):
    with pytest.raises(InputError) as caught:
        read(data)
    assert caught.value.remedy
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(not DEV.exists(), reason="the shared pages are not here")
def test_ground_truth_pages_survive_a_round_trip():
    files = sorted(DEV.glob("*.xml"))
    assert files
    for file in files:
        document = read(file.read_bytes())
        sheet, lines = document.pages[0], document.pages[0].lines
        assert lines
        assert all(line.polygon and line.baseline for line in lines)
        back = read(write(document))
        assert [line.text for line in back.pages[0].lines] == [line.text for line in lines]
        baselines = [on_page(line.baseline, sheet) for line in lines]
        assert [line.baseline for line in back.pages[0].lines] == baselines
