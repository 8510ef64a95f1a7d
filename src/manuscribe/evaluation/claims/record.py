"""Findings as JSON: what was claimed, what was measured, and everything that was tried. Rates are shares."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from manuscribe.evaluation.claims.checking import Finding
from manuscribe.evaluation.claims.surroundings import installed_version
from manuscribe.evaluation.resampling import LEVEL, RESAMPLES
from manuscribe.evaluation.scoring import units_of
from manuscribe.version import __version__


def as_json(card: str, findings: Sequence[Finding]) -> str:
    """The whole record of a card."""
    record = {
        "manuscribe": __version__,
        "card": card,
        "resampling": {"samples": RESAMPLES, "level": LEVEL},
        "claims": [_finding(finding) for finding in findings],
    }
    return json.dumps(record, ensure_ascii=False, indent=1)


def _finding(finding: Finding) -> dict[str, Any]:
    claim, measured, result = finding.claim, finding.measured, finding.reading.result
    return {
        "number": finding.number,
        "claim": claim.model_dump(mode="json"),
        "verdict": finding.verdict,
        "why": finding.why,
        "measured": {
            "value": measured.value,
            "interval": None if measured.low is None else [measured.low, measured.high],
            "units": units_of(finding.reading.evaluation).account,
        },
        "difference": finding.difference,
        "data": finding.reading.evaluation.data,
        "lines": finding.reading.lines,
        "compared": claim.form.name,
        "reader": {"name": result.name, "version": result.version, "options": dict(result.options)},
        "libraries": {library: installed_version(library) for library in claim.libraries},
        "problems": list(finding.reading.evaluation.problems),
        "causes": [asdict(cause) for cause in finding.causes],
    }
