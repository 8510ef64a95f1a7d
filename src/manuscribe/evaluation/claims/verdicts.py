"""Whether a claim holds."""

from typing import Literal

from manuscribe.evaluation.claims.card import Claim
from manuscribe.evaluation.scoring import Estimate

Verdict = Literal["confirmed", "better", "worse", "cannot tell"]

_ROUNDING = 1e-9  # a value at the very limit is within the tolerance, whatever its last binary digit


def is_near(claim: Claim, value: float) -> bool:
    """Whether a value differs from the claimed one by no more than the tolerance."""
    return abs(value - claim.value) <= claim.tolerance + _ROUNDING


def verdict_on(claim: Claim, measured: Estimate, lines: int) -> tuple[Verdict, str]:
    """The verdict, and a clause on how it came about.

    Reading the same lines again leaves nothing to chance: then the measured value alone is compared. Of lines that may
    be others than the card's, the whole interval must lie within the tolerance, or beyond it (as in tests of
    equivalence: Schuirmann 1987).

    Args:
        claim: The claim.
        measured: Its figure.
        lines: How many lines were found.
    """
    if claim.lines == lines:
        why = f"as many lines as the card states ({lines:,}): taken for the same ones, so that the value alone counts"
        return _by_ends(claim, measured.value, measured.value), why
    stated = (
        f"states {claim.lines:,} lines, and {lines:,} were found" if claim.lines else "does not state how many lines"
    )
    why = f"the card {stated}; of lines that may be others the whole interval counts"
    if measured.low is None or measured.high is None:
        return "cannot tell", f"{why}, and there is none of a single line or page"
    verdict = _by_ends(claim, measured.low, measured.high)
    return verdict, f"{why}, and it lies {_WHERE.get(verdict, 'beyond the tolerance')}"


_WHERE = {"confirmed": "within the tolerance", "cannot tell": "within the tolerance only in part"}


def _by_ends(claim: Claim, low: float, high: float) -> Verdict:
    """Of an interval, which may be a single value."""
    if is_near(claim, low) and is_near(claim, high):
        return "confirmed"
    above, below = low - claim.value > claim.tolerance, claim.value - high > claim.tolerance
    if not above and not below:
        return "cannot tell"
    return "better" if above == (claim.metric == "exact") else "worse"
