"""How well baselines were found, as the cBAD competitions measure it.

Method: Grüning, Labahn, Diem, Kleber, Fiel (2017), "READ-BAD: A New Dataset and Evaluation Scheme for
Baseline Detection in Archival Documents". Recall says how much of the true baselines is covered, however they
are cut into pieces; precision says how much of the found baselines is right when each true one may be claimed
by one found one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from manuscribe.document.model import Polyline

Floats = npt.NDArray[np.float64]

STEP = 2.0
"""Pixels between the points that a baseline is compared at."""
TOLERANCE = 0.25
"""Share of the line distance by which a baseline may be off without loss; at three times it all is lost."""
LONELY = 250.0
"""Line distance in pixels taken for a page with a single line (as in the paper)."""


@dataclass(frozen=True)
class BaselineScore:
    """Sums over pages, so that scores add up.

    Attributes:
        covered: Sum of the covered shares of the true baselines.
        true: Number of true baselines.
        right: Sum of the right shares of the found baselines.
        found: Number of found baselines.
    """

    covered: float = 0.0
    true: int = 0
    right: float = 0.0
    found: int = 0

    @property
    def recall(self) -> float:
        """In [0, 1]; 1 where there was nothing to find."""
        return self.covered / self.true if self.true else 1.0

    @property
    def precision(self) -> float:
        """In [0, 1]; 1 where nothing was found."""
        return self.right / self.found if self.found else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0

    def __add__(self, other: "BaselineScore") -> "BaselineScore":
        return BaselineScore(
            self.covered + other.covered,
            self.true + other.true,
            self.right + other.right,
            self.found + other.found,
        )


def score_baselines(true: Sequence[Polyline], found: Sequence[Polyline]) -> BaselineScore:
    """Compare the baselines of one page.

    Args:
        true: The ground truth, in pixels.
        found: What a segmenter says, in the same pixels.
    """
    truths, guesses = [_points(line) for line in true], [_points(line) for line in found]
    tolerances = _tolerances(truths)
    everything = np.concatenate(guesses) if guesses else np.empty((0, 2))
    covered = sum(_share(truth, everything, t) for truth, t in zip(truths, tolerances, strict=True))
    shares = [
        (_share(guess, truth, tolerance), i, j)
        for i, (truth, tolerance) in enumerate(zip(truths, tolerances, strict=True))
        for j, guess in enumerate(guesses)
    ]
    return BaselineScore(covered, len(truths), _one_to_one(shares), len(guesses))


def _one_to_one(shares: Iterable[tuple[float, int, int]]) -> float:
    """Greedy matching, best first; the sum of the shares that were matched."""
    used_truths: set[int] = set()
    used_guesses: set[int] = set()
    total = 0.0
    for share, i, j in sorted(shares, reverse=True):
        if share <= 0:
            break
        if i not in used_truths and j not in used_guesses:
            used_truths.add(i)
            used_guesses.add(j)
            total += share
    return total


def _points(line: Polyline) -> Floats:
    corners = np.array(line, np.float64)
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(corners, axis=0), axis=1))])
    at = np.linspace(0, along[-1], max(2, round(along[-1] / STEP)))
    return np.stack([np.interp(at, along, corners[:, axis]) for axis in (0, 1)], axis=1)


def _share(line: Floats, other: Floats, tolerance: float) -> float:
    """Mean credit of the points of `line`: 1 within the tolerance of `other`, 0 from three times it on."""
    reach = 3 * tolerance
    low, high = line.min(axis=0) - reach, line.max(axis=0) + reach
    near = other[((other >= low) & (other <= high)).all(axis=1)]
    if not len(near):
        return 0.0
    distance = np.sqrt(((line[:, None] - near[None]) ** 2).sum(axis=2).min(axis=1))
    return float(np.clip((reach - distance) / (2 * tolerance), 0, 1).mean())


def _tolerances(lines: Sequence[Floats]) -> list[float]:
    """A quarter of each line's distance to the nearest line above or below it.

    The distance is the median over the line's points of the one measured across its direction. Lines
    without a neighbour, and those with a far one, take the mean of the page.
    """
    distances = [_line_distance(i, lines) for i in range(len(lines))]
    known = [d for d in distances if d is not None]
    mean = float(np.mean(known)) if known else LONELY
    return [TOLERANCE * max(1.0, min(mean, mean if d is None else d)) for d in distances]


def _line_distance(index: int, lines: Sequence[Floats]) -> float | None:
    line = lines[index]
    chord = line[-1] - line[0]
    along = chord / max(float(np.linalg.norm(chord)), 1e-9)
    across = np.array([-along[1], along[0]])
    nearest: Floats = np.full(len(line), np.inf)
    for other_index, other in enumerate(lines):
        if other_index == index:
            continue
        at, offset = other @ along, other @ across
        order = np.argsort(at)
        there = np.interp(line @ along, at[order], offset[order], left=np.inf, right=np.inf)
        nearest = np.minimum(nearest, np.abs(there - line @ across))
    # Closer than a few pixels it is the same line in two pieces, not the next one.
    nearest = nearest[np.isfinite(nearest) & (nearest > 4)]
    return float(np.median(nearest)) if len(nearest) else None
