"""Batches that read several images at the same time: order, nothing lost, ends that come too early."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from manuscribe.document import Document, Line, Page, Region
from manuscribe.errors import OutputError
from manuscribe.formats import get_format
from manuscribe.reading import batch as batch_module
from manuscribe.reading.batch import Batch, Outcome
from manuscribe.reading.record import NAME as RECORD

LONG = 10.0  # seconds that nothing here takes unless it hangs
Read = Callable[[Path], Document]


def document(text: str) -> Document:
    return Document((Page(10, 10, (Region((Line(text),)),)),))


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    files = [tmp_path / "scans" / f"{place:02}.jpg" for place in range(12)]
    files[0].parent.mkdir()
    for file in files:
        file.write_bytes(b"image")
    return files


def run(images: list[Path], out: Path, read: Read, at_once: int = 4) -> Iterator[Outcome]:
    return Batch(images, out, [get_format("txt")], "job").run(read, at_once)


def rows(out: Path) -> list[dict[str, object]]:
    return [json.loads(row) for row in (out / RECORD).read_text().splitlines()]


def wait_until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + LONG
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.005)


@pytest.mark.parametrize("at_once", [2, 5, 50])
def test_every_image_is_read_once_and_told_in_order(images: list[Path], tmp_path: Path, at_once: int) -> None:
    lock = threading.Lock()
    seen: list[Path] = []
    most = reading = 0

    def read(path: Path) -> Document:
        nonlocal most, reading
        with lock:
            seen.append(path)
            reading += 1
            most = max(most, reading)
        time.sleep(0.02 if int(path.stem) % 3 else 0.04)
        with lock:
            reading -= 1
        return document(path.stem)

    outcomes = list(run(images, tmp_path / "out", read, at_once))
    assert [(outcome.image, outcome.status) for outcome in outcomes] == [(image, "done") for image in images]
    assert sorted(seen) == images
    assert 1 < most <= at_once
    assert sorted(str(row["stem"]) for row in rows(tmp_path / "out")) == [image.stem for image in images]
    assert all((tmp_path / "out" / f"{image.stem}.txt").read_text() == f"{image.stem}\n" for image in images)
    again = [outcome.status for outcome in run(images, tmp_path / "out", read, at_once)]
    assert again == ["skipped"] * len(images)
    assert len(seen) == len(images)


def test_a_result_is_written_before_those_of_slower_images(images: list[Path], tmp_path: Path) -> None:
    slow = threading.Event()

    def read(path: Path) -> Document:
        if path.stem == "00":
            assert slow.wait(LONG)
        return document(path.stem)

    outcomes = run(images, tmp_path / "out", read, 2)
    first: list[Outcome] = []
    thread = threading.Thread(target=lambda: first.append(next(outcomes)))
    thread.start()
    wait_until(lambda: len(rows(tmp_path / "out")) == len(images) - 1)
    assert not first
    slow.set()
    thread.join()
    assert [outcome.image for outcome in [*first, *outcomes]] == images
    assert rows(tmp_path / "out")[-1]["stem"] == "00"


def test_failures_cost_their_images_alone(images: list[Path], tmp_path: Path) -> None:
    def read(path: Path) -> Document:
        if int(path.stem) % 5 == 0:
            raise ZeroDivisionError("oops")
        return document(path.stem)

    statuses = [outcome.status for outcome in run(images, tmp_path / "out", read)]
    assert statuses == ["failed" if place % 5 == 0 else "done" for place in range(12)]
    again = [outcome.status for outcome in run(images, tmp_path / "out", lambda path: document(path.stem))]
    assert again == ["done" if place % 5 == 0 else "skipped" for place in range(12)]


def test_a_full_disk_ends_the_batch(images: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = batch_module.write_atomically

    def full(path: Path, data: bytes) -> None:
        if path.stem == "03":
            raise OutputError(f"{path} cannot be written: no space left.")
        write(path, data)

    monkeypatch.setattr(batch_module, "write_atomically", full)
    seen: list[str] = []

    def read(path: Path) -> Document:
        seen.append(path.stem)
        time.sleep(0.01)
        return document(path.stem)

    outcomes = run(images, tmp_path / "out", read, 2)
    assert [next(outcomes).image.stem for _ in range(3)] == ["00", "01", "02"]
    with pytest.raises(OutputError, match="no space"):
        next(outcomes)
    assert len(seen) < len(images)


def test_nothing_is_written_after_the_end(images: list[Path], tmp_path: Path) -> None:
    slow, late = threading.Event(), threading.Event()
    before = set(threading.enumerate())

    def read(path: Path) -> Document:
        if path.stem != "00":
            assert slow.wait(LONG)
            late.set()
        return document(path.stem)

    outcomes = run(images, tmp_path / "out", read, 3)
    assert isinstance(outcomes, Iterator)
    assert next(outcomes).image.stem == "00"
    outcomes.close()  # type: ignore[attr-defined]
    slow.set()
    assert late.wait(LONG)
    wait_until(lambda: before.issuperset(threading.enumerate()))
    assert [row["stem"] for row in rows(tmp_path / "out")] == ["00"]
    assert [path.name for path in (tmp_path / "out").glob("*.txt")] == ["00.txt"]


INTERRUPTED = """
import _thread, signal, sys, threading, time
from pathlib import Path
from manuscribe.document import Document, Line, Page, Region
from manuscribe.formats import get_format
from manuscribe.reading.batch import Batch

# Who runs the tests in the background may have them ignore interruptions, and what they start inherits that.
signal.signal(signal.SIGINT, signal.default_int_handler)

def read(path):
    if path.stem == "05":
        threading.Timer(0.05, _thread.interrupt_main).start()
    if path.stem >= "05":
        time.sleep(600)
    return Document((Page(10, 10, (Region((Line(path.stem),)),)),))

images, out = sorted(Path(sys.argv[1]).iterdir()), Path(sys.argv[2])
for outcome in Batch(images, out, [get_format("txt")], "job").run(read, 3):
    print(outcome.image.stem, flush=True)
"""


def test_an_interruption_ends_it_at_once_and_keeps_what_is_done(images: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-c", INTERRUPTED, str(images[0].parent), str(out)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert ended.returncode != 0
    assert "KeyboardInterrupt" in ended.stderr
    assert ended.stdout.split() == ["00", "01", "02", "03", "04"]
    assert sorted(path.name for path in out.iterdir()) == ["00.txt", "01.txt", "02.txt", "03.txt", "04.txt", RECORD]
    seen: list[str] = []

    def read(path: Path) -> Document:
        seen.append(path.stem)
        return document(path.stem)

    assert len(list(run(images, out, read))) == len(images)
    assert sorted(seen) == [image.stem for image in images[5:]]
