"""Ground truth of pages, cleaned for comparing: marks of the transcribers are not writing.

The same rules made the line data sets. Only the truth is cleaned, never what was read.

- `^` before superscript letters goes (`M^r`: Mr), also where it marks an insertion;
- `>…<` around crossed-out words goes, the words stay: they can be read on the page;
- `¬` and `‗`, hyphens at line ends, become `-`; `&amp;`, escaped once too often, becomes `&`;
- a line with a mark for something that nobody could read (`><`, `??`, `[?`, `xxx`) is not judged: its text is empty;
- in text files of volunteers, also brackets go (`[*…*]` for notes, `[…]` for crossed-out words), the words stay.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from manuscribe.document import Line
from manuscribe.errors import InputError
from manuscribe.formats.reading import read_document

_UNREADABLE = re.compile(r"><|<>|\?\?|\[\?|\bx{3,}\b", re.IGNORECASE)
_UNREAD = re.compile(r"><|<>|\[\?+\]|\?\?+|\bx{3,}\b", re.IGNORECASE)
_CROSSED_OUT = re.compile(r">([^<>]+)<")
_BRACKETS = re.compile(r"\[\*?|\??\*?\]")
_SIGNS = str.maketrans({"^": "", "¬": "-", "‗": "-"})


@dataclass(frozen=True, slots=True)
class TruePage:
    """A page image with its truth.

    Attributes:
        image: The file.
        source: Where it is from: what its name starts with, or for text files the folder's name.
        lines: With polygons if `placed`; a line that is not to be judged has no text.
        text: All lines, also those that are not judged, without their marks.
        placed: Whether the truth says where the lines are.
    """

    image: Path
    source: str
    lines: tuple[Line, ...]
    text: str
    placed: bool


def read_pages(folder: Path) -> list[TruePage]:
    """The JPEG images of a folder that have a PAGE XML or a text file of the same name beside them.

    Raises:
        InputError: There are none, or a truth cannot be read.
    """
    pages = [page for image in sorted(folder.glob("*.jpg")) if (page := _page(image))]
    if not pages:
        raise InputError(
            f"There are no pages with ground truth in {folder}: nothing was measured.",
            "Name a folder of JPEG images with PAGE XML or text files beside them.",
        )
    return pages


def cleaned(text: str) -> str:
    """A true text without the marks of its transcribers."""
    text = _CROSSED_OUT.sub(r"\1", text.replace("&amp;", "&").translate(_SIGNS))
    return _UNREAD.sub("", text)


def judged(text: str) -> str:
    """As `cleaned`; empty if somebody could not read the line."""
    return "" if _UNREADABLE.search(text) else cleaned(text)


def without_brackets(text: str) -> str:
    """A text without the brackets that volunteers put around notes, crossed-out and uncertain words."""
    return _BRACKETS.sub("", text)


def _page(image: Path) -> TruePage | None:
    xml, plain = image.with_suffix(".xml"), image.with_suffix(".txt")
    if xml.is_file():
        (page,) = read_document(xml).pages
        lines = tuple(Line(judged(line.text), polygon=line.polygon) for line in page.lines)
        text = "\n".join(cleaned(line.text) for line in page.lines)
        return TruePage(image, image.stem.split("_")[0], lines, text, placed=True)
    if plain.is_file():
        texts = [text for text in plain.read_text(encoding="utf-8-sig").splitlines() if text.strip()]
        lines = tuple(Line(without_brackets(judged(text))) for text in texts)
        text = "\n".join(without_brackets(cleaned(text)) for text in texts)
        return TruePage(image, image.parent.name, lines, text, placed=False)
    return None
