"""Findings as tables, which the summary and the report show alike."""

from collections.abc import Sequence
from dataclasses import replace

from manuscribe.evaluation.claims.card import METRICS
from manuscribe.evaluation.claims.causes import Cause
from manuscribe.evaluation.claims.checking import Finding
from manuscribe.evaluation.claims.trials import MOST
from manuscribe.evaluation.report.tables import Table, estimated, percent
from manuscribe.evaluation.scoring import units_of

_HOW_TRIED = (
    f"Each is tried alone, the rest as the card says; other settings and splits on {MOST} lines at most: the measured "
    "value then moves by as much as that of these lines. Where many things are tried, one may come near by chance: put "
    "it into the card, and measure again."
)


def tables_of(findings: Sequence[Finding]) -> list[Table]:
    """The verdicts, how they were measured, and what would explain the differences."""
    causes = [_causes(one) for one in findings if one.causes]
    if causes:
        causes[-1] = replace(causes[-1], note=f"{causes[-1].note} {_HOW_TRIED}")
    return [_verdicts(findings), _circumstances(findings), *causes]


def _verdicts(findings: Sequence[Finding]) -> Table:
    rows = tuple(
        (_title(one), one.verdict, percent(one.claim.value), estimated(one.measured), _points(one.difference),
         f"{100 * one.claim.tolerance:.2f}")
        for one in findings
    )  # fmt: skip
    whys: dict[str, list[str]] = {}
    for one in findings:
        whys.setdefault(one.why, []).append(str(one.number))
    told = " ".join(f"{', '.join(numbers)}: {why}." for why, numbers in whys.items())
    note = f"Difference (measured minus claimed) and tolerance in percentage points. {told}"
    return Table("Claims", ("claim", "verdict", "claimed", "measured", "difference", "tolerance"), rows, note, names=2)


def _title(finding: Finding) -> str:
    return f"{finding.number}: {METRICS[finding.claim.metric]}"


def _points(difference: float) -> str:
    return f"{100 * difference:+.2f}"


def _circumstances(findings: Sequence[Finding]) -> Table:
    rows = tuple(
        (_title(one), one.reading.evaluation.data, *_reader(one), one.claim.form.name, one.claim.source or "–",
         f"{one.reading.lines:,}")
        for one in findings
    )  # fmt: skip
    accounts = dict.fromkeys(units_of(one.reading.evaluation).account for one in findings)
    columns = ("claim", "data", "reader", "options", "compared", "claimed in", "lines")
    return Table("How they were measured", columns, rows, " ".join(accounts), names=6)


def _reader(finding: Finding) -> tuple[str, str]:
    result = finding.reading.result
    options = ", ".join(f"{name} {value}" for name, value in result.options.items()) or "its own"
    return f"{result.name} {result.version}".strip(), options


def _causes(finding: Finding) -> Table:
    shown = [cause for cause in finding.causes if cause.explains or cause.nearer or cause.value is None]
    others = [cause.what for cause in finding.causes if cause not in shown]
    rows = tuple(_cause(finding, cause) for cause in shown)
    explained = [cause.what for cause in finding.causes if cause.explains]
    note = f"Explained by: {'; or by: '.join(explained)}." if explained else "Nothing that was tried explains it alone."
    note += f" Tried, and hardly nearer: {'; '.join(others)}." if others else ""
    columns = ("kind", "if it were", "measured", "difference", "lines", "explains")
    return Table(f"Claim {finding.number}: what would explain the difference", columns, rows, note, names=2)


def _cause(finding: Finding, cause: Cause) -> tuple[str, ...]:
    if cause.value is None:
        return cause.kind, cause.what, "–", "–", "–", "not measured"
    difference = _points(cause.value - finding.claim.value)
    explains = "yes" if cause.explains else "in part"
    return cause.kind, cause.what, percent(cause.value), difference, f"{cause.lines:,}", explains
