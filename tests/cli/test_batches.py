"""Folders on the command line: interruption, resume, failures, disks that refuse."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress

import pytest

from manuscribe.reading.record import NAME as RECORD

LINE = ("--level", "line", "--reader", "size")


def rows(out):
    return [json.loads(row) for row in (out / RECORD).read_text(encoding="utf-8").splitlines()]


def partial_files(out):
    return [path.name for path in out.iterdir() if path.name.startswith(".")]


@pytest.fixture
def scans(line_image, tmp_path):
    for number in range(4):
        line_image(f"scans/{number}.png", 60 + number)
    return tmp_path / "scans"


@pytest.fixture
def as_nobody_special():
    """A command prefix under which file permissions hold; root is stripped of the right to ignore them."""
    if not hasattr(os, "geteuid"):
        pytest.skip("file permissions work differently here")
    if os.geteuid() != 0:
        return ()
    prefix = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")
    if not shutil.which("setpriv") or subprocess.run([*prefix, "true"], check=False).returncode != 0:
        pytest.skip("root ignores file permissions, and setpriv cannot take that right away here")
    return prefix


def test_failures_are_recorded_and_the_rest_is_read(manuscribe, scans, tmp_path):
    (scans / "1.png").write_bytes(b"")
    out = tmp_path / "out"
    code, printed, err = manuscribe("read", scans, "-o", out, "-f", "txt,json", *LINE)
    assert (code, printed) == (6, "")
    assert "1.png is empty" in err
    assert "3 of 4 images read" in err
    assert sorted(path.stem for path in out.glob("*.txt")) == ["0", "2", "3"]
    assert [row["status"] for row in rows(out)] == ["done", "failed", "done", "done"]
    assert "is empty" in rows(out)[1]["problem"]


def test_a_second_run_reads_only_what_failed(manuscribe, scans, line_image, tmp_path):
    out = tmp_path / "out"
    (scans / "1.png").write_bytes(b"")
    manuscribe("read", scans, "-o", out, *LINE)
    line_image("scans/1.png")
    code, _, err = manuscribe("read", scans, "-o", out, *LINE)
    assert code == 0
    assert "1 of 4 images read" in err
    assert "3 were already" in err


@pytest.mark.skipif(sys.platform == "win32", reason="interrupts are sent otherwise on Windows")
def test_an_interruption_keeps_what_is_written_and_a_second_run_goes_on(start, manuscribe, scans, tmp_path):
    out = tmp_path / "out"
    process = start("read", scans, "-o", out, *LINE, SIZE_READER_SECONDS="0.7")
    try:
        deadline = time.monotonic() + 60
        while not list(out.glob("*.txt")) and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.2)  # now the second image is being read
        process.send_signal(signal.SIGINT)
        printed, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, printed) == (130, "")
    assert "interrupted" in err
    assert "Traceback" not in err
    assert partial_files(out) == []
    kept = {path.stem: path.stat().st_mtime_ns for path in out.glob("*.txt")}
    assert 1 <= len(kept) < 4
    assert len(rows(out)) == len(kept)

    code, _, err = manuscribe("read", scans, "-o", out, *LINE)
    assert code == 0
    assert f"{4 - len(kept)} of 4 images read" in err
    assert f"{len(kept)} were already" in err
    assert all((out / f"{stem}.txt").stat().st_mtime_ns == time_ns for stem, time_ns in kept.items())


def test_a_folder_that_cannot_be_written(start, scans, tmp_path, as_nobody_special):
    out = tmp_path / "out"
    out.mkdir(mode=0o555)
    process = start("read", scans, "-o", out, *LINE, before=as_nobody_special)
    printed, err = process.communicate(timeout=60)
    assert (process.returncode, printed) == (5, "")
    assert f"{out} cannot be written" in err
    assert len(err.splitlines()) == 1


def test_a_file_that_may_not_be_read(start, scans, tmp_path, as_nobody_special):
    (scans / "2.png").chmod(0)
    process = start("read", scans / "2.png", *LINE, before=as_nobody_special)
    printed, err = process.communicate(timeout=60)
    assert (process.returncode, printed) == (3, "")
    assert err == f"manuscribe: {scans / '2.png'} may not be read. Change its permissions.\n"

    process = start("read", scans, "-o", tmp_path / "out", *LINE, before=as_nobody_special)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 6
    assert sorted(path.stem for path in (tmp_path / "out").glob("*.txt")) == ["0", "1", "3"]


def test_a_file_size_limit_leaves_nothing_half_written(manuscribe, scans, tmp_path):
    out = tmp_path / "out"
    manuscribe("read", scans / "0.png", "-o", out, *LINE)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400, limits[1]))
    try:
        code, printed, err = manuscribe("read", scans, "-o", out, "-f", "page", *LINE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (code, printed) == (5, "")
    assert "cannot be written: File too large" in err
    assert len(err.splitlines()) == 1
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


@pytest.fixture
def tiny_disk(tmp_path):
    """A folder on a disk of 64 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if not shutil.which("mount") or subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("only root can mount a disk")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_loses_nothing_and_the_next_run_goes_on(manuscribe, scans, tiny_disk):
    out = tiny_disk / "out"
    manuscribe("read", scans / "0.png", "-o", out, *LINE)
    ballast = tiny_disk / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
    code, printed, err = manuscribe("read", scans, "-o", out, *LINE)
    assert (code, printed) == (5, "")
    assert "The disk is full: make room and run it again." in err
    assert len(err.splitlines()) == 1
    assert (out / "0.txt").read_text() == "60x30\n"
    assert partial_files(out) == []

    ballast.unlink()
    code, _, err = manuscribe("read", scans, "-o", out, *LINE)
    assert code == 0
    assert "3 of 4 images read" in err
