"""`manuscribe train`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from manuscribe.extras import needs


def train(
    recipe: Annotated[Path, typer.Argument(readable=False, help="A recipe in YAML.")],
    data: Annotated[Path, typer.Option("--data", help="Folder that the recipe's data paths are relative to.")] = Path(),
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", help="Folder for checkpoints, log and model; default runs/NAME of the recipe."),
    ] = None,
    changes: Annotated[
        list[str] | None, typer.Option("--set", help="Change a value of the recipe: loop.steps=100")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue from the last checkpoint.")] = False,
    overfit: Annotated[
        int | None, typer.Option(help="Only check that so many lines can be learnt by heart (kind finetune).", min=1)
    ] = None,
    learning_curve: Annotated[
        str | None,
        typer.Option(help="Teach on more and more lines instead: 16,64,256,all (kinds finetune and compact-hand)."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> int:
    """Train a model as a recipe says.

    Interrupt it at any time: --resume goes on from its last checkpoint.

    Examples:
        manuscribe train recipes/compact-reader.yaml --data ~/ground-truth

        manuscribe train recipes/segmenter.yaml --data ~/ground-truth --set loop.steps=2000 --resume

        manuscribe train recipes/kgb-two-stage.yaml --data ~/crops --overfit 8
    """
    needs("train")
    from manuscribe.training.crew import Crew
    from manuscribe.training.recipe import check_by_heart, compare_amounts, load_recipe, run_recipe

    loaded = load_recipe(recipe, changes or [])
    quiet = quiet or not Crew().is_first
    place = out or Path("runs") / loaded.recipe.name
    if overfit:
        steps = check_by_heart(loaded, data, place, overfit, quiet=quiet)
        if not quiet:
            print(
                f"{overfit} lines were learnt by heart in {steps} steps: data and recipe go together.", file=sys.stderr
            )
        return 0
    if learning_curve:
        table = compare_amounts(loaded, data, place, learning_curve, resume=resume, quiet=quiet)
        if Crew().is_first:
            print(table.read_text("utf-8"), end="")
        return 0
    model = run_recipe(loaded, data, place, resume=resume, quiet=quiet)
    if not quiet:
        card = model / "README.md" if model.is_dir() else model.with_suffix(".md")
        print(f"The model is in {model}, its card in {card}.", file=sys.stderr)
    return 0
