"""`manuscribe read`."""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from manuscribe.cli.asking import AtOnce, Device, Endpoint, Prompt, Size
from manuscribe.cli.telling import hear, tell
from manuscribe.errors import ExitCode, OutputError, UsageError

if TYPE_CHECKING:
    from manuscribe.formats import Format
    from manuscribe.reading.batch import Batch, Outcome
    from manuscribe.reading.options import ReadingOptions
    from manuscribe.reading.review import ReviewSummary

_EXAMPLES = """Read handwriting from images of pages or lines.

Examples:

    manuscribe read letter.jpg

    manuscribe read scans/ -o texts/ -f txt,page,alto

    manuscribe read line.png --level line --language ru --nbest 3 -f json

    manuscribe read letter.jpg --reader microsoft/trocr-base-handwritten

    manuscribe read registers/ -o texts/ -f txt,json --dates iso --dates-near 1937

    manuscribe read scans/ -o texts/ --review-at 0.02

    manuscribe read page.jpg --reader vlm:deepseek-ai/DeepSeek-OCR --device cuda

    manuscribe read scans/ -o texts/ --reader vlm:churro-3B --endpoint http://localhost:8000/v1
"""


def read(
    # Typer's own check of `readable` would end the whole command: we record the file that is not, and go on.
    paths: Annotated[
        list[Path], typer.Argument(metavar="FILE|FOLDER...", readable=False, help="Images, or folders with images.")
    ],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="Folder for the results; without it they go to stdout.")
    ] = None,
    formats: Annotated[
        str, typer.Option("-f", "--format", help="One or more of txt, json, page, alto, with commas.")
    ] = "txt",
    reader: Annotated[
        str,
        typer.Option(
            help="Name of a reader, the .onnx file of a trained one, a TrOCR checkpoint (folder or owner/name), or a "
            "vision-language model: vlm:NAME or vlm:NAME+ADAPTER."
        ),
    ] = "compact",
    language: Annotated[str | None, typer.Option(help="Read in this language: en, fr, de, vi, ru, uk.")] = None,
    level: Annotated[str, typer.Option(help="What an image holds: a page, a paragraph, a line or a word.")] = "page",
    beams: Annotated[
        int | None,
        typer.Option(help="Width of the beam search; 1 takes the surest each time.", show_default="the reader's own"),
    ] = None,
    nbest: Annotated[int, typer.Option(help="Readings of each line, written where the format has a place.")] = 1,
    fit: Annotated[
        str | None,
        typer.Option(
            help="How a line comes into a checkpoint's frame: squash, pad, wide or window.",
            show_default="as it was trained",
        ),
    ] = None,
    engine: Annotated[str | None, typer.Option(help="What computes a checkpoint: torch, openvino or onnx.")] = None,
    precision: Annotated[
        str | None, typer.Option(help="How a checkpoint is computed: fp32, bf16, fp16 or int8.")
    ] = None,
    draft: Annotated[
        bool, typer.Option("--draft", help="The embedded reader reads first, a checkpoint checks: same text, sooner.")
    ] = False,
    prompt: Prompt = None,
    size: Size = None,
    line_by_line: Annotated[
        bool, typer.Option("--line-by-line", help="Show it each line of a page alone, and not the whole.")
    ] = False,
    endpoint: Endpoint = None,
    at_once: AtOnce = None,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit of a checkpoint on the hub.")] = None,
    calibration: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="What the confidences are worth, from `manuscribe calibrate`.",
            show_default="where the reader is",
        ),
    ] = None,
    review_at: Annotated[
        float | None,
        typer.Option(
            metavar="RATE", help="List the lines to check, so that the others have this expected CER; such as 0.02."
        ),
    ] = None,
    lookalikes: Annotated[
        bool,
        typer.Option(
            "--lookalikes/--no-lookalikes", help="Put right Latin and Cyrillic letters that were taken for each other."
        ),
    ] = True,
    dates: Annotated[
        str | None,
        typer.Option(help="Find dates, and write them one way: iso (1937-10-12), roman (12.X.1937) or keep as it is."),
    ] = None,
    dates_near: Annotated[
        int | None,
        typer.Option(metavar="YEAR", help="About when it was written: the century of years with two digits."),
    ] = None,
    device: Device = "cpu",
    threads: Annotated[int, typer.Option(help="CPU threads; 0 takes all cores.")] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no summary.")] = False,
) -> int:
    """Read handwriting from images of pages or lines."""
    from manuscribe.formats import get_format
    from manuscribe.images.opening import find_images
    from manuscribe.options import validated
    from manuscribe.reading.options import ReadingOptions, ReviewOptions

    options = validated(
        ReadingOptions,
        reader=reader,
        language=language,
        level=level,
        beams=beams,
        nbest=nbest,
        fit=fit,
        engine=engine,
        precision=precision,
        draft=draft,
        prompt=prompt,
        size=size,
        line_by_line=line_by_line,
        endpoint=endpoint,
        at_once=at_once,
        revision=revision,
        calibration=calibration,
        lookalikes=lookalikes,
        dates=dates,
        dates_near=dates_near,
        device=device,
        threads=threads,
    )
    chosen = [get_format(name.strip()) for name in formats.split(",") if name.strip()]
    if not quiet:
        hear("manuscribe.readers.vlm.reader")  # what a model will take of memory, before it is loaded
    if not chosen:
        raise UsageError("No output format was named.", "For example: -f txt,page")
    review = None if review_at is None else validated(ReviewOptions, review_at=review_at)
    images = find_images(paths)
    if out is None:
        if review:
            raise UsageError("--review-at writes several files.", "Name a folder for them with -o.")
        return _to_stdout(images, chosen, options)
    if out.suffix and any(form.suffix.endswith(out.suffix) for form in chosen) and not out.is_dir():
        raise UsageError(f"-o names a folder, and {out} looks like a file.", f"Use -o {out.parent or '.'}.")
    # The list is made from the documents of all images, also of those that an earlier run has read.
    if review and all(form.name != "json" for form in chosen):
        chosen.append(get_format("json"))
    return _to_folder(images, out, chosen, options, promise=review.review_at if review else None, quiet=quiet)


