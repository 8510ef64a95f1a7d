"""What every benchmark prints: when, with what and how it was measured, and a table ready for `docs/results.md`."""

import datetime
import platform
import shlex
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NoReturn, TypeVar

from rich.console import Console
from rich.progress import track

from manuscribe.engines.openvino import available_cores
from manuscribe.errors import ManuscribeError
from manuscribe.models.files import embedded_models
from manuscribe.version import __version__

ROOT = Path(__file__).parents[1]
Item = TypeVar("Item")


def run(title: str, main: Callable[[], str]) -> NoReturn:
    """Print title, circumstances, command and what `main` returns; an error becomes one line and its exit code."""
    # Asked before the work: who commits or trains meanwhile must not change what is said.
    head = f"### {title}\n\n{_circumstances()}\n\n    {_command()}"
    try:
        print(f"{head}\n\n{main()}")
    except ManuscribeError as error:
        print(f"{Path(sys.argv[0]).name}: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    sys.exit(0)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table, its first column to the left and the others to the right."""
    rule = [":--", *("--:" for _ in columns[1:])]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (columns, rule, *rows))


def percent(rate: float) -> str:
    """A rate in percent, as error rates are usually given."""
    return f"{100 * rate:.1f} %"


def median_and_most(values: Sequence[float], digits: int = 2) -> tuple[str, str]:
    """Median and maximum."""
    return f"{statistics.median(values):.{digits}f}", f"{max(values):.{digits}f}"


def watched(items: Sequence[Item], what: str) -> Iterable[Item]:
    """The items, with a progress bar where somebody looks on."""
    console = Console(stderr=True)
    return track(items, what, console=console, transient=True, disable=not sys.stderr.isatty())


def _circumstances() -> str:
    models = ", ".join(f"{model.name} {model.version}" for model in embedded_models()) or "no models"
    cores = available_cores()
    return (
        f"Measured on {datetime.date.today().isoformat()} with manuscribe {__version__} ({_commit()}; {models}), "
        f"Python {platform.python_version()}, {_processor()}, {cores} {'core' if cores == 1 else 'cores'}:"
    )


def _command() -> str:
    return shlex.join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]])


def _commit() -> str:
    commit = _git("rev-parse", "--short", "HEAD")
    if not commit:
        return "no repository"
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", "src", "benchmarks")
    return f"commit {commit}{', changed since' if changed else ''}"


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
