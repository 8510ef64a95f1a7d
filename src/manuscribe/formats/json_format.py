"""JSON: the whole document model, written and read without loss (docs/formats.md describes it)."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from manuscribe.document.model import Document, Line, Page, Point, WrittenDate
from manuscribe.errors import InputError
from manuscribe.formats import Format

NAME, VERSION = "manuscribe-document", 1
BYTE_LIMIT = 256 << 20
_DECIMALS = {"confidence": 4, "expected_cer": 4, "word_confidences": 4}
_COORDINATE_DECIMALS = 2


def write(document: Document) -> bytes:
    """Write a document as JSON, UTF-8, on one line; fields that say nothing are left out.

    Coordinates keep two decimals, confidences and expected error rates four.
    """
    content = {"format": NAME, "version": VERSION, **_plain(document)}
    text = json.dumps(content, ensure_ascii=False, allow_nan=False)
    # Lone surrogates, which no reader should give, are the only text that UTF-8 has no bytes for.
    return (text + "\n").encode("utf-8", errors="replace")


def read(data: bytes) -> Document:
    """Read what `write` wrote.

    Raises:
        InputError: The bytes are no such JSON, of another version, too large, or hold impossible values.
    """
    if len(data) > BYTE_LIMIT:
        raise InputError(f"The JSON is larger than {BYTE_LIMIT >> 20} MiB.", "Split it into one file a page.")
    content = _content(data)
    if content.get("format") != NAME:
        raise InputError(f'The JSON is not of the format "{NAME}".', "Name a file that manuscribe wrote.")
    if content.get("version") != VERSION:
        raise InputError(
            f"The JSON is of version {content.get('version')!r}; known is {VERSION}.", "Update manuscribe."
        )
    try:
        document = TypeAdapter(Document).validate_json(data, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError(f"The JSON is wrong at {place}: {first['msg']}.", "Export the file again.") from error
    _check(document)
    return document


FORMAT = Format("json", ".json", write, read)


def _plain(item: Any, name: str = "") -> Any:
    if is_dataclass(item):
        values = {field.name: getattr(item, field.name) for field in fields(item) if _says_something(item, field)}
        return {key: _plain(value, key) for key, value in values.items()}
    if isinstance(item, Mapping):
        return dict(item)
    if isinstance(item, tuple):
        return [_plain(part, name) for part in item]
    if isinstance(item, float):
        return round(item, _DECIMALS.get(name, _COORDINATE_DECIMALS))
    return item


def _says_something(item: Any, field: Any) -> bool:
    default = field.default if field.default_factory is MISSING else field.default_factory()
    return bool(getattr(item, field.name) != default)


def _content(data: bytes) -> dict[str, Any]:
    try:
        content = json.loads(data)
    except RecursionError as error:
        raise InputError("The JSON is nested too deeply.", "Export the file again.") from error
    except ValueError as error:
        raise InputError(f"This is not JSON: {error}.", "Export the file again.") from error
    if not isinstance(content, dict):
        raise InputError("The JSON is no object.", "Name a file that manuscribe wrote.")
    return content


def _check(document: Document) -> None:
    for number, page in enumerate(document.pages, start=1):
        if page.width < 0 or page.height < 0:
            raise _impossible(number, f"a size of {page.width} × {page.height}")
        for confidence in _confidences(page):
            if not 0 <= confidence <= 1:
                raise _impossible(number, f"a confidence of {confidence}")
        for what in _misjudged(page):
            raise _impossible(number, what)
        if not all(math.isfinite(value) for point in _points(page) for value in point):
            raise _impossible(number, "a coordinate that is not finite")
        for date in _misplaced_dates(page):
            raise _impossible(number, f"a date from {date.start} to {date.end} that does not stand there")


def _impossible(page: int, what: str) -> InputError:
    return InputError(f"Page {page} of the JSON has {what}.", "Export the file again.")


def _confidences(page: Page) -> Iterable[float]:
    for line in page.lines:
        judged: tuple[Any, ...] = (line, *line.characters, *line.alternatives)
        yield from (part.confidence for part in judged if part.confidence is not None)
        yield from line.word_confidences


def _misjudged(page: Page) -> Iterable[str]:
    for line in page.lines:
        if line.expected_cer is not None and not 0 <= line.expected_cer <= 1:
            yield f"an expected CER of {line.expected_cer}"
        if line.word_confidences and len(line.word_confidences) != len(line.words):
            yield f"{len(line.word_confidences)} confidences for {len(line.words)} words"


def _misplaced_dates(page: Page) -> Iterable[WrittenDate]:
    for line in page.lines:
        for date in line.dates:
            inside = 0 <= date.start < date.end <= len(line.text)
            if not inside or line.text[date.start : date.end] != date.text:
                yield date


def _points(page: Page) -> Iterable[Point]:
    for region in page.regions:
        yield from region.polygon or ()
        for line in region.lines:
            yield from _line_points(line)


def _line_points(line: Line) -> Iterable[Point]:
    yield from line.polygon or ()
    yield from line.baseline or ()
    for character in line.characters:
        yield from character.polygon or ()
