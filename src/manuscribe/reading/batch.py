"""Reading many images into a folder: resumes after an interruption, records what failed, goes on.

`manuscribe-run.jsonl` in the output folder has a row for each image that was finished: done or failed, with the
image's size and time and the job's options. A later run skips images that such a row says are done and whose
outputs are all there; it reads again what has changed, what failed, and everything if the options differ.
"""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from manuscribe.document import Document
from manuscribe.errors import InputError, ManuscribeError, OutputError, UsageError
from manuscribe.formats import Format
from manuscribe.formats.writing import write_atomically

RECORD = "manuscribe-run.jsonl"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an image."""

    image: Path
    status: Literal["done", "skipped", "failed"]
    problem: str = ""


class Batch:
    """A job over many images with one output folder.

    Args:
        images: Files, each once.
        out: Folder of the results; made if it is missing.
        formats: Each image gets one file in each.
        job: Stands for all that decides a result (`PageReader.job`): images that another job did are read again.

    Raises:
        UsageError: Two images would get the same output file.
        OutputError: The folder cannot be written.
    """

    def __init__(self, images: Sequence[Path], out: Path, formats: Sequence[Format], job: str) -> None:
        self._out, self._formats = out, formats
        self._stems = output_stems(images)
        self._job = job
        # Opening it also finds out, before hours of reading, whether the folder can be written at all.
        _open_record(out / RECORD)
        self._rows = _load_record(out / RECORD)

    def run(self, read: Callable[[Path], Document]) -> Iterator[Outcome]:
        """Read the images in order; yields each one's outcome when its files are written.

        Raises:
            OutputError: A result cannot be written (a full disk, say); what is written already stays.
        """
        for image, stem in self._stems.items():
            if self._is_done(image, stem):
                yield Outcome(image, "skipped")
                continue
            try:
                self._write(stem, read(image))
            except OutputError:
                raise  # the next image could not be written either
            except Exception as error:  # noqa: BLE001  one page that trips a bug must not cost the others
                yield self._failed(image, problem_with(image, error))
            else:
                self._record(image, "done")
                yield Outcome(image, "done")

    def _write(self, stem: str, document: Document) -> None:
        results = [(form.suffix, form.write(document)) for form in self._formats]
        for suffix, data in results:
            write_atomically(self._out / f"{stem}{suffix}", data)

    def _failed(self, image: Path, problem: str) -> Outcome:
        self._record(image, "failed", problem)
        return Outcome(image, "failed", problem)

    def _is_done(self, image: Path, stem: str) -> bool:
        row = self._rows.get(str(image.absolute()))
        if row is None or row["status"] != "done" or row["job"] != self._job or row["stamp"] != _stamp(image):
            return False
        return all((self._out / f"{stem}{form.suffix}").is_file() for form in self._formats)

    def _record(self, image: Path, status: str, problem: str = "") -> None:
        row = {"image": str(image.absolute()), "status": status, "job": self._job, "stamp": _stamp(image)}
        _append(self._out / RECORD, row | ({"problem": problem} if problem else {}))


def problem_with(image: Path, error: Exception) -> str:
    """What to tell of an image that could not be read, in one line."""
    return str(error) if isinstance(error, ManuscribeError) else f"{type(error).__name__} on {image}: {error}"


def output_stems(images: Sequence[Path]) -> dict[Path, str]:
    """A name for each image's outputs: its stem, or where two would collide, folder, stem and suffix.

    Raises:
        UsageError: Two images cannot be told apart even so.
    """
    taken = Counter(image.stem.lower() for image in images)
    stems = {
        image: image.stem if taken[image.stem.lower()] == 1 else f"{image.absolute().parent.name}-{image.name}"
        for image in images
    }
    twice = [stem for stem, count in Counter(stem.lower() for stem in stems.values()).items() if count > 1]
    if twice:
        raise UsageError(f"Several images would be written as {twice[0]}.", "Read their folders one by one.")
    return stems


def _stamp(image: Path) -> list[int]:
    try:
        stat = image.stat()
    except OSError:
        return []
    return [stat.st_size, stat.st_mtime_ns]


def _load_record(path: Path) -> dict[str, dict[str, Any]]:
    """The last row of each image; a row cut off by a crash is passed over."""
    rows: dict[str, dict[str, Any]] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return rows
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"The record of an earlier run, {path}, cannot be read: {error}.", "Remove it to start anew."
        ) from error
    for line in lines:
        try:
            row = json.loads(line)
            rows[row["image"]] = {key: row[key] for key in ("status", "job", "stamp")}
        except (ValueError, KeyError, TypeError):
            continue
    return rows


def _open_record(path: Path) -> None:
    """Make the record if it is missing; end a row that a crash cut off, lest the next one be lost with it."""
    with _writing(path), path.open("a+b") as file:
        if file.tell() > 0:
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                file.write(b"\n")


def _append(path: Path, row: dict[str, Any]) -> None:
    with _writing(path), path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row, ensure_ascii=False) + "\n")


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise OutputError(
            f"{path.parent} cannot be written: {error.strerror}.", "Name another folder with -o."
        ) from error
