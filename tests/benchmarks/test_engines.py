import os
import shutil
import sys

import cv2
import numpy as np
import pytest

from engines import ENGINES, Engine, EngineFailedError, start
from manuscribe.document import Line
from manuscribe.errors import InputError, ModelError

HELLO = '{"name": "toy 1", "models": {"toy.onnx": 5}, "note": "A note."}'


def engine(*said, after=""):
    """A process that says the lines one by one, each after a question but the first, then runs `after`."""
    code = f"import sys\nfor line in {said!r}:\n    print(line, flush=True)\n    sys.stdin.readline()\n{after}"
    return Engine([sys.executable, "-c", code])


def test_an_answer_becomes_lines(tmp_path):
    answer = '{"lines": [{"text": "ă", "polygon": [[0, 1], [2, 3]]}, {"text": "", "baseline": [[4, 5]]}], "peak": 7}'
    with engine(HELLO, answer) as toy:
        assert (toy.name, toy.models, toy.note, toy.peak) == ("toy 1", {"toy.onnx": 5}, "A note.", 0)
        first, second = toy.read(tmp_path / "a.png")
        assert first == Line("ă", polygon=((0.0, 1.0), (2.0, 3.0)))
        assert second == Line("", baseline=((4.0, 5.0),))
        assert toy.peak == 7


def test_an_image_that_it_cannot_read_is_no_end(tmp_path):
    with engine(HELLO, '{"error": "too small"}', '{"lines": [], "peak": 7}') as toy:
        with pytest.raises(InputError, match=r"toy 1 cannot read a\.png: too small"):
            toy.read(tmp_path / "a.png")
        assert toy.read(tmp_path / "b.png") == ()


def test_threads_are_told_by_the_environment():
    said = 'import os, json; print(json.dumps({"name": os.environ["OMP_THREAD_LIMIT"], "models": {}, "note": ""}))'
    with Engine([sys.executable, "-c", said], threads=3) as toy:
        assert toy.name == "3"


def test_a_process_that_dies_says_why(tmp_path):
    said = pytest.raises(EngineFailedError, match="toy 1 ended with code 9 and said: out of memory")
    with engine(HELLO, after="print('out of memory', file=sys.stderr); sys.exit(9)") as toy, said:
        toy.read(tmp_path / "a.png")


def test_a_process_that_dies_at_once_says_why():
    with pytest.raises(EngineFailedError, match=r"ended with code 3 and said: nothing"):
        Engine([sys.executable, "-c", "raise SystemExit(3)"])


@pytest.mark.parametrize("answer", ["hello", "[1]", "{}", '{"lines": 3, "peak": 1}', '{"lines": ["a"], "peak": 1}'])
def test_nonsense_is_quoted(answer, tmp_path):
    with engine(HELLO, answer) as toy, pytest.raises(EngineFailedError, match="does not keep to the protocol"):
        toy.read(tmp_path / "a.png")


@pytest.mark.parametrize("hello", ["", "3", "{}", '{"name": "toy", "models": [], "note": ""}'])
def test_a_nonsensical_introduction_is_quoted(hello):
    with pytest.raises(EngineFailedError, match="does not keep to the protocol"):
        engine(f"{hello} ")


def test_a_program_that_cannot_start_is_no_engine():
    with pytest.raises(ModelError, match=r"no module named toy"):
        engine('{"error": "no module named toy"}')
    with pytest.raises(ModelError, match=r"\./nowhere/python cannot be started: No such file or directory"):
        Engine(["./nowhere/python"])


def test_an_unknown_option_is_refused():
    with pytest.raises(EngineFailedError, match=r"ended with code 2 and said: .* invalid choice: 'nobody'"):
        start("nobody", "lines")


def test_without_tesseract_it_is_said_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ModelError, match=r"no program named tesseract.*apt-get install .* tesseract-ocr-fra"):
        start("tesseract", "lines")


@pytest.mark.skipif(shutil.which("tesseract") is None, reason="tesseract is not installed")
def test_a_language_that_tesseract_lacks_is_named():
    with pytest.raises(ModelError, match="not installed for the language 'qqq'"):
        start("tesseract", "lines", language="qqq")


@pytest.mark.parametrize(("name", "task"), [(name, task) for name, tasks in ENGINES.items() for task in tasks])
def test_each_installed_program_looks_at_an_image(name, task, tmp_path):
    python = os.environ.get(f"{name.upper()}_PYTHON", sys.executable)
    image = tmp_path / "blank.png"
    cv2.imwrite(str(image), np.full((128, 128), 255, np.uint8))
    try:
        ready = start(name, task, python)
    except ModelError as error:
        if name == "manuscribe":
            raise
        pytest.skip(f"{name} is not installed ({name.upper()}_PYTHON may name its interpreter): {error}")
    with ready:
        assert ready.name.startswith(f"{name} ")
        assert sum(ready.models.values()) > 500_000
        assert len(ready.read(image)) <= 1
        assert ready.peak > 5_000_000
