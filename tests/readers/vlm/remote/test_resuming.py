"""A folder read through an endpoint: killed midway, resumed, everything read and nothing twice that was written."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from manuscribe.reading.record import NAME as RECORD
from tests.readers.vlm.stub import MODEL, Asked, Stub, Told, refused, streamed

IMAGES = 30
AT_ONCE = 3

READING = """
import sys
from pathlib import Path
from manuscribe.document import Document, Line, Page, Region
from manuscribe.formats import get_format
from manuscribe.images.opening import open_image
from manuscribe.readers.vlm.answers import Question
from manuscribe.readers.vlm.remote.runtime import RemoteRuntime
from manuscribe.reading.batch import Batch

runtime = RemoteRuntime(sys.argv[1], sys.argv[2], at_once=int(sys.argv[3]), pause=lambda seconds: None)

def read(path):
    (answer,) = runtime.ask([Question(open_image(path), runtime.prompts["page"], 100)])
    return Document((Page(8, 8, (Region((Line(answer.text),)),)),))

images, out = sorted(Path(sys.argv[4]).iterdir()), Path(sys.argv[5])
batch = Batch(images, out, [get_format("txt")], runtime.version)
for outcome in batch.run(read, runtime.at_once):
    print(outcome.status, outcome.image.name, outcome.problem, flush=True)
"""


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    folder = tmp_path / "scans"
    folder.mkdir()
    for mark in range(IMAGES):
        Image.fromarray(np.full((8, 8, 3), mark, np.uint8)).save(folder / f"{mark:03}.png")
    return folder


def command(stub: Stub, scans: Path, out: Path) -> list[str]:
    return [sys.executable, "-c", READING, MODEL, stub.endpoint, str(AT_ONCE), str(scans), str(out)]


def written(out: Path) -> set[int]:
    """Marks of the images whose results an interrupted run wrote, by its record."""
    rows = (out / RECORD).read_text().split("\n")[:-1]  # the last one may be cut
    return {int(row["stem"]) for row in map(json.loads, rows) if row["status"] == "done"}


class Moody:
    """Good answers, with all kinds of trouble between them; comes to a halt after so many until it may go on."""

    halt = 24

    def __init__(self) -> None:
        self.on = threading.Event()

    def __call__(self, asked: Asked) -> Told:
        if asked.number >= self.halt:
            assert self.on.wait(60)
        text = f"page {asked.mark}"
        troubles = [
            Told(cut=True),
            refused(503),
            streamed(text[:4], finish=None, done=False),
            refused(429, Retry_After="0"),
        ]
        return troubles[asked.number // 5 % 4] if asked.number % 5 == 1 else streamed(text)


def wait_until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.005)


def test_a_killed_run_is_resumed_where_it_was(scans: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    answers = Moody()
    with Stub(answers) as stub:
        with subprocess.Popen(command(stub, scans, out), stdout=subprocess.PIPE) as first:
            assert first.stdout is not None
            assert first.stdout.readline().startswith(b"done")
            wait_until(lambda: len(stub.asked) == Moody.halt + AT_ONCE)
            first.kill()
        answers.on.set()
        wait_until(lambda: not stub.open)
        before, already = set(stub.marks), written(out)
        assert already
        assert len(already) == len(before) - AT_ONCE < IMAGES

        second = subprocess.run(command(stub, scans, out), capture_output=True, text=True, timeout=60)
        assert second.returncode == 0, second.stderr
        again = set(stub.marks[Moody.halt + AT_ONCE :])
        assert again == set(range(IMAGES)) - already
        assert len(again & before) == AT_ONCE, "what was in flight, and nothing else"
        told = [line.split() for line in second.stdout.splitlines()]
        assert told == [["skipped" if mark in already else "done", f"{mark:03}.png"] for mark in range(IMAGES)]
        assert stub.most == AT_ONCE
    for mark in range(IMAGES):
        assert (out / f"{mark:03}.txt").read_text() == f"page {mark}\n"
    assert written(out) == set(range(IMAGES))
