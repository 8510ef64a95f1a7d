"""Programs that read, each in a process of its own, so that their times and their memory are measured alike.

The process is `worker.py` under the Python that has the program, started once: no time counts until it is ready.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from manuscribe.document import Line
from manuscribe.errors import InputError, ModelError
from manuscribe.evaluation.processes import ask, end
from worker import PROGRAMS

WORKER = Path(__file__).with_name("worker.py")
ENGINES = {name: tasks for name, (_, tasks) in PROGRAMS.items()}
"""The programs with the tasks that they can do."""

_THREADS = ("OMP_NUM_THREADS", "OMP_THREAD_LIMIT", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")


class EngineFailedError(Exception):
    """A program died or does not keep to the protocol; unlike an image that it cannot read, that ends everything."""


class Engine:
    """A program that is ready to read. Use it in a `with` statement: at its end the process ends, too.

    Args:
        command: Starts a process that speaks as `worker.py` says.
        threads: How many it may use.

    Attributes:
        name: With its version.
        models: Sizes of the files of weights that its task needs, in bytes.
        note: What a reader of the tables should know.
        peak: The most bytes of memory that it has held, as of its last answer.

    Raises:
        ModelError: The program cannot be started, or says that it cannot read.
        EngineFailedError: The process died or does not keep to the protocol.
    """

    def __init__(self, command: Sequence[str], threads: int = 1) -> None:
        self._words = tempfile.TemporaryFile()  # noqa: SIM115  `close` closes it
        self.name, self.note, self.peak = " ".join(command), "", 0
        self.models: Mapping[str, int] = {}
        environment = {**os.environ, **dict.fromkeys(_THREADS, str(threads))}
        pipe = subprocess.PIPE
        try:
            self._process = subprocess.Popen(
                command, env=environment, stdin=pipe, stdout=pipe, stderr=self._words, text=True, encoding="utf-8"
            )
        except OSError as error:
            self._words.close()
            raise ModelError(f"{command[0]} cannot be started: {error.strerror}.", "Name an interpreter.") from error
        try:
            self._introduce()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        end(self._process)
        self._words.close()

    def read(self, image: Path) -> tuple[Line, ...]:
        """The lines of an image.

        Raises:
            InputError: The program says that it cannot read this image.
            EngineFailedError: The process died or does not keep to the protocol.
        """
        answer = self._exchange({"image": str(image)})
        if "error" in answer:
            raise InputError(f"{self.name} cannot read {image.name}: {answer['error']}")
        try:
            self.peak = int(answer["peak"])
            return tuple(_line(line) for line in answer["lines"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._nonsense(answer) from error

    def _introduce(self) -> None:
        answer = self._exchange()
        if "error" in answer:
            raise ModelError(str(answer["error"]))
        try:
            self.name, self.note = str(answer["name"]), str(answer["note"])
            self.models = {str(name): int(size) for name, size in answer["models"].items()}
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._nonsense(answer) from error

    def _exchange(self, question: dict[str, str] | None = None) -> dict[str, Any]:
        line = ask(self._process, question)
        if not line:
            end(self._process)
            raise EngineFailedError(
                f"{self.name} ended with code {self._process.returncode} and said: {self._last_words()}"
            )
        try:
            answer = json.loads(line)
        except ValueError as error:
            raise self._nonsense(line) from error
        if not isinstance(answer, dict):
            raise self._nonsense(answer)
        return answer

    def _nonsense(self, answer: Any) -> EngineFailedError:
        return EngineFailedError(f"{self.name} does not keep to the protocol, it answered: {str(answer).strip()[:200]}")

    def _last_words(self) -> str:
        self._words.seek(0)
        said = self._words.read().decode(errors="replace").strip().splitlines()
        return said[-1] if said else "nothing"


def start(program: str, task: str, python: str = sys.executable, language: str = "fra", threads: int = 1) -> Engine:
    """A program of `ENGINES`, ready for a task that it can do.

    Args:
        program: Its name.
        task: One of its tasks.
        python: The interpreter whose environment has it.
        language: What Tesseract is told.
        threads: How many it may use.

    Raises:
        ModelError: The program is not installed.
        EngineFailedError: The process died or does not keep to the protocol.
    """
    return Engine(
        [python, str(WORKER), program, task, "--language", language, "--threads", str(threads)], threads=threads
    )


def _line(told: dict[str, Any]) -> Line:
    polygon, baseline = (
        tuple((float(x), float(y)) for x, y in told.get(key) or ()) or None for key in ("polygon", "baseline")
    )
    return Line(str(told["text"]), polygon=polygon, baseline=baseline)
