"""Review lists on disk: a table for spreadsheets, the same as JSON, and a picture of each line.

Of a line that is to be checked, its row and its entry are kept in memory, as bytes; pages and documents are looked at
one after the other.
"""

import csv
import json
import re
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO, StringIO
from itertools import groupby
from os import fsencode
from pathlib import Path
from typing import Any

from PIL import Image

from manuscribe.document import Document
from manuscribe.errors import InputError
from manuscribe.formats.json_format import FORMAT as JSON
from manuscribe.formats.reading import read_document
from manuscribe.formats.writing import write_atomically
from manuscribe.images.colour import Pixels
from manuscribe.images.lines import cut_line
from manuscribe.images.opening import open_image
from manuscribe.reading.batch import REVIEW
from manuscribe.reading.review import ReviewLine, ReviewSummary, decide, to_check

NAME, VERSION = "manuscribe-review", 1
TABLE, LIST = f"{REVIEW}.csv", f"{REVIEW}.json"
CROP_HEIGHT = 96
"""Of the pictures, in pixels: half as high again as what readers see, for people's eyes."""
COLUMNS = (
    "why", "text", "expected_errors", "expected_cer", "confidence", "image", "page", "region", "line", "crop",
    "alternatives", "notes",
)  # fmt: skip

_CROP = re.compile(r".+\.line\d+\.png")
_LONGEST_STEM = 40  # characters, at most four bytes each: names of files have room for 255
# What makes a cell a formula, full-width signs too (OWASP, CSV Injection).
_FORMULA = tuple("=+-@\t\r\n\0＝＋－＠")
_DECIMALS = 4

Stems = Sequence[tuple[Path, str]]


@dataclass(frozen=True, slots=True)
class _Written:
    """What the files say of a line."""

    gain: float
    row: bytes
    entry: bytes


def write_review(
    out: Path,
    stems: Mapping[Path, str],
    promise: float,
    watch: Callable[[Stems], Iterable[tuple[Path, str]]] = lambda stems: stems,
) -> ReviewSummary:
    """Write which lines of a batch a person should check: `review.csv`, `review.json` and the folder `review`.

    Args:
        out: Folder of the batch's results, with a JSON document of each image.
        stems: The images, and what their results are called (`Batch.results`).
        promise: Error rate that the other lines together are to keep, 0 to 1.
        watch: Shows somebody how far it is; images are gone through twice.

    Raises:
        InputError: A document cannot be read.
        OutputError: The list cannot be written.
    """
    named = list(stems.items())
    decision = decide((document for _, document in _documents(out, watch(named))), promise)
    folder = out / REVIEW
    crops: set[str] = set()
    lines: list[_Written] = []
    for image, some in groupby(to_check(_documents(out, watch(named)), decision), key=lambda one: one.image):
        page = _opened(image)
        for one in some:
            crop = _crop_name(stems[image], one.number)
            if _write_crop(page, one, folder / crop):
                crops.add(crop)
            lines.append(_written(one, f"{REVIEW}/{crop}" if crop in crops else ""))
    lines.sort(key=lambda line: -line.gain)
    write_atomically(out / TABLE, _table(line.row for line in lines))
    write_atomically(out / LIST, _list(decision.summary, (line.entry for line in lines)))
    _remove_others(folder, crops)
    return decision.summary


def _documents(out: Path, stems: Iterable[tuple[Path, str]]) -> Iterator[tuple[Path, Document]]:
    for image, stem in stems:
        yield image, read_document(out / f"{stem}{JSON.suffix}")


def _opened(image: Path) -> Pixels | None:
    """The page; `None` if it cannot be opened any more, which must not cost the list."""
    try:
        return open_image(image)
    except InputError:
        return None


def _write_crop(page: Pixels | None, one: ReviewLine, path: Path) -> bool:
    """Write a picture of the line; false if there is none."""
    if page is None:
        return False
    try:
        pixels = cut_line(page, one.line, CROP_HEIGHT)
    except InputError:  # the line has no place on the page, which is why it failed
        return False
    data = BytesIO()
    Image.fromarray(pixels).save(data, "PNG")
    write_atomically(path, data.getvalue())
    return True


def _crop_name(stem: str, number: int) -> str:
    """A name that any file system, spreadsheet and browser can take, the same in every run.

    A stem that has to be changed for that gets a mark, so that no two become the same.
    """
    safe = re.sub(r"[^\w.-]", "_", stem)[:_LONGEST_STEM]
    if safe != stem:
        safe = f"{safe}-{sha256(fsencode(stem)).hexdigest()[:8]}"
    return f"{safe}.line{number}.png"


def _remove_others(folder: Path, crops: set[str]) -> None:
    """Remove the pictures of earlier lists, lest they be taken for this one's."""
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        if _CROP.fullmatch(path.name) and path.name not in crops:
            with suppress(OSError):  # that one stays is no harm to the list
                path.unlink()


def _written(one: ReviewLine, crop: str) -> _Written:
    entry = _entry(one, crop)
    text = json.dumps(entry, ensure_ascii=False, allow_nan=False)
    # Names of files that are no Unicode become what JSON has for their bytes: \udcXX.
    return _Written(one.gain, _row(entry), text.encode("utf-8", errors="backslashreplace"))


def _entry(one: ReviewLine, crop: str) -> dict[str, Any]:
    """The line as JSON has it; every field is there."""
    line = one.line
    return {
        "why": one.why,
        "text": line.text,
        "expected_errors": _rounded(one.expected_errors),
        "expected_cer": line.expected_cer,
        "confidence": line.confidence,
        "image": str(one.image),
        "page": one.page,
        "region": one.region,
        "line": line.id,
        "crop": crop,
        "alternatives": [{"text": other.text, "confidence": other.confidence} for other in line.alternatives],
        "notes": line.notes,
        "polygon": line.polygon,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DECIMALS)


def _row(entry: Mapping[str, Any]) -> bytes:
    """The line as a row of the table."""
    flat = {
        **entry,
        "why": "; ".join(entry["why"]),
        "alternatives": " | ".join(other["text"] for other in entry["alternatives"]),
        "notes": "; ".join(entry["notes"]),
    }
    return _cells([_cell(flat[name]) for name in COLUMNS])


def _cell(value: object) -> str:
    """A value that no spreadsheet takes for a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _cells(values: Sequence[str]) -> bytes:
    row = StringIO()
    csv.writer(row).writerow(values)
    return row.getvalue().encode("utf-8", errors="replace")


def _table(rows: Iterable[bytes]) -> bytes:
    # The byte order mark is what spreadsheets know UTF-8 by.
    return b"".join([BOM_UTF8, _cells(COLUMNS), *rows])


def _list(summary: ReviewSummary, entries: Iterable[bytes]) -> bytes:
    """The list as JSON, an entry a line; they are joined as they are, since as objects they would take much memory."""
    head = json.dumps({"format": NAME, "version": VERSION, "summary": _figures(summary)})
    return b'%s, "lines": [\n%s\n]}\n' % (head.removesuffix("}").encode(), b",\n".join(entries))


def _figures(summary: ReviewSummary) -> dict[str, Any]:
    return {
        "promise": summary.promise,
        "lines": summary.lines,
        "accepted": summary.accepted,
        "to_check": summary.to_check,
        "share_to_check": _rounded(summary.share),
        "expected_cer_of_accepted": _rounded(summary.accepted_cer),
        "expected_cer": _rounded(summary.cer),
    }
