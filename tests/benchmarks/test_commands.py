import re
import subprocess
import sys

import pytest

from manuscribe.errors import ManuscribeError, ModelError
from report import percent, run, table
from speed import Measurement, peak_megabytes
from tests.benchmarks.conftest import BENCHMARKS


def command(name, *arguments, cwd=None):
    script = [sys.executable, str(BENCHMARKS / f"{name}.py"), *arguments]
    return subprocess.run(script, cwd=cwd, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("name", ["reading", "pages", "speed", "peers", "conditions"])
def test_each_command_explains_itself(name):
    done = command(name, "--help")
    assert done.returncode == 0
    assert "../shared/data" in done.stdout or "folder" in done.stdout


def test_without_data_nothing_is_measured(tmp_path):
    done = command("speed", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (3, "")
    assert re.match(r"speed\.py: There are no pages in \S+shared/data/pages/dev: nothing was measured\.", done.stderr)


def test_a_table_is_markdown():
    assert table(("what", "CER"), [("lines", percent(0.1234))]) == "| what | CER |\n| :-- | --: |\n| lines | 12.3 % |"


def test_a_report_says_how_to_repeat_it(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["/somewhere/benchmarks/reading.py", "--data", "my lines/*.parquet"])
    with pytest.raises(SystemExit) as stopped:
        run("Lines", lambda: "| table |")
    text = capsys.readouterr().out
    assert stopped.value.code == 0
    assert text.startswith("### Lines\n\nMeasured on ")
    assert "    python benchmarks/reading.py --data 'my lines/*.parquet'\n\n| table |" in text
    assert "somewhere" not in text


def test_an_error_is_one_line_with_its_exit_code(capsys):
    def fail():
        raise ModelError("There is no such model.", "Train one.")

    with pytest.raises(SystemExit) as stopped:
        run("Lines", fail)
    said = capsys.readouterr()
    assert (stopped.value.code, said.out) == (4, "")
    assert said.err.endswith(": There is no such model. Train one.\n")


def test_a_bar_is_kept_by_the_figure_that_is_judged():
    assert Measurement("a page", [1.0, 2.0, 4.0], "s", 3).row() == ("a page", "2.00 s", "4.00 s", "3 s", "**no**")
    assert Measurement("start", [1.0, 2.0, 4.0], "s", 3, min).row()[-1] == "yes"
    assert Measurement("a line", [12.4], "ms").row() == ("a line", "12 ms", "12 ms", "–", "–")


def test_memory_of_a_process_is_its_peak():
    small = peak_megabytes([sys.executable, "-c", "pass"])
    large = peak_megabytes([sys.executable, "-c", "held = b'x' * 300_000_000; del held"])
    assert large > 300 > 0
    assert large > small


def test_a_process_that_fails_says_why():
    with pytest.raises(ManuscribeError, match="ended with code 3 and said: no such page"):
        peak_megabytes([sys.executable, "-c", "import sys; print('no such page', file=sys.stderr); sys.exit(3)"])
