"""Help is there for every command, and quick: it loads nothing heavy."""

import subprocess
import sys

import pytest

import manuscribe as package

COMMANDS = [
    (),
    ("read",),
    ("evaluate",),
    ("train",),
    ("data",),
    ("data", "synth"),
    ("models",),
    ("models", "list"),
    ("models", "show"),
    ("doctor",),
]

LOADED = """
import sys
from manuscribe.cli.main import run
for command in {commands!r}:
    try:
        run([*command, "--help"])
    except SystemExit as left:
        assert left.code == 0, command
heavy = {{"openvino", "torch", "cv2", "transformers", "onnx", "pyarrow", "lxml", "numpy", "PIL"}}
print("loaded:", *sorted(heavy & set(sys.modules)))
"""


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help(manuscribe, command):
    code, out, err = manuscribe(*command, "--help")
    assert code == 0
    assert "Usage: manuscribe" in out
    assert err == ""


def test_help_loads_nothing_heavy():
    script = LOADED.format(commands=COMMANDS)
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1].split() == ["loaded:"]


def test_the_package_loads_nothing_heavy():
    script = "import sys, manuscribe; print(sorted({'openvino', 'torch', 'cv2', 'numpy', 'PIL'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"


def test_version(manuscribe):
    assert manuscribe("--version") == (0, f"manuscribe {package.__version__}\n", "")


def test_runs_as_a_module():
    result = subprocess.run(
        [sys.executable, "-m", "manuscribe", "--version"], capture_output=True, text=True, check=True
    )
    assert result.stdout == f"manuscribe {package.__version__}\n"


def test_doctor_names_versions_and_what_extras_would_add(manuscribe):
    code, out, _ = manuscribe("doctor")
    assert code == 0
    for word in ("Python", "openvino", "cpu:", "models:", "extra train", "extra trocr", "extra vlm", "extra service"):
        assert word in out


def test_doctor_goes_on_without_a_library(manuscribe, monkeypatch):
    monkeypatch.setattr("manuscribe.extras.find_spec", lambda module: None)
    code, out, _ = manuscribe("doctor")
    assert code == 0
    assert "pip install 'manuscribe[train]'" in out


def test_training_without_its_extra_says_what_to_install(manuscribe, monkeypatch, tmp_path):
    monkeypatch.setattr("manuscribe.extras.find_spec", lambda module: None)
    code, _, err = manuscribe("train", tmp_path / "recipe.yaml")
    assert code == 2
    assert "pip install 'manuscribe[train]'" in err
