"""`manuscribe data …`."""

import typer

from manuscribe.cli.data import arranging, looking, making

app = typer.Typer(help="Data sets of lines: to learn from, and to measure on.", no_args_is_help=True)

for command in (
    making.import_,
    looking.check,
    looking.stats,
    looking.preview,
    arranging.split,
    arranging.merge,
    arranging.export,
    making.augment,
    making.synth,
):
    app.command(command.__name__.rstrip("_"))(command)
