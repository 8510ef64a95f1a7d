"""Figures as tables in Markdown, and what more lines brought as table, numbers and picture."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from manuscribe.evaluation.lines import Figures
from manuscribe.training.curves import draw_amounts

AMOUNTS = "amounts.md"


def head(first: str) -> list[str]:
    """The top of a table of figures, whose first column is called so."""
    return [f"| {first} | lines | CER | WER | exact |", "|---|---|---|---|---|"]


def row(name: str, figures: Figures) -> str:
    """One row of it."""
    return f"| {name} | {figures.lines} | {figures.cer:.4f} | {figures.wer:.4f} | {figures.exact:.3f} |"


def write_amounts(name: str, before: Figures, after: Mapping[int, Figures], folder: Path) -> None:
    """Write what more lines brought, as `amounts.md`, `amounts.json` and `amounts.png`.

    Args:
        before: Figures without any.
        after: Lines learnt from, and the figures with them.
    """
    counts = sorted(after)
    rows = [f"# {name}: what more lines bring", "", *head("lines learnt from"), row("none", before)]
    rows += [row(str(count), after[count]) for count in counts]
    (folder / AMOUNTS).write_text("\n".join(rows) + "\n", encoding="utf-8")
    values = {count: asdict(figures) for count, figures in [(0, before), *sorted(after.items())]}
    (folder / "amounts.json").write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    draw_amounts({count: after[count].cer for count in counts}, folder / "amounts.png")
