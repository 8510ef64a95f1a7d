"""Checkpoints and runtimes that the tests share, made when they are first asked for."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from manuscribe.readers.vlm.answers import Pixels

pytest.importorskip("torch")
pytest.importorskip("transformers")

from manuscribe.readers.vlm.local.runtime import LocalRuntime
from tests.readers.vlm.local.building import build


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a tiny checkpoint, by its model type; not to be changed."""

    @cache
    def made(kind: str) -> Path:
        folder = tmp_path_factory.mktemp("vlm") / kind
        build(folder, kind)
        return folder

    return made


@pytest.fixture(scope="session")
def runtime(checkpoint: Callable[[str], Path]) -> Callable[[str], LocalRuntime]:
    """A runtime of that checkpoint, which never finds a loop."""
    return cache(lambda kind: LocalRuntime(str(checkpoint(kind)), threads=1, watch=lambda spelt: Calm()))


@pytest.fixture(scope="session")
def image() -> Pixels:
    """Something to look at, wider than high."""
    return np.random.default_rng(0).integers(0, 256, (60, 90, 3), np.uint8)


class Calm:
    """A watch that sees no loops."""

    def add(self, token: int) -> bool:
        return False
