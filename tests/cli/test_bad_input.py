"""Files that are no readable image: one clear line, exit code 3; among others they cost only themselves."""

import io
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.conftest import with_weights

LINE = ("--level", "line", "--reader", "size")


def empty():
    return b""


def text():
    return b"Dear Sir,\nthis is no picture.\n" * 40


def truncated_jpeg():
    buffer = io.BytesIO()
    pixels = np.random.default_rng(1).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(buffer, "JPEG")
    return buffer.getvalue()[:20_000]


def huge_png():
    """A whole PNG of 40,000 × 40,000 black pixels in 0.2 MB."""
    side = 40_000
    pixels = zlib.compressobj(1)
    row = bytes(1 + side // 8)
    data = b"".join(pixels.compress(row) for _ in range(side)) + pixels.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", data), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )


BAD = {
    "empty.jpg": (empty, "is empty"),
    "text.jpg": (text, "not an image"),
    "truncated.jpg": (truncated_jpeg, "truncated"),
    "huge.png": (huge_png, "40000 × 40000 pixels"),
}


@pytest.mark.parametrize("name", BAD)
def test_alone(manuscribe, tmp_path, name):
    make, words = BAD[name]
    path = tmp_path / name
    path.write_bytes(make())
    code, out, err = manuscribe("read", path, *LINE)
    assert (code, out) == (3, "")
    assert len(err.splitlines()) == 1
    assert err.startswith("manuscribe: ")
    assert name in err
    assert words in err


def test_among_others(manuscribe, line_image, tmp_path):
    line_image("scans/good.png")
    for name, (make, _) in BAD.items():
        (tmp_path / "scans" / name).write_bytes(make())
    out = tmp_path / "out"
    code, _, err = manuscribe("read", tmp_path / "scans", "-o", out, *LINE)
    assert code == 6
    assert [path.name for path in out.glob("*.txt")] == ["good.txt"]
    assert all(words in err for _, words in BAD.values())


def test_alone_with_a_folder_for_the_results(manuscribe, tmp_path):
    path = tmp_path / "empty.jpg"
    path.touch()
    code, out, err = manuscribe("read", path, "-o", tmp_path / "out", "-q", *LINE)
    assert (code, out) == (3, "")
    assert err == f"manuscribe: {path} is empty. Copy or scan it again.\n"


@with_weights
def test_a_blank_page_is_empty_and_says_so(manuscribe, tmp_path):
    path = tmp_path / "blank.png"
    Image.new("RGB", (900, 1200), (235, 228, 210)).save(path)
    code, out, err = manuscribe("read", path)
    assert (code, out) == (0, "")
    assert err == f"manuscribe: {path}: blank: no writing was found\n"


@with_weights
@pytest.mark.parametrize("size", [(1, 1), (1200, 3), (3, 1200)])
def test_tiny_pages_are_blank(manuscribe, tmp_path, size):
    path = tmp_path / "tiny.png"
    Image.new("RGB", size, (235, 228, 210)).save(path)
    code, out, err = manuscribe("read", path)
    assert (code, out) == (0, "")
    assert "blank" in err


@with_weights
def test_a_page_of_noise_is_read_without_a_crash(manuscribe, tmp_path):
    noise = np.random.default_rng(3).integers(0, 256, (1200, 900, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    code, _, err = manuscribe("read", tmp_path / "noise.png", "-o", tmp_path / "out", "-f", "txt,json,page,alto", "-q")
    assert (code, err) == (0, "")
    assert len(list((tmp_path / "out").glob("noise.*"))) == 4


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_behind_stdout(plugin, line_image):
    command = [
        sys.executable,
        "-m",
        "manuscribe",
        "read",
        str(line_image("line.png", 40)),
        "--reader",
        "size",
        "--level",
        "line",
    ]
    with open("/dev/full", "w") as full:  # noqa: PTH123
        ended = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(plugin)}
        )
    assert ended.returncode == 5
    assert "stdout cannot be written" in ended.stderr
    assert "Traceback" not in ended.stderr
