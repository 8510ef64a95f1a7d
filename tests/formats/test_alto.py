"""ALTO: valid against its schema, read back as far as it has a place, and read from other programs."""

from dataclasses import replace

import pytest
from hypothesis import given
from lxml import etree

from manuscribe.document.model import Alternative, Document, Region
from manuscribe.errors import InputError, UsageError
from manuscribe.formats.alto import NAMESPACE, read, write
from tests.formats.format_documents import LETTER, SHARED, one_page_documents, steady

SCHEMA = SHARED / "schemas" / "alto-4-4.xsd"

# ALTO's schema imports xlink from the web; of it, only the name of one attribute group matters here.
XLINK = """<xsd:schema xmlns:xsd="http://www.w3.org/2001/XMLSchema" targetNamespace="http://www.w3.org/1999/xlink">
<xsd:attributeGroup name="simpleLink"/></xsd:schema>"""


class LocalXlink(etree.Resolver):
    def resolve(self, url, public_id, context):
        return self.resolve_string(XLINK, context) if url.endswith("xlink.xsd") else None


@pytest.fixture(scope="module")
def schema():
    if not SCHEMA.exists():
        pytest.skip("the ALTO schema is not here")
    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(LocalXlink())
    return etree.XMLSchema(etree.parse(SCHEMA, parser))


def alto(content, namespace=NAMESPACE, before="", page='WIDTH="100" HEIGHT="50"'):
    layout = f'<Layout><Page ID="p" PHYSICAL_IMG_NR="1" {page}><PrintSpace>{content}</PrintSpace></Page></Layout>'
    return f'<alto xmlns="{namespace}">{before}{layout}</alto>'.encode()


def only_line(content, attributes=""):
    return read(alto(f'<TextBlock ID="b"><TextLine {attributes}>{content}</TextLine></TextBlock>')).pages[0].lines[0]


def test_a_letter_is_valid(schema):
    schema.assertValid(etree.fromstring(write(LETTER)))


@given(one_page_documents)
@steady
def test_any_document_is_valid(schema, document):
    schema.assertValid(etree.fromstring(write(document)))


@given(one_page_documents)
@steady
def test_any_document_is_read_back_in_structure(document):
    page, copy = document.pages[0], read(write(document)).pages[0]
    assert [len(region.lines) for region in copy.regions] == [len(region.lines) for region in page.regions]
    assert [line.text for line in copy.lines] == [line.text for line in read(write(Document((copy,)))).pages[0].lines]


def test_a_letter_reads_back():
    back = read(write(LETTER))
    assert back.provenance == LETTER.provenance
    page = back.pages[0]
    assert (page.width, page.height, page.image, page.notes) == (200, 100, "letter.jpg", ("dark",))
    assert [(r.id, r.kind) for r in page.regions] == [("main", "text"), ("aside", "margin")]
    first, expected = page.lines[0], LETTER.pages[0].lines[0]
    assert (first.id, first.text, first.notes, first.language) == ("l1", "Dear Sir", expected.notes, "fr")
    assert first.polygon == ((20, 18), (100, 18), (100, 32), (20, 32))
    assert first.baseline == ((20, 31), (100, 30))
    assert [c.confidence for c in first.characters] == [1, 0.9, 0.8, 1, None, 0.5, 1, 1]
    assert first.characters[0].polygon == ((20, 20), (30, 20), (30, 30), (20, 30))
    assert page.lines[1].text == "Дорогой друг"
    assert page.lines[2].text == ""


def strings(document):
    return etree.fromstring(write(document)).findall(".//{*}String")


def test_words_carry_confidence_in_words_and_digits():
    dear, sir, *_ = strings(LETTER)
    assert (dear.get("CONTENT"), dear.get("WC"), dear.get("CC")) == ("Dear", "0.8", "0120")
    assert (sir.get("WC"), sir.get("CC")) == ("0.5", "400")
    assert (dear.get("HPOS"), dear.get("WIDTH")) == ("20", "40")


def test_alternatives_stand_at_the_words_that_differ():
    dear, sir, *_ = strings(LETTER)
    assert [e.text for e in dear.iterfind("{*}ALTERNATIVE")] == []
    assert [e.text for e in sir.iterfind("{*}ALTERNATIVE")] == ["Mr"]


def test_alternatives_are_listed_once():
    line = replace(LETTER.pages[0].lines[0], alternatives=(Alternative("Dear Mr", 0.1), Alternative("My Mr", 0.1)))
    region = replace(LETTER.pages[0].regions[0], lines=(line,))
    dear, sir = strings(Document((replace(LETTER.pages[0], regions=(region,)),)))
    assert [e.text for e in dear.iterfind("{*}ALTERNATIVE")] == ["My"]
    assert [e.text for e in sir.iterfind("{*}ALTERNATIVE")] == ["Mr"]


def test_same_document_same_bytes():
    assert write(LETTER) == write(LETTER)


@pytest.mark.parametrize("pages", [(), LETTER.pages * 2])
def test_other_than_one_page_is_refused(pages):
    with pytest.raises(UsageError, match="one page"):
        write(Document(pages))


