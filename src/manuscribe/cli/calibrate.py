"""`manuscribe calibrate`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from manuscribe.cli.asking import Device, Endpoint, LineLevel, Prompt, Size
from manuscribe.cli.telling import tell, watched
from manuscribe.errors import ExitCode


def calibrate(
    reader: Annotated[str, typer.Argument(help="A reader's name, .onnx file or checkpoint.")],
    data: Annotated[
        list[str],
        typer.Argument(metavar="DATA...", help="Lines (.jsonl or .parquet, names may have *) it has not learnt from."),
    ],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="File of the calibration.", show_default="where the reader is")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Folder for report.json, report.md and report.html.")] = None,
    beams: Annotated[
        int | None,
        typer.Option(help="Width of the beam search, as it will be read with.", show_default="the reader's own"),
    ] = None,
    language: Annotated[str | None, typer.Option(help="Read in this language.")] = None,
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
    device: Device = "cpu",
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit of a checkpoint on the hub.")] = None,
    threads: Annotated[int, typer.Option(help="CPU threads; 0 takes all cores.")] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> int:
    """Find out what a reader's confidences are worth, so that 0.9 means right nine times in ten.

    Of a data set that is split, validation lines are learnt from and test lines measured on; otherwise all are learnt
    from, and measured by cross-validation over writers. `manuscribe read` uses what was found from then on.

    Examples:
        manuscribe calibrate my-hand.onnx validation.parquet --report report/

        manuscribe calibrate compact archive.parquet -o archive.json

        manuscribe read scans/ -o texts/ --calibration archive.json
    """
    from manuscribe.datasets.lines import read_lines
    from manuscribe.evaluation.calibration.calibrating import calibrate as run
    from manuscribe.evaluation.calibration.dividing import divided
    from manuscribe.evaluation.calibration.report import as_summary, write_report
    from manuscribe.evaluation.calibration.storing import place_for, store
    from manuscribe.evaluation.report.writing import make_folder
    from manuscribe.options import validated
    from manuscribe.readers.options import ReaderOptions
    from manuscribe.readers.protocol import load_bare_reader

    chosen = {"beams": beams, "language": language, "fit": fit, "engine": engine, "precision": precision}
    asked = {"level": level, "prompt": prompt, "size": size, "endpoint": endpoint, "device": device}
    options = validated(ReaderOptions, **chosen, **asked, revision=revision, threads=threads)
    place = place_for(reader, out)
    if report is not None:
        make_folder(report)
    given = read_lines(data)
    lines, others = divided(given)
    if left_out := len(given) - len(lines) - len(others):
        tell(f"{left_out} lines of the split train are left out: the reader may have learnt from them.")
    found, measured = run(
        reader,
        load_bare_reader(reader, options),
        lines,
        others,
        data=data,
        watch=lambda items: watched(items, "reading", quiet=quiet),
    )
    typer.echo(as_summary(found, measured).encode(), nl=False)
    store(found, place)
    if report is not None:
        write_report(found, measured, report)
    if not quiet:
        use = "`manuscribe read` uses it from now on." if out is None else f"Read with --calibration {out}."
        print(f"The calibration {found.id} is in {place}. {use}", file=sys.stderr)
        if report is not None:
            print(f"See {report / 'report.html'}.", file=sys.stderr)
    return ExitCode.OK
