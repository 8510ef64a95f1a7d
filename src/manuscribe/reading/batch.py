"""Reading many images into a folder: resumes after an interruption, records what failed, goes on.

A later run skips images that the record says are done and whose outputs are all there; it reads again what has
changed, what failed, and everything if the job is another.
"""

import errno
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from manuscribe.document import Document
from manuscribe.errors import ManuscribeError, OutputError, UsageError
from manuscribe.formats import Format
from manuscribe.formats.writing import write_atomically
from manuscribe.reading.record import Record, Row, stamp

REVIEW = "review"
"""What review lists are called: no image's results may be."""

# What is wrong with one output's name is not wrong with the next one's.
_ONLY_THIS_FILE = (errno.ENAMETOOLONG, errno.EISDIR)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an image.

    Attributes:
        problem: Why it failed, or what is missing from its result; empty if all is well.
        notes: What else a person should know, e.g. that the page is blank.
        error: The exception behind a failure, for those who want to see where it came from.
    """

    image: Path
    status: Literal["done", "skipped", "failed"]
    problem: str = ""
    notes: tuple[str, ...] = ()
    error: Exception | None = None


class Batch:
    """A job over many images with one output folder.

    Args:
        images: Files, each once.
        out: Folder of the results; made if it is missing.
        formats: Each image gets one file in each.
        job: Stands for all that decides a result (`PageReader.job`): images that another job did are read again.

    Raises:
        InputError: The record of an earlier run cannot be read.
        OutputError: The folder cannot be written.
        UsageError: Two images would get the same output file.
    """

    def __init__(self, images: Sequence[Path], out: Path, formats: Sequence[Format], job: str) -> None:
        self._out, self._formats, self._job = out, formats, job
        self._record = Record(out)
        self._stems = output_stems(images, self._record)

    def run(self, read: Callable[[Path], Document]) -> Iterator[Outcome]:
        """Read the images in order; yields each one's outcome when its files are written.

        Raises:
            OutputError: Results cannot be written (a full disk, say); what is written already stays.
        """
        for image, stem in self._stems.items():
            if self._is_done(image, stem):
                yield Outcome(image, "skipped")
                continue
            outcome = self._read(image, stem, read)
            self._record.add(self._row(outcome, stem))
            yield outcome

    @property
    def results(self) -> dict[Path, str]:
        """The images that are done, by this run or an earlier one, with their results' names without suffix."""
        return {image: stem for image, stem in self._stems.items() if self._is_done(image, stem)}

    def _row(self, outcome: Outcome, stem: str) -> Row:
        image = outcome.image
        notes = list(outcome.notes)
        return Row(str(image.absolute()), stem, outcome.status, self._job, stamp(image), outcome.problem, notes)

    def _read(self, image: Path, stem: str, read: Callable[[Path], Document]) -> Outcome:
        try:
            document = read(image)
            self._write(stem, document)
        except Exception as error:
            if isinstance(error, OutputError) and getattr(error.__cause__, "errno", None) not in _ONLY_THIS_FILE:
                raise  # the next image could not be written either
            return Outcome(image, "failed", problem_with(image, error), error=error)
        notes = tuple(note for page in document for note in page.notes)
        return Outcome(image, "done", problem_in(image, document), notes)

    def _write(self, stem: str, document: Document) -> None:
        results = [(form.suffix, form.write(document)) for form in self._formats]
        for suffix, data in results:
            write_atomically(self._out / f"{stem}{suffix}", data)

    def _is_done(self, image: Path, stem: str) -> bool:
        row = self._record.row(image)
        if row is None or (row.status, row.stem, row.job, row.stamp) != ("done", stem, self._job, stamp(image)):
            return False
        return all((self._out / f"{stem}{form.suffix}").is_file() for form in self._formats)


def problem_with(image: Path, error: Exception) -> str:
    """What to tell of an image that could not be read, in one line."""
    return str(error) if isinstance(error, ManuscribeError) else f"{type(error).__name__} on {image}: {error}"


def problem_in(image: Path, document: Document) -> str:
    """What to tell of lines that could not be read; empty if all could."""
    failed = [line for page in document for line in page.lines if any(note.startswith("failed") for note in line.notes)]
    return f"{image}: {len(failed)} lines could not be read; their notes say why." if failed else ""


def output_stems(images: Sequence[Path], record: Record | None = None) -> dict[Path, str]:
    """A name for each image's outputs.

    It is the image's stem. Where two images would collide, another image had that name in an earlier run, or review
    lists have it, it is folder, stem and suffix.

    Raises:
        UsageError: Two images cannot be told apart even so.
    """
    taken = Counter(image.stem.lower() for image in images)

    def free(image: Path, stem: str) -> bool:
        if stem.lower() == REVIEW:
            return False
        return record is None or record.owner(stem) in (None, str(image.absolute()))

    stems = {}
    for image in images:
        short, long = image.stem, f"{image.absolute().parent.name}-{image.name}"
        stems[image] = short if taken[short.lower()] == 1 and free(image, short) else long
    counts = Counter(stem.lower() for stem in stems.values())
    twice = [stem for image, stem in stems.items() if counts[stem.lower()] > 1 or not free(image, stem)]
    if twice:
        raise UsageError(f"Several images would be written as {twice[0]}.", "Give each folder its own with -o.")
    return stems
