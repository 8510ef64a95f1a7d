"""`manuscribe evaluate`."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from manuscribe.cli.asking import AtOnce, Device, Endpoint, LineLevel, Prompt, Size
from manuscribe.cli.telling import tell, watched
from manuscribe.errors import ExitCode, UsageError

_Value = TypeVar("_Value", int, str)
_SHOWN = 5  # problems told one by one


def evaluate(
    data: Annotated[
        str | None, typer.Argument(help="Lines (.jsonl or .parquet, the name may have *) or a folder of pages.")
    ] = None,
    readers: Annotated[
        list[str] | None,
        typer.Option(
            "--reader", help="A reader's name, .onnx file or checkpoint; give several.", show_default="compact"
        ),
    ] = None,
    beams: Annotated[
        list[int] | None, typer.Option(help="Width of the beam search; give several, and each reader reads with each.")
    ] = None,
    peers: Annotated[
        list[str] | None, typer.Option("--peer", help="Other programs to set beside: tesseract, rapidocr.")
    ] = None,
    language: Annotated[str | None, typer.Option(help="Read in this language: en, fr, de, vi, ru, uk.")] = None,
    fit: Annotated[
        str | None, typer.Option(help="How a line comes into a checkpoint's frame: squash, pad, wide or window.")
    ] = None,
    engine: Annotated[str | None, typer.Option(help="What computes a checkpoint: torch, openvino or onnx.")] = None,
    precision: Annotated[
        str | None, typer.Option(help="How a checkpoint is computed: fp32, bf16, fp16 or int8.")
    ] = None,
    level: LineLevel = "line",
    prompt: Prompt = None,
    size: Size = None,
    endpoint: Endpoint = None,
    at_once: AtOnce = None,
    device: Device = "cpu",
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit of a checkpoint on the hub.")] = None,
    lookalikes: Annotated[
        bool,
        typer.Option(
            "--lookalikes/--no-lookalikes", help="Put right Latin and Cyrillic letters that were taken for each other."
        ),
    ] = True,
    claim: Annotated[
        Path | None,
        typer.Option(help="A card (YAML, or a README.md with model-index) whose figures are measured again."),
    ] = None,
    threads: Annotated[int, typer.Option(help="CPU threads; 0 takes all cores.")] = 0,
    report: Annotated[
        Path | None, typer.Option(help="Folder for report.json, report.md and report.html, with the worst lines.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> int:
    """Measure readers on lines or pages whose text is known: error rates, intervals, which is better, how fast.

    The first reader is what the others are compared with. What cannot be opened is told and left out; the exit code is
    then 6. With --claim the card says what is read how; exit code 6 then also stands for a claim that is not confirmed.

    Examples:
        manuscribe evaluate test.parquet --reader compact --reader my-hand.onnx --report report/

        manuscribe evaluate pages/ --beams 1 --beams 32

        manuscribe evaluate test.parquet --peer tesseract

        manuscribe evaluate test.parquet --level paragraph --reader vlm:BASE --reader vlm:BASE+ADAPTER

        manuscribe evaluate --claim card.yaml --report report/
    """
    from manuscribe.evaluation.candidates import MeasuredOptions, candidates
    from manuscribe.evaluation.evaluating import evaluate as run
    from manuscribe.evaluation.judging import judge
    from manuscribe.evaluation.report.writing import as_summary, make_folder, write_report
    from manuscribe.options import validated

    chosen = {"language": language, "fit": fit, "engine": engine, "precision": precision}
    if claim is not None:
        given = {"reader": _only(readers, "--reader"), "data": data, "revision": revision}
        if peers:
            raise UsageError("A card's figures are a reader's.", "Leave --peer out.")
        if level != "line" or prompt or size or endpoint or at_once or device != "cpu":
            raise UsageError("A card says nothing of prompts, sizes and endpoints.", "Leave these options out.")
        decoding = {**chosen, "beams": _only(beams, "--beams"), "lookalikes": None if lookalikes else False}
        return _check(claim, given, decoding, threads, report, quiet=quiet)
    if data is None:
        raise UsageError("There is nothing to measure on.", "Name DATA, or a card with --claim.")
    asked = {"level": level, "prompt": prompt, "size": size, "endpoint": endpoint, "at_once": at_once, "device": device}
    options = validated(MeasuredOptions, **chosen, **asked, revision=revision, lookalikes=lookalikes, threads=threads)
    for width in beams or ():
        validated(MeasuredOptions, beams=width)
    compared = candidates(readers or ["compact"], beams or [], peers or [], options)
    if report is not None:
        make_folder(report)
    found = run(data, compared, watch=lambda items, what: watched(items, what, quiet=quiet))
    judgement = judge(found)
    typer.echo(as_summary(judgement).encode(), nl=False)
    _tell_some(found.problems)
    if report is not None:
        write_report(judgement, report)
        if not quiet:
            print(f"See {report / 'report.html'}.", file=sys.stderr)
    return ExitCode.SOME_FAILED if found.problems else ExitCode.OK


def _check(
    card: Path,
    given: Mapping[str, str | None],
    decoding: Mapping[str, Any],
    threads: int,
    report: Path | None,
    *,
    quiet: bool,
) -> int:
    """Measure again what a card claims."""
    from manuscribe.evaluation.claims.checking import check_claims
    from manuscribe.evaluation.claims.loading import filled, load_claims
    from manuscribe.evaluation.claims.writing import as_summary, write_findings
    from manuscribe.evaluation.report.writing import make_folder

    claims = filled(load_claims(card), given, decoding)
    if report is not None:
        make_folder(report)
    findings = check_claims(claims, threads, lambda items, what: watched(items, what, quiet=quiet))
    typer.echo(as_summary(findings).encode(), nl=False)
    problems = list(dict.fromkeys(problem for found in findings for problem in found.reading.evaluation.problems))
    _tell_some(problems)
    if report is not None:
        for folder in write_findings(card, findings, report):
            if not quiet:
                print(f"See {folder / 'report.html'}.", file=sys.stderr)
    confirmed = all(found.verdict == "confirmed" for found in findings)
    return ExitCode.OK if confirmed and not problems else ExitCode.SOME_FAILED


def _only(values: Sequence[_Value] | None, option: str) -> _Value | None:
    """The one value of an option that may be given several times, but not with a card."""
    if values and len(values) > 1:
        raise UsageError(f"A card is measured with one {option.lstrip('-')}, not several.", f"Give {option} once.")
    return values[0] if values else None


def _tell_some(problems: Sequence[str]) -> None:
    for problem in problems[:_SHOWN]:
        tell(problem)
    if len(problems) > _SHOWN:
        tell(f"… and {len(problems) - _SHOWN} more like these.")
