"""Grounded answers become blocks with boxes, whatever a model leaves out or makes up."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manuscribe.readers.vlm.grounding import Block, grounded

PAGE = """<|ref|>title<|/ref|><|det|>[[0, 0, 999, 111]]<|/det|>
# Minutes

<|ref|>image<|/ref|><|det|>[[10, 200, 90, 300]]<|/det|>

<|ref|>text<|/ref|><|det|>[[0, 333, 999, 444], [0, 444, 500, 555]]<|/det|>
The meeting began
at nine.
"""
LINES = """<|ref|>The meeting<|/ref|><|det|>[[0, 0, 500, 111]]<|/det|>
<|ref|>image<|/ref|><|det|>[[0, 222, 500, 333]]<|/det|>
"""
MARKS = ["<|ref|>", "<|/ref|>", "<|det|>", "<|/det|>"]


def kinds_and_texts(answer: str) -> list[tuple[str, str]]:
    return [(block.kind, block.text) for block in grounded(answer, 999, 999)]


def test_a_page_in_parts_with_kinds() -> None:
    title, picture, text = grounded(PAGE, 1998, 999)
    assert (title.kind, title.text) == ("title", "# Minutes")
    assert title.boxes == (((0, 0), (1998, 0), (1998, 111), (0, 111)),)
    assert (picture.kind, picture.text, len(picture.boxes)) == ("image", "", 1)
    assert (text.kind, text.text, len(text.boxes)) == ("text", "The meeting began\nat nine.", 2)


def test_lines_that_are_told_between_the_marks() -> None:
    first, second = grounded(LINES, 999, 999)
    assert (first.kind, first.text) == ("", "The meeting")
    assert first.boxes == (((0, 0), (500, 0), (500, 111), (0, 111)),)
    assert second.text == "image"


@pytest.mark.parametrize("answer", [PAGE, LINES, "  A line.\n", "x <|det|>[[1, 2, 3, 4]]<|/det|> y"])
def test_spans_are_places_in_the_answer(answer: str) -> None:
    for block in grounded(answer, 10, 10):
        assert answer[block.start : block.end] == block.text


def test_an_answer_without_marks_is_one_block_without_a_box() -> None:
    assert grounded(" Dear Sir,\nyours ", 10, 10) == [Block("", (), "Dear Sir,\nyours", 1, 16)]
    assert grounded("", 10, 10) == grounded(" \n", 10, 10) == []


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("<|ref|>image<|/ref|><|det|>[[1, 2, 3, 4]]<|/det|>", [("image", "")]),
        ("Before <|ref|>text<|/ref|><|det|>[[1, 2, 3, 4]]<|/det|>after", [("", "Before"), ("text", "after")]),
        ("<|ref|>text<|/ref|>after", [("text", "after")]),
        ("<|det|>[[1, 2, 3, 4]]<|/det|>after", [("", "after")]),
        ("<|ref|>Dear Sir", [("", "Dear Sir")]),
        ("<|ref|>Dear Sir<|/ref|>", [("", "Dear Sir")]),
        ("<|ref|>Dear Sir<|/ref|><|det|>[[1, 2, 3", [("", "Dear Sir")]),
        ("<|ref|>text<|/ref|><|det|>[[1, 2, 3, 4]]\nDear Sir", [("text", "Dear Sir")]),
        ("<|ref|>text<|/ref|> a <|det|>[[1, 2, 3, 4]]<|/det|> b <|/det|> c", [("text", "a"), ("", "b"), ("", "c")]),
        ("<|/ref|><|/det|>a", [("", "a")]),
        ("<|ref|><|ref|>a<|/ref|><|det|><|det|><|/det|>b", [("", "a"), ("", "b")]),
    ],
)  # fmt: skip
def test_broken_answers_lose_no_text(answer: str, expected: list[tuple[str, str]]) -> None:
    assert kinds_and_texts(answer) == expected


@pytest.mark.parametrize(
    ("coordinates", "boxes"),
    [
        ("[[1, 2, 3, 4]]", [(1, 2, 3, 4)]),
        ("[1, 2, 3, 4]", [(1, 2, 3, 4)]),
        ("[[1.5,2,3,4],[5,6,7,8]]", [(1.5, 2, 3, 4), (5, 6, 7, 8)]),
        ("[[1, 2, 3, 4], [5, 6", [(1, 2, 3, 4)]),
        ("[[-5, 2, 3, 5000]]", [(0, 2, 3, 999)]),
        (f"[[1, 2, {'9' * 5000}, 4]]", [(1, 2, 999, 4)]),
        ("[[3, 2, 1, 4]]", []),
        ("[[3, 2, 3, 4]]", []),
        ("[[1, 2, 3]]", []),
        ("[[a, 2, 3, 4]]", []),
        ("[[nan, 2, inf, 4]]", []),
        ("[[1_0, 2, 30, 4]]", []),
        ("", []),
        ("]][[", []),
    ],
)
def test_boxes(coordinates: str, boxes: list[tuple[float, ...]]) -> None:
    (block,) = grounded(f"<|ref|>Dear<|/ref|><|det|>{coordinates}<|/det|>", 999, 999)
    assert [(*box[0], *box[2]) for box in block.boxes] == [pytest.approx(box) for box in boxes]


@pytest.mark.parametrize(
    "piece", ["<|ref|>", "<|det|>[", "[", "[[1,2,3,4],", "<|ref|>a<|/ref|><|det|>[[", "<|", "1", " "]
)
@pytest.mark.parametrize("before", ["", "<|ref|>text<|/ref|><|det|>["])
def test_a_million_characters_take_a_moment(piece: str, before: str) -> None:
    answer = before + piece * (1_000_000 // len(piece))
    began = time.perf_counter()
    grounded(answer, 100, 100)
    assert time.perf_counter() - began < 20


@given(st.lists(st.sampled_from([*MARKS, "[[1,2,3,4]]", "[[", "text", " ", "\n", "wörter"])).map("".join))
def test_all_that_stands_outside_of_marks_and_boxes_is_in_a_block(answer: str) -> None:
    blocks = grounded(answer, 100, 100)
    told = "".join(block.kind + block.text for block in blocks)
    for word in ("text", "wörter"):
        hidden = "".join(re.findall(r"<\|det\|>((?:(?!<\|/?(?:ref|det)\|>).)*)<\|/det\|>", answer, re.DOTALL))
        assert told.count(word) == answer.count(word) - hidden.count(word)
    assert all(answer[block.start : block.end] == block.text for block in blocks)
    starts = [block.start for block in blocks if block.text]
    assert starts == sorted(starts)
