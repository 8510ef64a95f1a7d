"""What README and tutorials tell people to type is typed here, page by page, in a folder with the examples.

`console` blocks: each `$` line is run, in order. It must succeed, unless `$ echo $?` with the code follows; output that
the block shows must be among what was printed. `python` blocks are run too. A comment `<!-- not run: why -->` before a
block leaves it out.
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.conftest import with_weights

ROOT = Path(__file__).parents[2]
PAGES = (
    "README.md",
    "docs/index.md",
    "docs/dates.md",
    "docs/tutorial/read-a-letter.md",
    "docs/tutorial/checkpoints.md",
    "docs/tutorial/vision-language.md",
    "docs/tutorial/data.md",
    "docs/tutorial/finetune.md",
    "docs/tutorial/evaluate.md",
    "docs/tutorial/calibrate.md",
    "docs/tutorial/review.md",
    "docs/tutorial/train.md",
)
BLOCK = re.compile(r"(<!-- not run: [^\n]+ -->\n+)?```(console|python)\n(.*?)```", re.DOTALL)


@dataclass(frozen=True)
class Step:
    """A command with the exit code and the lines of output that the page promises."""

    command: list[str]
    code: int
    output: list[str]


def steps(page):
    """All steps of a page in order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found = []
    for left_out, kind, content in BLOCK.findall(text):
        if left_out:
            continue
        if kind == "python":
            found.append(Step([sys.executable, "-c", content], 0, []))
        else:
            found += shell_steps(content)
    return found


def shell_steps(content):
    commands = [part.split("\n") for part in ("\n" + content.strip()).split("\n$ ")[1:]]
    found = []
    for command, *output in commands:
        if command == "echo $?":
            found[-1] = Step(found[-1].command, int(output[0]), found[-1].output)
        else:
            found.append(Step(["bash", "-c", command], 0, output))
    return found


@with_weights
@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", PAGES)
def test_what_the_page_says_works(page, tmp_path):
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    for step in steps(page):
        done = subprocess.run(
            step.command,
            cwd=tmp_path,
            env={**os.environ, "PATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        assert done.returncode == step.code, (step.command[-1], done.stderr)
        for line in step.output:
            assert line in (done.stdout + done.stderr).splitlines(), step.command[-1]


@pytest.mark.parametrize("page", PAGES)
def test_blocks_are_found(page):
    # What this module runs is all there is: a block that the pattern missed would go untested.
    text = (ROOT / page).read_text(encoding="utf-8")
    assert len(BLOCK.findall(text)) == text.count("```console") + text.count("```python")


def test_the_readme_and_the_checks_run_the_tests_alike():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    checks = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "\nbash scripts/test\n" in readme
    assert "\nbash scripts/test\n" in checks
