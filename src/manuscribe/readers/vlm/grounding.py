"""Grounded answers: a text that says where in the image its parts stand.

DeepSeek-OCR (arXiv 2510.18234) writes `<|ref|>title<|/ref|><|det|>[[12, 40, 980, 95]]<|/det|>` before a part of a page
that it turns to Markdown, and the text itself between the first two marks where it was asked for nothing but text.
Coordinates are left, top, right and bottom, from 0 to 999 of the image's width and height.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest

from manuscribe.document import Polygon

PICTURE = "image"
"""The kind of a part that has no text."""

_MARK = re.compile(r"<\|/?(?:ref|det)\|>")
_REF, _REF_END, _DET, _DET_END = "<|ref|>", "<|/ref|>", "<|det|>", "<|/det|>"
_CUT_OFF = re.compile(r"[\[\]\d.,\s-]*")  # what an unclosed list of boxes is made of
_BOX = re.compile(r"\[([^\[\]]*)\]")
_NUMBER = re.compile(r"\s*-?\d+(?:\.\d*)?\s*")
_LAST = 999  # the largest coordinate


@dataclass(frozen=True, slots=True)
class Block:
    """A part of an answer.

    Attributes:
        kind: What the model calls it (`"title"`, `"text"`, `"table"`, …); empty where it does not say.
        boxes: Where it stands, in pixels; empty where the model does not say, or not in a way to be understood.
        text: Its content without white space around it.
        start: Where `text` begins in the answer, in characters.
        end: Where it ends.
    """

    kind: str
    boxes: tuple[Polygon, ...]
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Part:
    """A part as it stands in the answer: what is between the marks of each kind, and what follows them."""

    ref: slice = field(default_factory=lambda: slice(0, 0))
    det: slice = field(default_factory=lambda: slice(0, 0))
    content: slice = field(default_factory=lambda: slice(0, 0))


def grounded(answer: str, width: int, height: int) -> list[Block]:
    """The parts of an answer, in its order; without marks, the whole answer is one. Nothing is refused, nothing lost.

    What stands between `ref` marks is a kind if text follows after the boxes, else it is the text itself. A model keeps
    to one of the two in an answer, so one text that follows makes all of them kinds; a picture never has a text.

    Args:
        width: Of the image, in pixels.
        height: The same.
    """
    parts = list(_parts(answer))
    refs = [answer[part.ref].strip() for part in parts]
    followed = any(ref and _has_text(answer, part.content) for ref, part in zip(refs, parts, strict=True))
    are_kinds = followed or set(refs) <= {"", PICTURE}
    blocks = (
        _block(answer, part.content, ref, _boxes(answer[part.det], width, height))
        if are_kinds or not ref
        else _block(answer, part.ref, "", _boxes(answer[part.det], width, height))
        for ref, part in zip(refs, parts, strict=True)
    )
    return [block for block in blocks if block.kind or block.boxes or block.text]


def _parts(answer: str) -> Iterator[_Part]:
    """Go from mark to mark, once; a mark that is missing costs its part a box or a kind, never its text."""
    marks = list(_MARK.finditer(answer))
    part = _Part(content=slice(0, marks[0].start() if marks else len(answer)))
    for mark, following in zip_longest(marks, marks[1:]):
        inside = slice(mark.end(), following.start() if following else len(answer))
        closing = following[0] if following else ""
        is_ref, is_det = (mark[0], closing) == (_REF, _REF_END), mark[0] == _DET
        if mark[0] == _REF or _has_text(answer, part.content) or (is_det and part.det.stop):
            yield part
            part = _Part()
        if is_ref:
            part = replace(part, ref=inside)
        elif is_det:
            cut = inside.stop if closing == _DET_END else _end_of_boxes(answer, inside)
            part = replace(part, det=slice(inside.start, cut), content=slice(cut, inside.stop))
        else:
            part = replace(part, content=inside)
    yield part


def _end_of_boxes(answer: str, inside: slice) -> int:
    found = _CUT_OFF.match(answer, inside.start, inside.stop)
    return found.end() if found else inside.start


def _has_text(answer: str, where: slice) -> bool:
    text = answer[where]
    return bool(text) and not text.isspace()


def _block(answer: str, where: slice, kind: str, boxes: tuple[Polygon, ...]) -> Block:
    inside = answer[where]
    text = inside.strip()
    start = where.start + len(inside) - len(inside.lstrip())
    return Block(kind, boxes, text, start, start + len(text))


def _boxes(coordinates: str, width: int, height: int) -> tuple[Polygon, ...]:
    boxes = (_box(match[1].split(","), width, height) for match in _BOX.finditer(coordinates))
    return tuple(box for box in boxes if box)


def _box(numbers: Sequence[str], width: int, height: int) -> Polygon:
    """Its corners; none where the numbers are no box, or one without an inside."""
    if len(numbers) != 4 or not all(map(_NUMBER.fullmatch, numbers)):
        return ()
    left, top, right, bottom = (min(max(float(number), 0.0), _LAST) for number in numbers)
    if left >= right or top >= bottom:
        return ()
    left, top, right, bottom = (
        left * width / _LAST,
        top * height / _LAST,
        right * width / _LAST,
        bottom * height / _LAST,
    )
    return ((left, top), (right, top), (right, bottom), (left, bottom))
