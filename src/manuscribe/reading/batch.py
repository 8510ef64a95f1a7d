"""Reading many images into a folder: resumes after an interruption, records what failed, goes on.

A later run skips images that the record says are done and whose outputs are all there; it reads again what has
changed, what failed, and everything if the job is another.
"""

import errno
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, Thread
from types import TracebackType
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

_GLANCE = 0.2  # seconds


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
        UsageError: Two images would get the same output file, or one that is there and was not written by a run.
    """

    def __init__(self, images: Sequence[Path], out: Path, formats: Sequence[Format], job: str) -> None:
        self._out, self._formats, self._job = out, formats, job
        self._record = Record(out)
        self._stems = output_stems(images, self._record)
        self._refuse_strangers()

    def _refuse_strangers(self) -> None:
        """Somebody's own texts of the same names, beside their images for example, must not be lost.

        Where a run wrote before, a name without a row is what was being written when it was interrupted.
        """
        if self._record.is_new:
            names = (f"{stem}{form.suffix}" for stem in self._stems.values() for form in self._formats)
            there = {path.name for path in self._out.iterdir()}
            if stranger := next((name for name in names if name in there), None):
                raise UsageError(
                    f"{self._out / stranger} is there, and no run recorded that it wrote it.",
                    "Move it, or name another folder with -o.",
                )

    def run(self, read: Callable[[Path], Document], at_once: int = 1) -> Iterator[Outcome]:
        """Read the images; yields their outcomes in order, each when its files are written.

        An image's files and its row in the record are written as soon as it is read, also before those of images that
        were begun earlier. When the run ends early, what is being read then is lost, and a later run reads it.

        Args:
            read: Called in several threads if several images are read at the same time.
            at_once: Images that are read at the same time at most, at least 1.

        Raises:
            OutputError: Results cannot be written (a full disk, say); what is written already stays.
        """
        pen = _Pen()
        if at_once > 1:
            yield from self._side_by_side(read, at_once, pen)
        else:
            for image, stem in self._stems.items():
                yield self._finish(image, stem, read, pen)

    def _side_by_side(self, read: Callable[[Path], Document], at_once: int, pen: "_Pen") -> Iterator[Outcome]:
        outcomes = deque(Future[Outcome]() for _ in self._stems)
        waiting = deque(zip(self._stems.items(), outcomes, strict=True))

        def help_out() -> None:
            while True:
                try:
                    (image, stem), outcome = waiting.popleft()
                except IndexError:
                    return
                try:
                    outcome.set_result(self._finish(image, stem, read, pen))
                except BaseException as error:  # noqa: BLE001  raised again where outcomes are waited for
                    waiting.clear()
                    outcome.set_exception(error)

        try:
            # Daemons: a page that is waited for must not hold up the end of an interrupted program.
            for _ in range(min(at_once, len(outcomes))):
                Thread(target=help_out, daemon=True).start()
            # Images are begun in this order, so that those before a failure that ends the run come to their end.
            while outcomes:
                outcome = outcomes.popleft()
                # Not in one wait: on some systems an interruption is noticed only when one ends.
                while not outcome.done():
                    wait([outcome], timeout=_GLANCE)
                yield outcome.result()
        finally:
            waiting.clear()
            pen.lay_down()

    @property
    def results(self) -> dict[Path, str]:
        """The images that are done, by this run or an earlier one, with their results' names without suffix."""
        return {image: stem for image, stem in self._stems.items() if self._is_done(image, stem)}

    def _finish(self, image: Path, stem: str, read: Callable[[Path], Document], pen: "_Pen") -> Outcome:
        """Read an image if that is still to be done, and write its files and its row."""
        if self._is_done(image, stem):
            return Outcome(image, "skipped")
        # Before it is read: what changes meanwhile must be read again.
        before = stamp(image)
        outcome = self._read(image, stem, read, pen)
        with pen:
            self._record.add(self._row(outcome, stem, before))
        return outcome

    def _row(self, outcome: Outcome, stem: str, before: list[int]) -> Row:
        image, notes = outcome.image, list(outcome.notes)
        return Row(str(image.absolute()), stem, outcome.status, self._job, before, outcome.problem, notes)

    def _read(self, image: Path, stem: str, read: Callable[[Path], Document], pen: "_Pen") -> Outcome:
        try:
            document = read(image)
            with pen:
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


class _LaidDownError(BaseException):
    """The run has ended; no `Exception`, since nothing is wrong with the image."""


class _Pen:
    """What writes results: in the hand of one thread at a time, and of none after it was laid down."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._laid_down = False

    def __enter__(self) -> None:
        self._lock.acquire()
        if self._laid_down:
            self._lock.release()
            raise _LaidDownError

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._lock.release()

    def lay_down(self) -> None:
        """Wait for what is being written; after it, nothing is."""
        with self._lock:
            self._laid_down = True


def problem_with(image: Path, error: Exception) -> str:
    """What to tell of an image that could not be read, in one line."""
    return str(error) if isinstance(error, ManuscribeError) else f"{type(error).__name__} on {image}: {error}"


def problem_in(image: Path, document: Document) -> str:
    """What to tell of lines that could not be read; empty if all could."""
    failed = [line for page in document for line in page.lines if any(note.startswith("failed") for note in line.notes)]
    return f"{image}: {len(failed)} lines could not be read; their notes say why." if failed else ""


def output_stems(images: Sequence[Path], record: Record | None = None) -> dict[Path, str]:
    """A name for each image's outputs.

    It is what the image was called in an earlier run, or else its stem. Where two images would collide, another image
    had that name in an earlier run, or review lists have it, it is folder, stem and suffix.

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
        row = record.row(image) if record else None
        if row and record and record.owner(row.stem) == str(image.absolute()):
            stems[image] = row.stem
    counts = Counter(stem.lower() for stem in stems.values())
    twice = [stem for image, stem in stems.items() if counts[stem.lower()] > 1 or not free(image, stem)]
    if twice:
        raise UsageError(f"Several images would be written as {twice[0]}.", "Give each folder its own with -o.")
    return stems
