"""Commands that look at a data set."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from manuscribe.errors import ExitCode
from manuscribe.extras import needs

Data = Annotated[str, typer.Argument(help="A data set, .jsonl or .parquet; the name may have *.")]
AsJson = Annotated[bool, typer.Option("--json", help="The result as JSON.")]


def check(
    data: Data,
    reader: Annotated[
        str | None, typer.Option(help="The reader that is to learn from it: compact, or a TrOCR checkpoint.")
    ] = None,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit of a checkpoint on the hub.")] = None,
    as_json: AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> int:
    """Find what would spoil training: damaged images, empty or contradictory texts, leaks between splits.

    With --reader also characters that it cannot write, and texts too long for it. The exit code is 6 if there are
    faults, 0 if there are none or remarks only.

    Example:
        manuscribe data check lines.parquet --reader microsoft/trocr-base-handwritten
    """
    from rich.console import Console
    from rich.progress import track

    from manuscribe.datasets.checking import check as find
    from manuscribe.datasets.lines import read_lines
    from manuscribe.readers.vocabulary import vocabulary_of

    lines = read_lines([data])
    vocabulary = vocabulary_of(reader, revision) if reader else None
    console = Console(stderr=True)
    hidden = quiet or not console.is_terminal
    found = find(lines, vocabulary, progress=lambda rows: track(rows, "checking", console=console, disable=hidden))
    if as_json:
        print(json.dumps([asdict(finding) for finding in found], ensure_ascii=False, indent=1))
    for finding in () if as_json else found:
        lots = f"{len(finding.lines)} of {len(lines)}: " if finding.lines else ""
        detail = f" ({finding.detail})" if finding.detail else ""
        print(f"{finding.severity}: {finding.kind}: {lots}{finding.problem}{detail}")
        for number in finding.lines[:3]:
            print(f"    line {number + 1}: {lines[number].name}")
    faults = sum(finding.severity == "fault" for finding in found)
    if not as_json:
        print(f"{len(lines)} lines: {faults or 'no'} fault{'s' * (faults != 1)}, {len(found) - faults} remarks.")
    return ExitCode.SOME_FAILED if faults else ExitCode.OK


def stats(data: Data, as_json: AsJson = False) -> int:
    """Count a data set: lines, splits, labels, languages, lengths of texts, characters.

    Example:
        manuscribe data stats 'lines/train-*.parquet'
    """
    from manuscribe.datasets.lines import read_lines
    from manuscribe.datasets.statistics import as_text, statistics_of

    found = statistics_of(read_lines([data]))
    print(json.dumps(asdict(found), ensure_ascii=False, indent=1) if as_json else as_text(found))
    return 0


def preview(
    data: Data,
    out: Annotated[Path, typer.Argument(help="The picture, a .png or .jpg file.")],
    count: Annotated[int, typer.Option("--lines", help="Lines that are drawn.", min=1, max=1000)] = 40,
    seed: Annotated[int, typer.Option(help="Decides which.", min=0)] = 0,
) -> int:
    """Draw a picture of some lines with their texts: the quickest way to see what is wrong with them.

    Example:
        manuscribe data preview lines.parquet lines.png
    """
    needs("data")
    from manuscribe.datasets.lines import read_lines
    from manuscribe.datasets.preview import save_contact_sheet

    save_contact_sheet(read_lines([data]), out, count, seed)
    print(f"See {out}.", file=sys.stderr)
    return 0
