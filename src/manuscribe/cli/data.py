"""`manuscribe data …`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from manuscribe.extras import needs

app = typer.Typer(help="Data sets of lines.", no_args_is_help=True)


@app.callback()
def _data() -> None:
    """Data sets of lines."""


@app.command()
def synth(
    out: Annotated[Path, typer.Argument(help="Folder for the parquet files.")],
    fonts: Annotated[Path, typer.Option(help="Folder with handwriting fonts (.ttf, .otf).")],
    texts: Annotated[Path, typer.Option(help="Folder with UD_<Language>-*.txt, a sentence a line.")],
    languages: Annotated[
        str, typer.Option("--language", help="One or more of en, fr, de, vi, ru, uk, with commas.")
    ] = "en",
    lines: Annotated[int, typer.Option(help="Lines in all.", min=1)] = 1000,
    length: Annotated[
        int, typer.Option(help="Longest text, in characters; lengths are drawn evenly up to it.", min=1)
    ] = 70,
    seed: Annotated[int, typer.Option(help="The same seed gives the same lines.", min=0)] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> int:
    """Render lines of handwriting from fonts, as parquet files to train on.

    Run it again after an interruption: files that are whole are kept.

    Example:
        manuscribe data synth lines/ --fonts fonts/ --texts sentences/ --language ru,uk --lines 20000
    """
    needs("train")
    from rich.console import Console
    from rich.progress import track

    from manuscribe.datasets.rendering import Rendering, render

    job = Rendering(fonts, texts, tuple(languages.split(",")), lines, length, seed)
    console = Console(stderr=True)
    for _ in track(render(job, out), "rendering", job.files, console=console, disable=quiet or not console.is_terminal):
        pass
    if not quiet:
        print(f"{lines} lines in {out}.", file=sys.stderr)
    return 0
