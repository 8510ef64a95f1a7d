"""Readers in processes of their own: this side of `worker`."""

import json
import os
import subprocess
import sys
from base64 import b64encode
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from manuscribe.datasets.labelled import LabelledLine
from manuscribe.document import Line
from manuscribe.errors import InputError, ManuscribeError, ModelError, OutputError, UsageError
from manuscribe.evaluation.candidates import Candidate

_ERRORS: dict[int, type[ManuscribeError]] = {
    kind.exit_code: kind for kind in (UsageError, InputError, ModelError, OutputError)
}
_PATIENCE = 10.0
"""Seconds that a process has for ending by itself."""


@dataclass(slots=True)
class Expense:
    """What reading has cost so far.

    Attributes:
        loading: Seconds until the reader was ready.
        reading: Seconds of reading alone.
        peak: The most bytes of memory that the reader's process has held, libraries and weights included; of a program
            that it starts, those of the program if they are more. `None` where the system does not tell.
    """

    loading: float = 0.0
    reading: float = 0.0
    peak: int | None = None


@dataclass(frozen=True, slots=True)
class LinesRead:
    """What became of some lines, by their place.

    Attributes:
        texts: `None` for a line that was not read.
        unreadable: Why an image cannot be opened.
        failed: Why the reader could not read a line.
    """

    texts: tuple[str | None, ...]
    unreadable: Mapping[int, str] = field(default_factory=dict)
    failed: Mapping[int, str] = field(default_factory=dict)


class ReaderEndedError(ModelError):
    """A reader's process died: unlike a page that it cannot read, that ends everything."""


class ReaderProcess:
    """A reader that is loaded in a process of its own. Use it in a `with` statement: at its end the process ends, too.

    Args:
        task: `"lines"` or `"pages"`.
        languages: What a peer is told that the lines are written in.

    Attributes:
        expense: Grows with what is read.
        name: The reader's own name; known when it has read something, as are `version` and `choices`.

    Raises:
        ManuscribeError: What the reader says when it is loaded: that its weights are missing, say.
    """

    def __init__(self, candidate: Candidate, task: str, languages: Sequence[str] = ()) -> None:
        self._title, self.expense = candidate.title, Expense()
        self.name, self.version = candidate.reader, ""
        self.choices: Mapping[str, str] = {}
        # Plugins that this process can import the other one must find, too; and no module of the working folder.
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONIOENCODING": "utf-8"}
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "manuscribe.evaluation.worker"],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            start_new_session=True,  # Ctrl-C is for this process, which then ends the other
        )
        options = candidate.options.model_dump(exclude_defaults=True)
        job = {"reader": candidate.reader, "options": options, "task": task, "peer": candidate.peer}
        try:
            self.expense.loading = float(self._ask({**job, "languages": list(languages)})["seconds"])
        except BaseException:
            self._process.kill()
            end(self._process)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._process.kill()
        end(self._process)

    def read_lines(self, lines: Sequence[LabelledLine]) -> LinesRead:
        """Read the images of lines, which are opened there.

        Raises:
            ReaderEndedError: The process died.
        """
        answer = self._read({"images": [_image(line) for line in lines]})
        unreadable, failed = (
            {int(number): str(why) for number, why in answer[key].items()} for key in ("unreadable", "failed")
        )
        return LinesRead(tuple(answer["texts"]), unreadable, failed)

    def read_page(self, image: Path) -> list[Line]:
        """The lines of a page, with their polygons.

        Raises:
            ReaderEndedError: The process died.
            ManuscribeError: What the reader says of the page.
        """
        found = self._read({"page": str(image)})["lines"]
        return [
            Line(line["text"], id=line["id"], polygon=tuple((x, y) for x, y in line["polygon"] or ())) for line in found
        ]

    def _read(self, question: dict[str, Any]) -> dict[str, Any]:
        answer = self._ask(question)
        self.expense.reading += answer["seconds"]
        self.expense.peak = answer["peak"]
        self.name, self.version, self.choices = answer["name"], answer["version"], answer["choices"]
        return answer

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        line = ask(self._process, question)
        if not line:
            end(self._process)
            raise ReaderEndedError(
                f"{self._title}: its process ended with code {self._process.returncode}.",
                "Is there enough memory? What it said is above.",
            )
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            kind = _ERRORS.get(answer["code"], ModelError)
            problem = answer["error"] if answer["code"] else f"{self._title} fails: {answer['error']}"
            raise kind(problem, answer["remedy"])
        return answer


def ask(process: subprocess.Popen[str], question: Mapping[str, Any] | None = None) -> str:
    """Send a question, if there is one, to a process that speaks JSON, one object a line.

    Returns:
        The line that it answers; empty if it has ended.
    """
    told, answers = process.stdin, process.stdout
    assert told is not None  # noqa: S101  both are pipes
    assert answers is not None  # noqa: S101
    with suppress(BrokenPipeError):  # then there is no answer either
        if question:
            told.write(json.dumps(question) + "\n")
            told.flush()
    return answers.readline()


def end(process: subprocess.Popen[str]) -> None:
    """Ask no more and wait for a process's end; it is killed if that takes too long."""
    for pipe in (process.stdin, process.stdout):
        with suppress(BrokenPipeError):
            if pipe:
                pipe.close()
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _image(line: LabelledLine) -> dict[str, str]:
    if isinstance(line.image, Path):
        return {"file": str(line.image)}
    return {"data": b64encode(line.image).decode("ascii")}
