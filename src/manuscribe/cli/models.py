"""`manuscribe models …`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from manuscribe.extras import needs

if TYPE_CHECKING:
    from manuscribe.datasets.labelled import LabelledLine

app = typer.Typer(help="Models: those in the package, and bundles made of checkpoints.", no_args_is_help=True)


@app.command("list")
def list_models() -> int:
    """List the embedded models."""
    from manuscribe.models.files import embedded_models

    for model in embedded_models():
        size = model.path.stat().st_size / 1e6
        card = model.card
        millions = card["parameters"] / 1e6
        typer.echo(f"{model.name:12} {card['kind']:16} {model.version}  {millions:.1f} M parameters, {size:.1f} MB")
    return 0


@app.command()
def show(name: Annotated[str, typer.Argument(help="Name of a model, as `models list` says.")]) -> int:
    """Show a model's card: what it learnt from, under which licences, and how good it was found to be."""
    from manuscribe.models.card import as_markdown
    from manuscribe.models.files import embedded

    typer.echo(as_markdown(embedded(name).card))
    return 0


@app.command()
def export(
    checkpoint: Annotated[str, typer.Argument(help="Folder of a TrOCR checkpoint or an adapter, or owner/name.")],
    out: Annotated[Path, typer.Argument(help="Folder for the bundle.")],
    engine: Annotated[str, typer.Option(help="What it will be read with: openvino, onnx or auto.")] = "openvino",
    precision: Annotated[str, typer.Option(help="fp32, bf16 or fp16 (half the size), or int8 (a quarter).")] = "fp32",
    lines: Annotated[
        str | None, typer.Option(help="Line data set (parquet, may have *) on which the bundle is compared.")
    ] = None,
    limit: Annotated[int, typer.Option(help="Lines of each that are used.", min=1)] = 200,
    calibration: Annotated[
        str | None, typer.Option(help="Line data set by which int8 for ONNX Runtime is measured once and for all.")
    ] = None,
    cer_budget: Annotated[float, typer.Option(help="How much higher the bundle's CER may be, except in fp32.")] = 0.002,
    fit: Annotated[
        str | None,
        typer.Option(help="How lines come into the frame: squash, pad, wide, window.", show_default="as trained"),
    ] = None,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit on the hub.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No summary.")] = False,
) -> int:
    """Make a checkpoint into a bundle: one folder, for OpenVINO or ONNX Runtime, that reads without PyTorch.

    A bundle that reads worse than the checkpoint is refused: fp32 must give the same tokens, bf16 and int8 stay within
    a budget of errors on lines that you name.

    Examples:
        manuscribe models export microsoft/trocr-small-handwritten trocr-small/

        manuscribe models export checkpoint/ small/ --precision int8 --lines 'lines/dev-*.parquet'
    """
    needs("trocr")
    from manuscribe.options import validated
    from manuscribe.readers.trocr.export import ExportOptions
    from manuscribe.readers.trocr.export import export as make_bundle

    options = validated(
        ExportOptions, engine=engine, precision=precision, cer_budget=cer_budget, fit=fit, revision=revision
    )
    bundle = make_bundle(checkpoint, out, options, _lines(lines)[:limit], _lines(calibration)[:limit])
    if not quiet:
        size = sum(file.stat().st_size for file in out.iterdir()) / 1e6
        print(f"{out}: {bundle.version}, {size:.1f} MB. Read with --reader {out}", file=sys.stderr)
    return 0


def _lines(pattern: str | None) -> list["LabelledLine"]:
    if pattern is None:
        return []
    from manuscribe.datasets.lines import read_lines

    return read_lines([pattern])
