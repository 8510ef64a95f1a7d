"""What the command line tells people, on stderr: stdout is for results."""

import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any

_VERBOSE = "MANUSCRIBE_VERBOSE"


def be_verbose() -> None:
    """Show from now on where errors came from."""
    os.environ[_VERBOSE] = "1"


def tell(message: str, error: BaseException | None = None) -> None:
    """Print one line, after the error's traceback if the user asked for it."""
    if error is not None and os.environ.get(_VERBOSE):
        import traceback

        traceback.print_exception(error)
    print(f"manuscribe: {message}", file=sys.stderr)


def hear(name: str) -> None:
    """Print from now on what a part of the package logs for information."""
    import logging

    class Told(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            tell(record.getMessage())

    logger = logging.getLogger(name)
    if not logger.handlers:
        logger.addHandler(Told())
    logger.setLevel(logging.INFO)


def watched(items: Sequence[Any], what: str, *, quiet: bool) -> Iterable[Any]:
    """The items, with a bar on a terminal."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    return track(items, what, console=console, disable=quiet or not console.is_terminal)
