"""From claims to findings: everything is read once, what does not hold is looked into."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from manuscribe.datasets.labelled import LabelledLine
from manuscribe.errors import InputError, UsageError
from manuscribe.evaluation.candidates import Candidate
from manuscribe.evaluation.claims.card import Claim
from manuscribe.evaluation.claims.causes import Cause, causes_of
from manuscribe.evaluation.claims.figures import figure
from manuscribe.evaluation.claims.rereading import Reading, is_of_pages, read_lines, read_pages
from manuscribe.evaluation.claims.trials import Trial, trials_of
from manuscribe.evaluation.claims.verdicts import Verdict, is_near, verdict_on
from manuscribe.evaluation.evaluating import Watch
from manuscribe.evaluation.samples import lines_in
from manuscribe.evaluation.scoring import Estimate


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of a claim.

    Attributes:
        number: Of the claim in its card, from 1.
        measured: The claim's figure.
        why: How the verdict came about, a clause.
        causes: Of a measured value outside the tolerance, the likeliest first.
    """

    number: int
    claim: Claim
    reading: Reading
    measured: Estimate
    verdict: Verdict
    why: str
    causes: tuple[Cause, ...]

    @property
    def difference(self) -> float:
        """Measured minus claimed."""
        return self.measured.value - self.claim.value


@dataclass(frozen=True, slots=True)
class _Run:
    """What one reading serves: all claims of a reader, with the same settings, on the same lines.

    Attributes:
        lines: To read; of pages none.
        others: Lines of other splits, by their names.
    """

    candidate: Candidate
    data: str
    lines: tuple[LabelledLine, ...]
    others: Mapping[str, Sequence[LabelledLine]]

    def read(self, watch: Watch) -> Reading:
        if not self.lines:
            return read_pages(self.candidate, self.data, watch)
        return read_lines(self.candidate, self.lines, self.data, watch)

    def try_otherwise(self, reading: Reading, watch: Watch) -> list[Trial]:
        """Of pages nothing is tried: finding their lines again would cost as much as the claim itself."""
        return trials_of(reading, self.candidate, self.lines, self.others, watch) if self.lines else []


def check_claims(claims: Sequence[Claim], threads: int, watch: Watch = lambda items, _: items) -> list[Finding]:
    """Measure what is claimed, and look for what may have made a difference.

    Args:
        claims: With reader and data.
        threads: CPU threads; 0 takes all cores.
        watch: Shows how far it is.

    Returns a finding for each claim, in order; those that one reading serves have the same `reading`.

    Raises:
        InputError: There is nothing to measure.
        ModelError: A reader is not there, or its process died.
        UsageError: Options do not fit a reader, or a claim does not fit its data.
    """
    lines = {claim.data: lines_in(claim.data) for claim in claims if not is_of_pages(claim.data)}
    runs: dict[tuple[object, ...], tuple[_Run, list[int]]] = {}
    for place, claim in enumerate(claims):
        key = (claim.reader, claim.options(threads), claim.data, claim.split)
        runs.setdefault(key, (_run(claim, threads, lines), []))[1].append(place)
    found: dict[int, Finding] = {}
    for run, places in runs.values():
        found |= _find(run, {place: claims[place] for place in places}, watch)
    return [found[place] for place in range(len(claims))]


def _run(claim: Claim, threads: int, lines: Mapping[str, Sequence[LabelledLine]]) -> _Run:
    candidate = Candidate(claim.reader, claim.reader, claim.options(threads))
    if claim.data not in lines:
        if claim.split or claim.normalisation != "default":
            raise UsageError(
                f"{claim.data} is a folder of pages: it has no splits, and its texts are compared in normal form.",
                f"Make lines of the pages: manuscribe data import {claim.data} lines.jsonl",
            )
        return _Run(candidate, claim.data, (), {})
    if claim.split is None:
        return _Run(candidate, claim.data, tuple(lines[claim.data]), {})
    parts: dict[str, list[LabelledLine]] = {}
    for line in lines[claim.data]:
        parts.setdefault(line.split, []).append(line)
    if claim.split not in parts:
        there = ", ".join(sorted(filter(None, parts))) or "no splits"
        raise InputError(f"{claim.data} has no line of the split {claim.split}.", f"It has {there}: change the card.")
    chosen = parts.pop(claim.split)
    return _Run(candidate, f"{claim.data}, split {claim.split}", tuple(chosen), {n: parts[n] for n in parts if n})


def _find(run: _Run, claims: Mapping[int, Claim], watch: Watch) -> dict[int, Finding]:
    reading = run.read(watch)
    figures = {place: figure(reading.texts, claim.metric, claim.form) for place, claim in claims.items()}
    failed = [place for place, claim in claims.items() if not is_near(claim, figures[place].value)]
    trials = run.try_otherwise(reading, watch) if failed else []
    found = {}
    for place, claim in claims.items():
        measured = figures[place]
        causes = causes_of(claim, reading, measured, trials) if place in failed else []
        verdict, why = verdict_on(claim, measured, reading.lines)
        found[place] = Finding(place + 1, claim, reading, measured, verdict, why, tuple(causes))
    return found