read.__doc__ = _EXAMPLES


def _to_stdout(images: Sequence[Path], formats: Sequence["Format"], options: "ReadingOptions") -> int:
    from manuscribe.reading.batch import problem_in, problem_with
    from manuscribe.reading.pages import PageReader

    if len(formats) > 1 or (len(images) > 1 and formats[0].name != "txt"):
        raise UsageError("Several results do not fit on stdout.", "Name a folder for them with -o.")
    pages = PageReader(options)
    flawed, separator = 0, b""
    for image in images:
        try:
            document = pages.read(image)
        except Exception as error:
            if len(images) == 1:
                raise
            tell(problem_with(image, error), error)
            flawed += 1
            continue
        for note in (note for page in document for note in page.notes):
            tell(f"{image}: {note}")
        if problem := problem_in(image, document):
            tell(problem)
            flawed += 1
        if not _print(separator + formats[0].write(document)):
            break
        separator = b"\f"
    return ExitCode.SOME_FAILED if flawed else ExitCode.OK


def _print(result: bytes) -> bool:
    """Write to stdout as it is, whatever the terminal's encoding; false if nobody listens any more (`head`, say)."""
    try:
        sys.stdout.buffer.write(result)
        sys.stdout.flush()
    except OSError as error:
        # Python flushes stdout once more at its end, and would complain again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return False
        raise OutputError(
            f"stdout cannot be written: {error.strerror}.", "Name a folder for the results with -o."
        ) from error
    return True


def _to_folder(
    images: Sequence[Path],
    out: Path,
    formats: Sequence["Format"],
    options: "ReadingOptions",
    *,
    promise: float | None,
    quiet: bool,
) -> int:
    from manuscribe.reading.batch import Batch
    from manuscribe.reading.pages import PageReader

    pages = PageReader(options)
    if promise is not None:
        pages.require_calibration()
    batch = Batch(images, out, formats, pages.job)
    counts = {"done": 0, "skipped": 0, "failed": 0}
    flawed = 0
    with _progress(len(images), quiet=quiet) as advance:
        for outcome in batch.run(pages.read, at_once=pages.at_once):
            counts[outcome.status] += 1
            flawed += bool(outcome.problem)
            advance(outcome)
    if not quiet:
        already = f", {counts['skipped']} were already" if counts["skipped"] else ""
        failed = f", {counts['failed']} failed" if counts["failed"] else ""
        print(f"{counts['done']} of {len(images)} images read into {out}{already}{failed}.", file=sys.stderr)
    if promise is not None:
        _review(batch, out, promise, quiet=quiet)
    if counts["failed"] and len(images) == 1:
        return ExitCode.INPUT
    return ExitCode.SOME_FAILED if flawed else ExitCode.OK


@contextmanager
def _progress(total: int, *, quiet: bool) -> Iterator[Any]:
    """A bar on a terminal, nothing elsewhere; failures are told at once in any case."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    shown = console.is_terminal and not quiet
    bar = Progress(*columns, console=console, disable=not shown, transient=True)
    with bar if shown else nullcontext():  # some versions of rich end even a bar that is not shown with an empty line
        task = bar.add_task("reading", total=total)

        def advance(outcome: "Outcome") -> None:
            bar.update(task, advance=1, description=outcome.image.name)
            # While the bar is shown, rich lifts what is printed to stderr above it.
            if outcome.problem:
                tell(outcome.problem, outcome.error)
            if not quiet:
                for note in outcome.notes:
                    tell(f"{outcome.image}: {note}")

        yield advance


def _review(batch: "Batch", out: Path, promise: float, *, quiet: bool) -> None:
    from rich.console import Console
    from rich.progress import track

    from manuscribe.reading.review_files import TABLE, Stems, write_review

    console = Console(stderr=True)

    def watched(stems: Stems) -> Iterable[tuple[Path, str]]:
        shown = console.is_terminal and not quiet
        return track(stems, "lines to check", console=console, transient=True) if shown else stems

    summary = write_review(out, batch.results, promise, watched)
    if not quiet:
        print(_told(summary, out / TABLE), file=sys.stderr)


def _told(summary: "ReviewSummary", table: Path) -> str:
    if not summary.lines:
        return "No lines were found: there is nothing to check."
    if not summary.to_check:
        return f"No line need be checked: all {summary.lines} have an expected CER of {_percent(summary.cer)} together."
    listed = f"{summary.to_check} of {summary.lines} lines are to be checked: {table}."
    if summary.accepted_cer is not None:
        return f"{listed}\nThe others together have an expected CER of {_percent(summary.accepted_cer)}."
    return (
        f"{listed}\nNo line has an expected CER of {_percent(summary.promise)} or less; "
        f"that of all together is {_percent(summary.cer)}."
    )


def _percent(rate: float | None) -> str:
    return "unknown" if rate is None else f"{100 * rate:.3g} %"