@pytest.mark.parametrize("namespace", [
    "", "http://www.loc.gov/standards/alto/ns-v2#", "http://www.loc.gov/standards/alto/ns-v3#",
    "http://www.loc.gov/standards/alto/ns-v4#", "http://schema.ccs-gmbh.com/ALTO",
])  # fmt: skip
def test_any_version_is_read(namespace):
    line = '<TextBlock ID="b"><TextLine><String CONTENT="deux"/><SP/><String CONTENT="mots"/></TextLine></TextBlock>'
    assert read(alto(line, namespace)).text == "deux mots"


def test_one_string_a_line_as_in_escriptorium():
    line = only_line(
        '<String CONTENT="un vieux mot" WC="0.25"/>',
        'BASELINE="1 9 50 9" HPOS="1" VPOS="2" WIDTH="49" HEIGHT="8"',
    )
    assert line.text == "un vieux mot"
    assert line.baseline == ((1, 9), (50, 9))
    assert line.polygon == ((1, 2), (50, 2), (50, 10), (1, 10))
    assert [word.confidence for word in line.words] == [0.25] * 3


def test_strings_without_spaces_between_them():
    assert only_line('<String CONTENT="deux"/><String CONTENT="mots"/>').text == "deux mots"
    assert only_line('<String CONTENT="d"/><String CONTENT="eux"/><SP/><String CONTENT="mots"/>').text == "deux mots"


@pytest.mark.parametrize("hyphen", ["-", "\N{SOFT HYPHEN}"])
def test_hyphens_stay_as_they_are_written(hyphen):
    part = '<String CONTENT="shap" SUBS_TYPE="HypPart1" SUBS_CONTENT="shaping"/>'
    assert only_line(f'{part}<HYP CONTENT="{hyphen}"/>').text == "shap-"
    assert only_line(f'<String CONTENT="shap-"/><HYP CONTENT="{hyphen}"/>').text == "shap-"


def test_confidences_of_words_come_back_beside_those_of_their_characters():
    line = replace(LETTER.pages[0].lines[0], word_confidences=(0.95, 0.4))
    written = write(Document((replace(LETTER.pages[0], regions=(Region((line,), id="r"),)),)))
    (line,) = read(written).pages[0].lines
    assert line.word_confidences == (0.95, 0.4)
    assert [character.confidence for character in line.characters] == [1, 0.9, 0.8, 1, None, 0.5, 1, 1]
    assert read(write(LETTER)).pages[0].lines[0].word_confidences == ()


def test_a_string_of_several_words_has_one_confidence_for_all():
    line = only_line('<String CONTENT="un mot" WC="0.25"/>')
    assert line.word_confidences == ()
    assert [word.confidence for word in line.words] == [0.25, 0.25]


def test_digits_count_only_where_nothing_better_is_said():
    assert [c.confidence for c in only_line('<String CONTENT="ab" CC="09"/>').characters] == [1, 0]
    assert [c.confidence for c in only_line('<String CONTENT="ab" CC="0 9"/>').characters] == [1, 0]
    assert [c.confidence for c in only_line('<String CONTENT="ab" CC="09" WC="0.5"/>').characters] == [
        0.5,
        0.5,
    ]
    assert [c.confidence for c in only_line('<String CONTENT="ab" CC="091"/>').characters] == [None, None]


def test_superscript_digits_say_nothing():
    assert [c.confidence for c in only_line('<String CONTENT="ab" CC="0²"/>').characters] == [None, None]


def test_a_baseline_that_is_one_height():
    assert only_line("", 'BASELINE="30" HPOS="10" VPOS="5" WIDTH="60" HEIGHT="9"').baseline == (
        (10, 30),
        (70, 30),
    )
    assert only_line("", 'BASELINE="30"').baseline is None


def test_reading_order_tags_and_margins():
    blocks = "".join(
        f'<TextBlock ID="{name}" TAGREFS="{tag}"/>' for name, tag in (("a", "T1 T9"), ("b", "T2"), ("c", ""))
    )
    tags = '<Tags><OtherTag ID="T1" LABEL="MarginTextZone"/><LayoutTag ID="T2" LABEL="table"/></Tags>'
    references = '<ElementRef ID="e1" REF="c"/><ElementRef ID="e2" REF="a"/>'
    order = f'<ReadingOrder><OrderedGroup ID="o">{references}</OrderedGroup></ReadingOrder>'
    data = alto(f'<ComposedBlock ID="k">{blocks}</ComposedBlock>', before=tags + order)
    margin = b'<LeftMargin><TextBlock ID="m"/></LeftMargin><PrintSpace>'
    regions = read(data.replace(b"<PrintSpace>", margin)).pages[0].regions
    assert [(r.id, r.kind) for r in regions] == [
        ("c", "text"),
        ("a", "margin"),
        ("m", "margin"),
        ("b", "table"),
    ]


def test_several_pages_and_other_units():
    before = "<Description><MeasurementUnit>mm10</MeasurementUnit></Description>"
    data = alto("", before=before, page="").replace(b"</Layout>", b'<Page ID="q" WIDTH="7.4" HEIGHT="9"/></Layout>')
    first, second = read(data).pages
    assert (first.width, second.width, second.height) == (0, 7, 9)
    assert first.notes == ("coordinates are in mm10, not in pixels",)


@pytest.mark.parametrize("data", [b"", b"no xml", b"<alto/>", b"<alto><Layout/></alto>", b"<PcGts/>"])
def test_what_is_no_alto_is_refused(data):
    with pytest.raises(InputError) as caught:
        read(data)
    assert caught.value.remedy
