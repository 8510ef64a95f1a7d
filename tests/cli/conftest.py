"""A reader that needs no weights, installed as a plugin is, and ways to run the command."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from manuscribe.cli.main import run
from manuscribe.models.files import WEIGHTS

with_weights = pytest.mark.skipif(
    not all((WEIGHTS / f"{name}.onnx").is_file() for name in ("compact", "segmenter")),
    reason="the embedded models are not in this checkout",
)

PLUGIN = '''
"""Reads a line image as its size; stops for a while at each, and trips over lines 13 pixels wide."""

import os
import time

from manuscribe.document import Character, Line


class SizeReader:
    name, version = "size", "1"

    def __init__(self, options):
        self.options = options

    def read(self, lines, *, of_one_page=False):
        time.sleep(float(os.environ.get("SIZE_READER_SECONDS", 0)))
        texts = ["x".join(map(str, line.shape[1::-1])) for line in lines]
        if "13x" in texts[0][:3]:
            raise ValueError("thirteen")
        return [Line(text, 0.5, tuple(Character(c, 0.5) for c in text)) for text in texts]
'''


@pytest.fixture(scope="session")
def plugin(tmp_path_factory):
    """A folder that, on the import path, adds the reader `size`."""
    folder = tmp_path_factory.mktemp("plugin")
    (folder / "size_reader.py").write_text(PLUGIN, encoding="utf-8")
    metadata = folder / "size_reader-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: size-reader\nVersion: 1\n", encoding="utf-8")
    (metadata / "entry_points.txt").write_text(
        "[manuscribe.readers]\nsize = size_reader:SizeReader\n", encoding="utf-8"
    )
    return folder


@pytest.fixture
def manuscribe(plugin, monkeypatch, capsys):
    """Run the command in this process; returns exit code, stdout and stderr."""
    monkeypatch.syspath_prepend(plugin)
    monkeypatch.setenv("COLUMNS", "200")

    def command(*arguments):
        with pytest.raises(SystemExit) as left:
            run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return left.value.code, captured.out, captured.err

    return command


@pytest.fixture
def start(plugin):
    """Start the command as a process of its own; `before` is a command that runs it."""

    def command(*arguments, before=(), **environment):
        return subprocess.Popen(
            [*before, sys.executable, "-m", "manuscribe", *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(plugin), **environment},
            # A test run in the background of a shell is deaf to interrupts, and would hand that on.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    return command


@pytest.fixture
def line_image(tmp_path):
    """Make an image of a line: paper with a bar of ink."""

    def make(name="line.png", width=60, height=30) -> Path:
        pixels = np.full((height, width, 3), 230, np.uint8)
        pixels[height // 3 : height // 2, 4:-4] = 30
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
        return path

    return make
