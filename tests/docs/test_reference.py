"""The reference of the command line names all that there is, and nothing else."""

import re
from pathlib import Path

import pytest
import typer

from manuscribe.cli.main import app
from manuscribe.errors import ExitCode

TEXT = (Path(__file__).parents[2] / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
PARTS = dict(
    re.findall(r"^## `manuscribe ([a-z ]+?)(?: [A-Z|. ]+)?`\n(.*?)(?=^## |\Z)", TEXT, re.DOTALL | re.MULTILINE)
)


def commands(group, *names):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, *names, name)
        else:
            yield " ".join([*names, name]), command


COMMANDS = dict(commands(typer.main.get_command(app)))


def test_every_command_is_described():
    assert set(PARTS) == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_described(name):
    options = {flag for parameter in COMMANDS[name].params for flag in parameter.opts if flag.startswith("-")}
    described = set(
        re.findall(r"(?<=[ |`])(--?[a-z-]+)(?=`)", "\n".join(re.findall(r"^\| (.+?) \|", PARTS[name], re.M)))
    )
    assert described == options - {"-h", "--help"}


def test_every_exit_code_is_described():
    described = re.findall(r"^\| (\d+) \|", TEXT[TEXT.index("## Exit codes") :], re.MULTILINE)
    assert [int(code) for code in described] == [int(code) for code in ExitCode]
