"""The `manuscribe` command: its groups, and the one place where errors become exit codes."""

import sys
from typing import Annotated, Any

import typer

from manuscribe.cli import calibrate, data, doctor, evaluate, models, read, train
from manuscribe.cli.telling import be_verbose, tell
from manuscribe.errors import ExitCode, ManuscribeError
from manuscribe.version import __version__

app = typer.Typer(
    name="manuscribe",
    help="Reads handwriting, offline, and shows how far it can be trusted.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("read")(read.read)
app.command("train")(train.train)
app.command("evaluate")(evaluate.evaluate)
app.command("calibrate")(calibrate.calibrate)
app.command("doctor")(doctor.doctor)
app.add_typer(models.app, name="models")
app.add_typer(data.app, name="data")

# Some versions of Typer carry their own copy of click: its base error is reached through a class that all export.
_CommandLineError: type[Any] = typer.BadParameter.__mro__[2]


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"manuscribe {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show where an error came from.")] = False,
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and stop."),
    ] = False,
) -> None:
    if verbose:
        be_verbose()


def run(arguments: list[str] | None = None) -> None:
    """Entry point: run the command and leave the process with its exit code."""
    sys.exit(_exit_code(arguments))


def _exit_code(arguments: list[str] | None) -> int:
    try:
        code = int(app(args=arguments, prog_name="manuscribe", standalone_mode=False) or ExitCode.OK)
    except ManuscribeError as error:
        tell(str(error), error)
        return error.exit_code
    except _CommandLineError as error:
        error.show()
        return ExitCode.USAGE
    except (KeyboardInterrupt, typer.Abort):
        code = ExitCode.INTERRUPTED
    except Exception as error:  # noqa: BLE001  the last net: a bug is reported, not dumped
        problem = f"unexpected {type(error).__name__}: {error}"
        tell(f"{problem} Run it again with `manuscribe -v …` for the details.", error)
        return ExitCode.UNEXPECTED

    if code == ExitCode.INTERRUPTED:  # to which some versions of Typer turn Ctrl-C themselves
        tell("interrupted")
    return code
