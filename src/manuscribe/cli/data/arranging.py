"""Commands that divide, join and hand on data sets."""

import sys
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from manuscribe.errors import UsageError


def split(
    data: Annotated[str, typer.Argument(help="A data set; the name may have *.")],
    out: Annotated[Path, typer.Argument(help="The same lines with their splits: a file .jsonl or .parquet.")],
    validation: Annotated[float, typer.Option(help="Share to measure on while training.", min=0, max=0.9)] = 0.2,
    test: Annotated[float, typer.Option(help="Share to measure on in the end.", min=0, max=0.9)] = 0.0,
    by: Annotated[
        str, typer.Option(help="group: whole writers or documents. line: single lines, alike in label and length.")
    ] = "group",
    seed: Annotated[int, typer.Option(help="The same seed gives the same splits.", min=0)] = 0,
) -> int:
    """Divide a data set into lines to learn from and lines to measure on.

    By group, what is measured is how unseen hands are read; by line, how seen ones are.

    Examples:
        manuscribe data split lines.parquet divided.parquet

        manuscribe data split one-hand.jsonl divided.jsonl --by line --validation 0.1 --test 0.1
    """
    from manuscribe.datasets.lines import check_name, read_lines, write_lines
    from manuscribe.datasets.splits import split_lines

    check_name(out)
    if by not in ("group", "line"):
        raise UsageError(f"Lines are not divided by '{by}'.", "Use --by group or --by line.")
    if validation + test >= 1:
        raise UsageError("Nothing would be left to learn from.", "Make --validation and --test smaller.")
    shares = {"train": 1 - validation - test, "validation": validation, "test": test}
    divided = split_lines(read_lines([data]), shares, by="group" if by == "group" else "line", seed=seed)
    write_lines(out, divided)
    counts = Counter(line.split for line in divided)
    print(f"{out}: " + ", ".join(f"{name} {counts[name]}" for name in shares if counts[name]), file=sys.stderr)
    return 0


def merge(
    data: Annotated[list[str], typer.Argument(help="Data sets; names may have *.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The one with all lines: a file .jsonl or .parquet.")],
    where: Annotated[
        list[str] | None, typer.Option(help="Only lines with such a value: source=peraire, label!=date.")
    ] = None,
) -> int:
    """Join data sets, pick lines out of them, or bring one into the other form.

    Examples:
        manuscribe data merge letters.jsonl registers.parquet -o all.parquet

        manuscribe data merge 'train-*.parquet' -o one-hand.parquet --where group=Martin
    """
    from manuscribe.datasets.lines import check_name, read_lines, write_lines
    from manuscribe.datasets.picking import picked

    check_name(out)
    lines = picked(read_lines(data), where or [])
    write_lines(out, lines)
    print(f"{len(lines)} lines in {out}.", file=sys.stderr)
    return 0


def export(
    data: Annotated[str, typer.Argument(help="A data set; the name may have *.")],
    out: Annotated[Path, typer.Argument(help="A new folder.")],
    layout: Annotated[str, typer.Option("--to", help="gt: .gt.txt files. imagefolder: metadata.csv.")] = "gt",
) -> int:
    """Copy a data set into a folder that other programs learn from.

    Example:
        manuscribe data export lines.parquet for-kraken/ --to gt
    """
    from manuscribe.datasets.exporting import export_lines
    from manuscribe.datasets.lines import read_lines

    lines = read_lines([data])
    export_lines(lines, out, layout)
    print(f"{len(lines)} lines in {out}.", file=sys.stderr)
    return 0
