"""Counting pages without decoding them."""

import struct
import time

import pytest
from PIL import Image

from manuscribe.images.tiff import PAGE_LIMIT, count_pages


def tones(*values):
    return [Image.new("L", (5, 7), value) for value in values]


@pytest.fixture
def book(tmp_path):
    first, *rest = tones(10, 100, 200)
    first.save(tmp_path / "book.tif", save_all=True, append_images=rest)
    return tmp_path / "book.tif"


def test_pages_of_a_tiff(book):
    assert count_pages(book) == 3


@pytest.mark.parametrize("start", [b"II", b"MM"])
@pytest.mark.parametrize("big", [False, True])
def test_byte_orders_and_bigtiff(tmp_path, start, big):
    order = "<" if start == b"II" else ">"
    links = [16, 64, 112]
    data = bytearray(start + (struct.pack(f"{order}HHHQ", 43, 8, 0, 16) if big else struct.pack(f"{order}HI", 42, 16)))
    for place, following, kind in zip(links, [*links[1:], 0], (0, 2, 1), strict=True):
        data = data.ljust(place, b"\0")
        layout = f"{order}QHHQI4xQ" if big else f"{order}HHHIII"
        data += struct.pack(layout, 1, 254, 4, 1, kind, following)
    (tmp_path / "page.tif").write_bytes(data)
    assert count_pages(tmp_path / "page.tif") == 2  # The third is a smaller copy.


@pytest.mark.parametrize("kind", ["png", "jpg", "tif"])
def test_single_images(tmp_path, kind):
    tones(10)[0].save(tmp_path / f"page.{kind}")
    assert count_pages(tmp_path / f"page.{kind}") == 1


@pytest.mark.parametrize("content", [b"", b"I", b"II*\0", b"II*\0\xff\xff\xff\xff", b"II+\0" + b"\xff" * 30, b"text"])
def test_what_is_damaged_or_no_tiff_counts_as_one(tmp_path, content):
    (tmp_path / "page.tif").write_bytes(content)
    assert count_pages(tmp_path / "page.tif") == 1
    assert count_pages(tmp_path) == count_pages(tmp_path / "gone.tif") == 1


def test_truncated_books_count_what_is_there(book):
    whole = book.read_bytes()
    for length in range(len(whole)):
        book.write_bytes(whole[:length])
        assert 1 <= count_pages(book) <= 3


def test_circles_end(tmp_path):
    data = b"II*\0" + struct.pack("<I", 8) + struct.pack("<HHHIII", 1, 256, 4, 1, 5, 8)
    (tmp_path / "circle.tif").write_bytes(data)
    assert count_pages(tmp_path / "circle.tif") == 1


def test_endless_files_end(tmp_path):
    places = range(8, 8 + 18 * 2 * PAGE_LIMIT, 18)
    pages = b"".join(struct.pack("<HHHIII", 1, 256, 4, 1, 5, place + 18) for place in places)
    (tmp_path / "long.tif").write_bytes(b"II*\0" + struct.pack("<I", 8) + pages)
    started = time.perf_counter()
    assert count_pages(tmp_path / "long.tif") == PAGE_LIMIT
    assert time.perf_counter() - started < 2
