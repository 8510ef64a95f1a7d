import math

from manuscribe.readers.vlm.answers import Answer, Piece
from manuscribe.readers.vlm.documents import plain_text
from manuscribe.readers.vlm.passages import passage_of

DOCUMENT = """<HistoricalDocument xmlns="x"><Metadata><Language>German</Language></Metadata><Page><Body>
<Paragraph><Line>Lieber Freund &amp; Bruder,</Line>
<Line>ich bin <Deletion>bald</Deletion> da</Line></Paragraph></Body></Page></HistoricalDocument>"""


def test_the_text_of_a_document_is_its_lines():
    pieces = tuple(Piece(letter, math.log(0.5) if letter == "F" else 0.0) for letter in DOCUMENT)
    passage = passage_of(Answer(DOCUMENT, pieces), ("note",))
    lines = [line.text for line in passage.lines]
    assert lines == ["Lieber Freund & Bruder,", "ich bin", "bald", "da"]
    assert passage.lines[0].confidence == 0.5
    assert passage.notes == ("note",)


def test_a_document_that_is_cut_off_keeps_its_text():
    cut = DOCUMENT[: DOCUMENT.index(" da<")]
    assert passage_of(Answer(cut, ended=False), ()).lines[-1].text == "bald"
    assert passage_of(Answer("```xml\n<?xml version='1.0'?><a>b < c"), ()).lines[0].text == "b < c"


def test_other_answers_are_left_as_they_are():
    for text in ("a <td>b</td> &amp; c", "", "<b>x</b>", "<Historic"):
        assert plain_text(text) is None
        assert passage_of(Answer(text), ()).text == text


def test_a_million_characters_take_a_moment():
    for piece in ("<", "<a", "&amp", "<Metadata", "<Metadata>", "</"):
        assert plain_text("<HistoricalDocument>" + piece * (1_000_000 // len(piece))) is not None
