"""A calibration from examples: ridge-penalised logistic regressions, fitted by Newton's method.

Each is fitted to what the ones before it say, of the very lines that they were fitted on: a little too sure where these
are few. How good the whole is, is measured on lines that had no part in any of it.
"""

from collections.abc import Sequence

import numpy as np

from manuscribe.evaluation.calibration.examples import Example
from manuscribe.readers.trust.calibration import Level, Levels, bent
from manuscribe.readers.trust.features import Rows, character_rows, line_row, word_rows
from manuscribe.readers.trust.signals import Floats

RIDGE = 10.0
"""Penalty of a weight's square, in units of one example."""
MOST = 6000
"""Lines that are learnt from; the rest only measure."""
_RARE = 0.005  # share of rows below which a column that differs there alone tells nothing but of these rows
_SEED = 20_241
_STEPS, _STILL = 50, 1e-7
_DIGITS = 6


def fit(examples: Sequence[Example]) -> Levels:
    """The regressions that explain examples best; of readings without any character nothing is learnt."""
    some = _drawn([example for example in examples if example.read])
    rows = [character_rows(example.evidence) for example in some]
    characters = regress(_joined(rows), np.concatenate([example.characters for example in some]).astype(np.float64))
    sure = [characters.probabilities(one) for one in rows]
    rows = [word_rows(example.evidence, one) for example, one in zip(some, sure, strict=True)]
    words = regress(_joined(rows), np.concatenate([example.words for example in some]).astype(np.float64))
    lines = _joined(
        [
            line_row(example.evidence, one, words.probabilities(row))
            for example, one, row in zip(some, sure, rows, strict=True)
        ]
    )
    exact = np.array([example.exact for example in some], np.float64)
    # By the longer of reading and truth, so that what was left out counts whole; there are never more errors.
    sizes = np.array([max(example.read, example.length) for example in some], np.float64)
    rates = np.array([example.errors for example in some]) / sizes
    # A long line says more about the rate than a short one; together they count as many as there are.
    errors = regress(lines, rates, sizes / sizes.mean())
    return Levels(characters=characters, words=words, line=regress(lines, exact), errors=errors)


def _drawn(examples: Sequence[Example]) -> Sequence[Example]:
    """So many that memory suffices: more would hardly change anything."""
    if len(examples) <= MOST:
        return examples
    chosen = np.random.default_rng(_SEED).choice(len(examples), MOST, replace=False)
    return [examples[number] for number in np.sort(chosen)]


def regress(rows: Rows, outcomes: Floats, weights: Floats | None = None) -> Level:
    """A logistic regression.

    Args:
        rows: N×F.
        outcomes: From 0 to 1, N.
        weights: How much each row counts, N; left out, all the same.
    """
    mean = _rounded(rows.values.mean(axis=0))
    scale = np.maximum(_rounded(rows.values.std(axis=0)), 10.0**-_DIGITS)
    inputs = bent(rows.values, mean, scale)
    rare = (rows.values != np.median(rows.values, axis=0)).mean(axis=0) < _RARE
    inputs[:, :-1][:, np.concatenate([rare, rare])] = 0.0  # so its weights stay nothing
    counts = np.ones(len(inputs)) if weights is None else weights
    penalty = np.append(np.full(inputs.shape[1] - 1, RIDGE), 10.0**-_DIGITS)
    found = np.zeros(inputs.shape[1])
    for _ in range(_STEPS):
        expected = 1 / (1 + np.exp(-inputs @ found))
        slope = inputs.T @ (counts * (outcomes - expected)) - penalty * found
        curvature = (inputs * (counts * expected * (1 - expected))[:, None]).T @ inputs + np.diag(penalty)
        step = np.linalg.solve(curvature, slope)
        found += step
        if np.abs(step).max() < _STILL:
            break
    return Level(columns=rows.names, mean=tuple(mean), scale=tuple(scale), weights=tuple(_rounded(found)))


def _joined(rows: Sequence[Rows]) -> Rows:
    return Rows(np.concatenate([one.values for one in rows]), rows[0].names)


def _rounded(values: Floats) -> Floats:
    return np.round(values, _DIGITS)
