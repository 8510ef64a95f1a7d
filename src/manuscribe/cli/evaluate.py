"""`manuscribe evaluate`."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from manuscribe.cli.telling import tell
from manuscribe.errors import ExitCode, UsageError

_SHOWN = 5  # problems told one by one


def evaluate(
    data: Annotated[str, typer.Argument(help="Lines (.jsonl or .parquet, the name may have *) or a folder of pages.")],
    readers: Annotated[
        list[str] | None,
        typer.Option("--reader", help="A reader's name, .onnx file or checkpoint; give several. [default: compact]"),
    ] = None,
    beams: Annotated[
        list[int] | None, typer.Option(help="Width of the beam search; give several, and each reader reads with each.")
    ] = None,
    peers: Annotated[
        list[str] | None, typer.Option("--peer", help="Other programs to set beside: tesseract, rapidocr.")
    ] = None,
    language: Annotated[
        str | None, typer.Option(help="Read only this language's characters: en, fr, de, vi, ru, uk.")
    ] = None,
    fit: Annotated[
        str | None, typer.Option(help="How a line comes into a checkpoint's frame: squash, pad, wide or window.")
    ] = None,
    engine: Annotated[str | None, typer.Option(help="What computes a checkpoint: torch, openvino or onnx.")] = None,
    precision: Annotated[str | None, typer.Option(help="How a checkpoint is computed: fp32, bf16 or int8.")] = None,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit of a checkpoint on the hub.")] = None,
    threads: Annotated[int, typer.Option(help="CPU threads; 0 takes all cores.")] = 0,
    report: Annotated[
        Path | None, typer.Option(help="Folder for report.json, report.md and report.html, with the worst lines.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> int:
    """Measure readers on lines or pages whose text is known: error rates, intervals, which is better, how fast.

    The first reader is what the others are compared with. What cannot be opened is told and left out; the exit code is
    then 6.

    Examples:
        manuscribe evaluate test.parquet --reader compact --reader my-hand.onnx --report report/

        manuscribe evaluate pages/ --beams 1 --beams 8

        manuscribe evaluate test.parquet --peer tesseract
    """
    from manuscribe.evaluation.candidates import candidates
    from manuscribe.evaluation.evaluating import evaluate as run
    from manuscribe.evaluation.judging import judge
    from manuscribe.evaluation.report.writing import as_summary, make_folder, write_report
    from manuscribe.options import validated
    from manuscribe.readers.options import ReaderOptions

    chosen = {"language": language, "fit": fit, "engine": engine, "precision": precision}
    options = validated(ReaderOptions, **chosen, revision=revision, threads=threads)
    for width in beams or ():
        validated(ReaderOptions, beams=width)
    compared = candidates(readers or ["compact"], beams or [], peers or [], options)
    if report is not None:
        if report.is_file():
            raise UsageError(f"--report names a folder, and {report} is a file.", "Name a folder.")
        make_folder(report)
    found = run(data, compared, watch=lambda items, what: _watched(items, what, quiet=quiet))
    judgement = judge(found)
    typer.echo(as_summary(judgement).encode(), nl=False)
    for problem in found.problems[:_SHOWN]:
        tell(problem)
    if len(found.problems) > _SHOWN:
        tell(f"… and {len(found.problems) - _SHOWN} more like these.")
    if report is not None:
        write_report(judgement, report)
        if not quiet:
            print(f"See {report / 'report.html'}.", file=sys.stderr)
    return ExitCode.SOME_FAILED if found.problems else ExitCode.OK


def _watched(items: Sequence[Any], what: str, *, quiet: bool) -> Iterable[Any]:
    """The items, with a bar on a terminal."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    return track(items, what, console=console, disable=quiet or not console.is_terminal)
