import json
import resource
import shutil
import subprocess
import sys

import pytest

import worker
from tests.benchmarks.conftest import BENCHMARKS

HEADER = "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext\n"
TABLE = HEADER + (
    "1\t1\t0\t0\t0\t0\t0\t0\t100\t80\t-1\t\n"
    "4\t1\t1\t1\t1\t0\t10\t20\t60\t15\t-1\t\n"
    '5\t1\t1\t1\t1\t1\t10\t20\t20\t15\t90.5\t"Dear\n'
    "5\t1\t1\t1\t1\t2\t40\t20\t20\t15\t81\tsir,\n"
    "4\t1\t1\t1\t2\t0\t10\t40\t60\t15\t-1\t\n"
    "5\t1\t1\t1\t2\t1\t10\t40\t60\t15\t95\t \n"
    "4\t1\t2\t1\t1\t0\t10\t60\t60\t15\t-1\t\n"
    "5\t1\t2\t1\t1\t1\t10\t60\t60\t15\t95\tyours\n"
)


def asked(*arguments, questions=(), code=None):
    script = ["-c", code] if code else [str(BENCHMARKS / "worker.py")]
    return subprocess.run(
        [sys.executable, *script, *arguments], input="\n".join(questions), capture_output=True, text=True, timeout=60
    )


def test_lines_of_tesseract_are_its_words_in_its_boxes():
    first, second = worker.tesseract_lines(TABLE)
    assert first == {"text": '"Dear sir,', "polygon": [[10, 20], [70, 20], [70, 35], [10, 35]]}
    assert second["text"] == "yours"


def test_a_blank_page_of_tesseract_has_no_lines():
    assert worker.tesseract_lines(HEADER) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nobody", "lines"), "invalid choice: 'nobody'"),
        (("kraken", "lines"), "kraken cannot do lines, only baselines"),
        (("kraken", "baselines", "--fast"), "unrecognized arguments: --fast"),
    ],
)
def test_what_it_does_not_know_is_refused(arguments, said):
    done = asked(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_it_introduces_itself_and_answers_with_nothing_in_between(tmp_path):
    code = f"""
import sys
sys.path.insert(0, {str(BENCHMARKS)!r})
import pathlib, worker
def prepare(options):
    print("loading")
    weights = pathlib.Path({str(tmp_path / "toy.onnx")!r})
    weights.write_bytes(b"12345")
    def read(image):
        print("reading")
        if image == "bad.png":
            raise ValueError("no\\n image")
        return [{{"text": image + options.language}}]
    return worker.Program("toy 1", [weights], read, "A note.")
worker.PROGRAMS["toy"] = (prepare, ("lines",))
worker.main()
"""
    questions = [json.dumps({"image": name}) for name in ("a.png", "bad.png", "ă.png")]
    done = asked("toy", "lines", "--language", "vie", questions=questions, code=code)
    first, good, bad, again = (json.loads(line) for line in done.stdout.splitlines())
    assert first == {"name": "toy 1", "models": {"toy.onnx": 5}, "note": "A note."}
    assert good["lines"] == [{"text": "a.pngvie"}]
    assert good["peak"] > 1_000_000
    assert bad == {"error": "no image"}
    assert again["lines"] == [{"text": "ă.pngvie"}]
    assert "loading" in done.stderr


def test_a_program_that_is_not_there_is_an_answer():
    code = f"""
import sys
sys.path.insert(0, {str(BENCHMARKS)!r})
import worker
def prepare(options):
    import nowhere_to_be_found
worker.PROGRAMS["toy"] = (prepare, ("lines",))
worker.main()
"""
    done = asked("toy", "lines", code=code)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {"error": "No module named 'nowhere_to_be_found'"}


def test_memory_is_that_of_the_process_that_reads():
    def peak(whose):
        # The process that starts it is large, which must not be taken for its own.
        code = f"import sys; sys.path.insert(0, {str(BENCHMARKS)!r}); import worker, subprocess; "
        code += 'subprocess.run([sys.executable, "-c", "held = bytes(range(250)) * 800_000"]); '
        return int(asked(code=code + f"print(worker.peak({whose}))").stdout)

    held = bytearray(b"x" * 300_000_000)
    assert peak(resource.RUSAGE_SELF) < 100_000_000 < len(held)
    assert 200_000_000 < peak(resource.RUSAGE_CHILDREN) < 300_000_000


@pytest.mark.skipif(shutil.which("tesseract") is None, reason="tesseract is not installed")
def test_tesseract_says_what_it_needs():
    installed = subprocess.run(["tesseract", "--list-langs"], capture_output=True, text=True, check=True).stdout
    language = installed.split()[-1]
    done = asked("tesseract", "pages", "--language", language)
    assert list(json.loads(done.stdout)["models"]) == [f"{language}.traineddata"]
