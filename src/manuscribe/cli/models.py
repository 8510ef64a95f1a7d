"""`manuscribe models …`."""

from typing import Annotated

import typer

app = typer.Typer(help="The models that are installed.", no_args_is_help=True)


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
