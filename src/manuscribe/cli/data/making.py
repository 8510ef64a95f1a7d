"""Commands that make data sets."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from manuscribe.cli.telling import tell
from manuscribe.errors import ExitCode
from manuscribe.extras import needs

_SHOWN = 5  # problems told one by one


def import_(
    source: Annotated[str, typer.Argument(help="Folder, file, or name on the Hugging Face hub.")],
    out: Annotated[Path, typer.Argument(help="The data set: a file .jsonl or .parquet.")],
    kind: Annotated[
        str | None,
        typer.Option(help="layout, pairs, tables, iam, uit_hwdb or hub.", show_default="what the source holds"),
    ] = None,
    language: Annotated[str, typer.Option(help="Of lines that do not say their own: fr, de, vi …")] = "",
    label: Annotated[str, typer.Option(help="Of lines that do not say their own.")] = "text",
    group: Annotated[
        str, typer.Option(help="Writer or document of all lines.", show_default="page, folder or column")
    ] = "",
    name: Annotated[
        str, typer.Option("--source", help="What to call the collection.", show_default="its folder's name")
    ] = "",
    height: Annotated[int, typer.Option(help="Pixels to which lines cut from pages are scaled.", min=16, max=512)] = 96,
    images: Annotated[Path | None, typer.Option(help="Folder of the images that a table names.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no summary.")] = False,
) -> int:
    """Bring ground truth into one form: PAGE or ALTO files, .gt.txt pairs, tables, IAM, UIT-HWDB, the hub.

    What cannot be imported is told and left out; the exit code is then 6.

    Examples:
        manuscribe data import pages/ register.parquet --language fr

        manuscribe data import labels.csv lines.jsonl --images crops/
    """
    from rich.console import Console
    from rich.progress import track

    from manuscribe.datasets.importing.found import About, Problem
    from manuscribe.datasets.importing.kinds import import_lines
    from manuscribe.datasets.lines import check_name, write_lines

    check_name(out)
    about = About(name or _name_of(source), group, language, label, height, images)
    console = Console(stderr=True)
    found = import_lines(source, about, kind)
    items = list(track(found, "importing", console=console, disable=quiet or not console.is_terminal))
    lines = [item for item in items if not isinstance(item, Problem)]
    problems = [item.what for item in items if isinstance(item, Problem)]
    for problem in problems[:_SHOWN]:
        tell(problem)
    if len(problems) > _SHOWN:
        tell(f"… and {len(problems) - _SHOWN} more like these.")
    if not lines:
        tell(f"{source} gives no line; nothing was written.")
        return ExitCode.INPUT
    write_lines(out, lines)
    if not quiet:
        print(f"{len(lines)} lines in {out}. Look at them: manuscribe data check {out}", file=sys.stderr)
    return ExitCode.SOME_FAILED if problems else ExitCode.OK


def _name_of(source: str) -> str:
    path = Path(source).absolute()
    return path.parent.name if path.is_file() else path.name


def augment(
    data: Annotated[str, typer.Argument(help="A data set; the name may have *.")],
    out: Annotated[Path, typer.Argument(help="The larger one: a file .jsonl or .parquet.")],
    policy: Annotated[str, typer.Option(help="kgb: 10 variants, each bent once, repainted once or twice.")] = ("kgb"),
    variants: Annotated[int | None, typer.Option(help="New images a line.", show_default="the policy's", min=1)] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same variants.", min=0)] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no summary.")] = False,
) -> int:
    """Add variants of each line to learn from: turned, bent, on other paper. Lines held out get none.

    Example:
        manuscribe data augment lines.jsonl more.parquet --variants 4
    """
    from rich.console import Console
    from rich.progress import track

    from manuscribe.datasets.augmentation.policy import augmented, preset
    from manuscribe.datasets.lines import check_name, read_lines, write_lines

    check_name(out)
    chosen = preset(policy)
    if variants:
        chosen = chosen.model_copy(update={"variants": variants})
    lines = read_lines([data])
    console = Console(stderr=True)
    more = augmented(lines, chosen, seed)
    made = list(track(more, "varying", console=console, disable=quiet or not console.is_terminal))
    write_lines(out, made)
    if not quiet:
        print(f"{len(made)} lines in {out}, made of {len(lines)}.", file=sys.stderr)
    return 0


def synth(
    out: Annotated[Path, typer.Argument(help="Folder for the parquet files.")],
    fonts: Annotated[
        Path,
        typer.Option(help="Folder with handwriting fonts (.ttf, .otf); those in its folder de/ write German alone."),
    ],
    texts: Annotated[Path, typer.Option(help="Folder with UD_English-EWT.txt and such, a sentence a line.")],
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

    from manuscribe.datasets.rendering.files import Rendering, render

    job = Rendering(fonts, texts, tuple(languages.split(",")), lines, length, seed)
    console = Console(stderr=True)
    for _ in track(render(job, out), "rendering", job.files, console=console, disable=quiet or not console.is_terminal):
        pass
    if not quiet:
        print(f"{lines} lines in {out}.", file=sys.stderr)
    return 0
