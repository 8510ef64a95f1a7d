"""How many pages a TIFF holds, told from its directories alone (TIFF 6.0 and BigTIFF)."""

import struct
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import BinaryIO

PAGE_LIMIT = 10_000
"""Counting ends here, so that a file made to be endless costs no time."""

_ORDERS = {b"II": "<", b"MM": ">"}
_LAYOUTS = {42: (4, "H", "HHII", "I"), 43: (8, "Q", "HHQI4x", "Q")}
"""By TIFF's and BigTIFF's number: where the first link is; a directory's length, entries and link to the next."""
_SUBFILE_TAG = 254
_REDUCED_OR_MASK = 0b101


def count_pages(path: Path) -> int:
    """Count the pages of an image file; smaller copies and masks, which TIFFs may hold too, are none.

    Never fails: what is no TIFF has one page, a damaged one the pages up to the damage, and why a file cannot be
    read is for `open_image` to say.

    Returns:
        1 to `PAGE_LIMIT`.
    """
    pages = 1
    if path.is_file():
        with suppress(OSError, struct.error, OverflowError, ValueError), path.open("rb") as file:
            # The first directory is what `open_image` shows, whatever it calls itself.
            for kind in islice(_subfiles(file), 1, PAGE_LIMIT):
                pages += not kind & _REDUCED_OR_MASK
    return pages


def _subfiles(file: BinaryIO) -> Iterator[int]:
    """Of what kind each directory's image says it is (NewSubfileType)."""
    order = _ORDERS.get(file.read(2), "")
    layouts = _LAYOUTS.get(_take(file, f"{order}H")) if order else None
    if layouts is None:
        return
    start, length, entry, link = layouts[0], *(order + layout for layout in layouts[1:])
    file.seek(start)
    seen = {0}  # 0 is the last directory's link.
    while (place := _take(file, link)) not in seen:
        seen.add(place)
        file.seek(place)
        count = _take(file, length)
        # Entries are sorted by their tags, and none that is in use comes before this one.
        tag, _, _, value = struct.unpack(entry, file.read(struct.calcsize(entry)))
        yield value if tag == _SUBFILE_TAG else 0
        file.seek(place + struct.calcsize(length) + count * struct.calcsize(entry))


def _take(file: BinaryIO, layout: str) -> int:
    (number,) = struct.unpack(layout, file.read(struct.calcsize(layout)))
    return int(number)
