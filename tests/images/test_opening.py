"""Image files of all kinds, good and bad, as they come from cameras, scanners and mail."""

import io
import os
import struct
import time
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from manuscribe.errors import InputError, UsageError
from manuscribe.images import opening
from manuscribe.images.opening import find_images, open_image, to_array


def gradient(height=40, width=60):
    """Pixels that differ in every row, column and channel."""
    rows = np.linspace(0, 255, height)[:, None, None]
    columns = np.linspace(0, 255, width)[None, :, None]
    return ((rows + columns * np.array([1.0, 0.5, 0.0])) / 2).astype(np.uint8)


def save(path, image, **options):
    image.save(path, **options)
    return path


def png_header(width, height):
    """A PNG of one colour whose pixels are not there: only the header matters."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp"])
def test_lossless_kinds_give_the_same_pixels(tmp_path, suffix):
    path = save(tmp_path / f"page.{suffix}", Image.fromarray(gradient()))
    pixels = open_image(path)
    np.testing.assert_array_equal(pixels, gradient())
    assert pixels.dtype == np.uint8
    assert pixels.flags.c_contiguous


@pytest.mark.parametrize("suffix", ["jpg", "webp"])
def test_lossy_kinds_give_nearly_the_same_pixels(tmp_path, suffix):
    path = save(tmp_path / f"page.{suffix}", Image.fromarray(gradient()), quality=95)
    assert np.abs(open_image(str(path)).astype(int) - gradient()).mean() < 4


def test_the_kind_is_told_by_content_not_by_name(tmp_path):
    path = tmp_path / "page.jpg"
    Image.fromarray(gradient()).save(path, format="PNG")
    np.testing.assert_array_equal(open_image(path), gradient())


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path, suffix, orientation):
    pixels = np.full((40, 60, 3), 255, np.uint8)
    pixels[:10, :20] = 0
    exif = Image.Exif()
    exif[274] = orientation
    path = save(tmp_path / f"page.{suffix}", Image.fromarray(pixels), exif=exif)
    dark = np.argwhere(open_image(path)[..., 0] < 128)
    assert open_image(path).shape[:2] == ((60, 40) if orientation >= 5 else (40, 60))
    # Whether the dark corner, stored at the top left, belongs at the top and at the left.
    top, left = {1: (1, 1), 2: (1, 0), 3: (0, 0), 4: (0, 1), 5: (1, 1), 6: (1, 0), 7: (0, 0), 8: (0, 1)}[orientation]
    assert (dark[:, 0].min() == 0) == bool(top)
    assert (dark[:, 1].min() == 0) == bool(left)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_broken_exif_does_not_cost_the_page(tmp_path):
    path = save(tmp_path / "page.jpg", Image.fromarray(gradient()), exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert open_image(path).shape == (40, 60, 3)


def test_cmyk_jpeg_and_tiff_look_the_same(tmp_path):
    paper = Image.new("CMYK", (8, 8), (0, 0, 0, 0))
    ink = Image.new("CMYK", (8, 8), (0, 0, 0, 255))
    for suffix in ("jpg", "tif"):
        assert open_image(save(tmp_path / f"paper.{suffix}", paper)).min() > 245
        assert open_image(save(tmp_path / f"ink.{suffix}", ink)).max() < 10


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bit_grey_keeps_its_range(tmp_path, suffix):
    values = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    pixels = open_image(save(tmp_path / f"page.{suffix}", Image.fromarray(values)))
    np.testing.assert_array_equal(pixels[..., 0], values >> 8)


def test_sixteen_bit_grey_where_white_is_zero(tmp_path):
    values = np.zeros((4, 4), np.uint16)
    path = save(tmp_path / "page.tif", Image.fromarray(values), tiffinfo={262: 0})
    assert open_image(path).min() == 255


@pytest.mark.parametrize("transparent", [0, 65535])
def test_sixteen_bit_grey_with_a_transparent_tone_is_not_white(tmp_path, transparent):
    values = np.array([[300, 20_000, 60_000]], np.uint16)
    path = save(tmp_path / "page.png", Image.fromarray(values), transparency=transparent)
    with Image.open(path) as image:
        assert image.has_transparency_data
    assert open_image(path)[0, :, 0].tolist() == [1, 78, 234]


def test_grey_of_twelve_bits_is_no_night(tmp_path):
    said = save(tmp_path / "said.tif", Image.fromarray(np.array([[0, 2048, 4095]], np.uint16)))
    assert open_image(said)[0, :, 0].tolist() == [0, 128, 255]
    bright = save(tmp_path / "bright.tif", Image.fromarray(np.array([[0, 2048, 4096]], np.uint16)))
    assert open_image(bright)[0, :, 0].tolist() == [0, 8, 16]
    eight = Image.fromarray(np.array([[0, 128, 255]], np.int32))
    assert to_array(eight)[0, :, 0].tolist() == [0, 128, 255]


def test_integer_and_float_grey(tmp_path):
    integers = Image.fromarray(np.array([[0, 32768, 65535]], np.int32))
    assert open_image(save(tmp_path / "i.tif", integers))[0, :, 0].tolist() == [0, 127, 255]
    floats = Image.fromarray(np.array([[0.0, 0.5, 1.0, np.nan]], np.float32))
    assert open_image(save(tmp_path / "f.tif", floats))[0, :, 0].tolist() == [0, 127, 255, 0]


@pytest.mark.parametrize("mode", ["1", "L", "P"])
def test_simple_modes(tmp_path, mode):
    image = Image.fromarray(np.array([[0, 255], [255, 0]], np.uint8)).convert(mode)
    pixels = open_image(save(tmp_path / "page.png", image))
    assert pixels[..., 1].tolist() == [[0, 255], [255, 0]]


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_transparent_parts_are_white_paper(tmp_path, mode):
    image = Image.new(mode, (2, 1), 0)
    image.putpixel((1, 0), (0, 255) if mode == "LA" else (0, 0, 0, 255))
    assert open_image(save(tmp_path / "page.png", image))[0, :, 0].tolist() == [255, 0]


def test_palette_with_transparency_is_white_paper(tmp_path):
    image = Image.new("P", (2, 1), 0)
    image.putpalette([0, 0, 0, 9, 9, 9])
    image.putpixel((1, 0), 1)
    assert open_image(save(tmp_path / "page.png", image, transparency=0))[0, :, 0].tolist() == [255, 9]


def test_first_page_of_a_tiff(tmp_path):
    pages = [Image.new("L", (5, 7), value) for value in (10, 200)]
    path = save(tmp_path / "book.tif", pages[0], save_all=True, append_images=pages[1:])
    assert open_image(path).max() == 10


def refused(path, *words, **options):
    with pytest.raises(InputError) as caught:
        open_image(path, **options)
    message = str(caught.value)
    assert path.name in message
    assert "\n" not in message
    assert caught.value.remedy
    for word in words:
        assert word in message
    return message


def test_missing_folder_and_empty_file_are_refused(tmp_path):
    refused(tmp_path / "none.jpg", "does not exist")
    refused(tmp_path, "folder")
    (tmp_path / "empty.jpg").touch()
    refused(tmp_path / "empty.jpg", "empty")


def test_pipes_and_devices_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    refused(tmp_path / "pipe.jpg", "regular file")


def test_unreadable_file_is_refused(tmp_path, monkeypatch):
    path = save(tmp_path / "page.png", Image.new("L", (4, 4)))

    def forbidden(*_args, **_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", forbidden)
    refused(path, "permissions")


@pytest.mark.parametrize("content", [b"Dear Sir,\n", b"BM but only a letter\n" * 9, b"RIFFxxxxWAVEfmt ", b"%PDF-1.7\n"])
def test_what_is_no_image_is_refused(tmp_path, content):
    path = tmp_path / "letter.jpg"
    path.write_bytes(content)
    refused(path, "JPEG, PNG, TIFF, WebP or BMP")


def test_damaged_files_of_one_name_are_told_apart(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n")
        refused(tmp_path / folder / "1.png", str(tmp_path / folder / "1.png"))


@pytest.mark.parametrize(("kind", "options"), [
    ("JPEG", {}), ("JPEG", {"progressive": True}), ("PNG", {}), ("TIFF", {}),
    ("TIFF", {"compression": "tiff_lzw"}), ("WEBP", {}), ("BMP", {}),
])  # fmt: skip
@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.98])
def test_truncated_files_are_refused(tmp_path, kind, options, share):
    noise = np.random.default_rng(1).integers(0, 256, (90, 120, 3), np.uint8)
    whole = io.BytesIO()
    Image.fromarray(noise).save(whole, format=kind, **options)
    path = tmp_path / "page"
    path.write_bytes(whole.getvalue()[: int(len(whole.getvalue()) * share)])
    refused(path)


def test_pixel_bomb_is_refused_from_its_header(tmp_path):
    path = tmp_path / "bomb.png"
    path.write_bytes(png_header(40_000, 40_000))
    tracemalloc.start()
    started = time.perf_counter()
    refused(path, "40000 × 40000", "200,000,000")
    assert time.perf_counter() - started < 0.5
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


def test_pixel_limit_is_ours_not_pillows(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    path = save(tmp_path / "page.png", Image.new("L", (20, 20)))
    assert open_image(path).shape == (20, 20, 3)
    refused(path, "limit of 399", pixel_limit=399)


def test_no_pixels_is_refused(tmp_path):
    path = tmp_path / "flat.png"
    path.write_bytes(png_header(0, 10))
    refused(path)


def test_huge_file_is_refused(tmp_path, monkeypatch):
    path = save(tmp_path / "page.png", Image.new("L", (4, 4)))
    monkeypatch.setattr(opening, "BYTE_LIMIT", 10)
    refused(path, "larger than")


def test_arrays_and_pil_images(tmp_path):
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert to_array(grey).shape == (3, 4, 3)
    np.testing.assert_array_equal(to_array(gradient()[:, ::-1]), gradient()[:, ::-1])
    assert to_array(gradient()[:, ::-1]).flags.c_contiguous
    assert to_array(Image.new("RGBA", (4, 3))).tolist() == [[[255] * 3] * 4] * 3
    assert to_array(save(tmp_path / "page.png", Image.new("L", (4, 3)))).shape == (3, 4, 3)


@pytest.mark.parametrize("wrong", [
    np.zeros((3, 4), np.float32), np.zeros((3, 4, 4), np.uint8), np.zeros((3,), np.uint8),
    np.zeros((0, 4), np.uint8), np.zeros((1, 3, 4, 3), np.uint8), b"bytes", None,
])  # fmt: skip
def test_other_arrays_are_refused(wrong):
    with pytest.raises(UsageError, match="uint8"):
        to_array(wrong)


def test_find_images_in_files_and_folders(tmp_path):
    for name in ("b.JPG", "a.png", "notes.txt", ".hidden.png", "odd.dat"):
        (tmp_path / name).touch()
    (tmp_path / "inner.png").mkdir()
    found = find_images([tmp_path / "odd.dat", tmp_path, str(tmp_path / "a.png")])
    assert [path.name for path in found] == ["odd.dat", "a.png", "b.JPG"]


def test_what_is_named_twice_is_listed_once_however_it_is_written(tmp_path, monkeypatch):
    (tmp_path / "scans").mkdir()
    (tmp_path / "scans" / "a.png").touch()
    monkeypatch.chdir(tmp_path)
    named = ["scans/a.png", tmp_path / "scans" / "a.png", "scans", tmp_path / "scans" / ".." / "scans"]
    assert find_images(named) == [Path("scans/a.png")]


def test_find_images_refuses_what_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"none\.jpg does not exist"):
        find_images([tmp_path / "none.jpg"])
    with pytest.raises(InputError, match="holds no images"):
        find_images([tmp_path])
