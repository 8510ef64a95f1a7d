"""A small ground truth that is rendered, and the command that trains on it."""

import shutil
from pathlib import Path

import pytest

from manuscribe.cli.main import run
from manuscribe.errors import ExitCode


@pytest.fixture(scope="session")
def ground_truth(tmp_path_factory: pytest.TempPathFactory, faces_folder: Path, texts_folder: Path) -> Path:
    root = tmp_path_factory.mktemp("truth")
    shutil.copytree(faces_folder, root / "fonts")
    shutil.copytree(texts_folder, root / "text")
    (root / "library").symlink_to(root / "text")
    arguments = ["--fonts", f"{root}/fonts", "--texts", f"{root}/text", "--lines", "60", "--length", "12", "--quiet"]
    for seed in ("1", "2", "3"):
        assert command("data", "synth", f"{root}/lines", *arguments, "--seed", seed) == ExitCode.OK
    return root


def command(*arguments: str) -> int:
    with pytest.raises(SystemExit) as end:
        run(list(arguments))
    return int(end.value.code or 0)
