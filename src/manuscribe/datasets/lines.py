"""Data sets of lines, which a manifest lists: parquet with the images inside, or JSON lines that name their files."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from glob import has_magic
from pathlib import Path

from manuscribe.datasets import jsonl
from manuscribe.datasets.labelled import LabelledLine
from manuscribe.errors import InputError, OutputError, UsageError
from manuscribe.extras import needs

SUFFIXES = (".jsonl", ".parquet")


def read_lines(patterns: Iterable[str | Path], root: Path = Path()) -> list[LabelledLine]:
    """All lines of the manifests that the glob patterns name, relative to `root`, in order of their names.

    Raises:
        InputError: A pattern names no file, or a file is no manifest.
        UsageError: Parquet cannot be read here.
    """
    return [line for pattern in patterns for file in _files(str(pattern), root) for line in _read(file)]


def check_name(path: Path) -> None:
    """Refuse a name that no data set can have, before work is done for it.

    Raises:
        UsageError: Its suffix is none of `SUFFIXES`, or what writes it is not installed.
    """
    if path.suffix not in SUFFIXES:
        raise UsageError(f"{path} is no name for a data set.", f"Let it end in {' or '.join(SUFFIXES)}.")
    if path.suffix == ".parquet":
        needs("data")


def write_lines(path: Path, lines: Sequence[LabelledLine]) -> None:
    """Write a manifest, under a temporary name until it is whole; what it is, its suffix says.

    Raises:
        UsageError: See `check_name`.
        OutputError: It cannot be written.
    """
    check_name(path)
    fresh = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _removed(fresh):
            if path.suffix == ".jsonl":
                jsonl.write(fresh, lines, path)
            else:
                from manuscribe.datasets import parquet

                parquet.write(fresh, lines)
            fresh.replace(path)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}.", "Name another file.") from error


@contextmanager
def _removed(path: Path) -> Iterator[None]:
    """Leave nothing of a file that was not finished."""
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _files(pattern: str, root: Path) -> list[Path]:
    whole = root / pattern
    files = sorted(whole.parent.glob(whole.name)) if has_magic(whole.name) else [whole]
    if not files or not files[0].exists():
        raise InputError(f"No data set at {whole}.", "See docs/data.md for where to get the public ones.")
    return files


def _read(file: Path) -> list[LabelledLine]:
    if file.suffix == ".jsonl":
        return jsonl.read(file)
    needs("data")
    from manuscribe.datasets import parquet

    return parquet.read(file)
