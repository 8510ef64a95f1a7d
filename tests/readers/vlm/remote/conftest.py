"""What the tests of the remote runtime share."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from manuscribe.readers.vlm.answers import Question
from manuscribe.readers.vlm.remote.key import VARIABLE
from manuscribe.readers.vlm.remote.runtime import RemoteRuntime
from tests.readers.vlm.stub import MODEL, Stub

pytest.importorskip("httpx")


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def stub() -> Iterator[Stub]:
    with Stub() as server:
        yield server


@pytest.fixture
def pauses() -> list[float]:
    """Seconds that the runtime would have waited."""
    return []


@pytest.fixture
def runtime(stub: Stub, pauses: list[float]) -> Callable[..., RemoteRuntime]:
    def make(model: str = MODEL, **options: float) -> RemoteRuntime:
        return RemoteRuntime(model, stub.endpoint, **{"timeout": 5.0, "pause": pauses.append, **options})  # type: ignore[arg-type]

    return make


@pytest.fixture
def question() -> Callable[..., Question]:
    def make(mark: int = 7, prompt: str = "Read this.", **options: object) -> Question:
        return Question(np.full((8, 12, 3), mark, np.uint8), prompt, longest=50, **options)  # type: ignore[arg-type]

    return make
