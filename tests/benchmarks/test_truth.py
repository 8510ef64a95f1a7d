import pytest

import truth
from manuscribe.document import Document, Line, Page, Region
from manuscribe.errors import InputError
from manuscribe.formats import get_format

BOX = ((0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("d^t à Paris, M^me Roux", "dt à Paris, Mme Roux"),
        ("le >petit< grand cheval", "le petit grand cheval"),
        ("la>s< maison>s<", "las maisons"),
        ("une expli¬", "une expli-"),
        ("une expli‗", "une expli-"),
        ("Durand &amp; fils", "Durand & fils"),
        ("[1932] & 3 < 4", "[1932] & 3 < 4"),
        ("n'est-ce pas [Quand ?]", "n'est-ce pas [Quand ?]"),
        ("nothing special?", "nothing special?"),
    ],
)
def test_marks_of_transcribers_go_and_writing_stays(text, expected):
    assert truth.cleaned(text) == expected
    assert truth.judged(text) == expected
    assert truth.cleaned(expected) == expected


@pytest.mark.parametrize(
    "text", ["le >< cheval", "che<>val", "all [???] of me", "[?ap] and", "Marie xxx Roux", "the??"]
)
def test_a_line_that_nobody_could_read_is_not_judged(text):
    assert truth.judged(text) == ""


def test_the_whole_text_keeps_what_could_be_read():
    assert truth.cleaned("all [???] of me") == "all  of me"
    assert truth.cleaned("le >< cheval") == "le  cheval"


def test_brackets_of_volunteers_go():
    assert truth.without_brackets("[*a note*] men [women] who [in?] 9*") == "a note men women who in 9*"


def test_pages_with_either_truth_are_found(tmp_path):
    lines = (Line("M^r Roux", polygon=BOX, id="l1"), Line("le >< chat", polygon=BOX, id="l2"))
    document = Document((Page(10, 10, (Region(lines, id="r1"),), image="minutes_001.jpg"),))
    (tmp_path / "minutes_001.xml").write_bytes(get_format("page").write(document))
    (tmp_path / "other.txt").write_text("\ufeffall [???] of me\n\n[*1*]\n", encoding="utf-8")
    for name in ("minutes_001", "other", "without"):
        (tmp_path / f"{name}.jpg").touch()
    minutes, other = truth.read_pages(tmp_path)
    assert (minutes.source, minutes.placed, minutes.text) == ("minutes", True, "Mr Roux\nle  chat")
    assert [(line.text, line.polygon) for line in minutes.lines] == [("Mr Roux", BOX), ("", BOX)]
    assert (other.source, other.placed, other.text) == (tmp_path.name, False, "all  of me\n1")
    assert [line.text for line in other.lines] == ["", "1"]


def test_a_folder_without_truth_says_so(tmp_path):
    (tmp_path / "page.jpg").touch()
    with pytest.raises(InputError, match=r"no pages with ground truth in .*nothing was measured"):
        truth.read_pages(tmp_path)
    with pytest.raises(InputError, match="no pages"):
        truth.read_pages(tmp_path / "missing")


def test_the_measuring_pages_are_clean(shared):
    pages = truth.read_pages(shared / "data" / "pages" / "dev")
    lines = [line for page in pages for line in page.lines]
    assert all(page.placed for page in pages)
    assert not any(mark in line.text for line in lines for mark in ("^", "¬", "><", "&amp;"))
    assert sum(not line.text for line in lines) < 0.01 * len(lines)
