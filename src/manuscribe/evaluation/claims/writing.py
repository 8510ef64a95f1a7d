"""Findings as text, and as files beside the report."""

from collections.abc import Sequence
from pathlib import Path

from manuscribe.evaluation.claims.checking import Finding
from manuscribe.evaluation.claims.record import as_json
from manuscribe.evaluation.claims.tables import tables_of
from manuscribe.evaluation.forms import NORMALISATION
from manuscribe.evaluation.judging import judge
from manuscribe.evaluation.report.tables import as_markdown, cell
from manuscribe.evaluation.report.writing import write_report
from manuscribe.formats.writing import write_atomically


def as_summary(findings: Sequence[Finding]) -> str:
    """What is printed, in Markdown."""
    return f"{as_markdown(tables_of(findings), level=3)}\n\n- Normal form: {cell(NORMALISATION)}\n"


def write_findings(card: Path, findings: Sequence[Finding], folder: Path) -> list[Path]:
    """Write `claim.json`, and the report of each reading with the claims that it served.

    Returns the folders of the reports: `folder` itself, or `1`, `2`, … in it where several readings were needed.

    Raises:
        OutputError: One cannot be written.
    """
    write_atomically(folder / "claim.json", as_json(str(card), findings).encode())
    served: dict[int, list[Finding]] = {}
    for finding in findings:
        served.setdefault(id(finding.reading), []).append(finding)
    folders = [folder / str(number) if len(served) > 1 else folder for number in range(1, len(served) + 1)]
    for place, some in zip(folders, served.values(), strict=True):
        write_report(judge(some[0].reading.evaluation), place, tables_of(some))
    return folders
