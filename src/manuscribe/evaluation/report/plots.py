"""The plots of an evaluation."""

from collections.abc import Sequence

import numpy as np

from manuscribe.evaluation.judging import Comparison, Judgement
from manuscribe.evaluation.report.drawing import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TICKS,
    TOP,
    WIDTH,
    height_of,
    mark,
    nice,
    percent_of,
    plot,
    shares,
    text,
    vertical_axis,
    whisker,
)
from manuscribe.evaluation.report.elements import Markup, element
from manuscribe.evaluation.resampling import Floats
from manuscribe.evaluation.scoring import Estimate

_ROW = 34
"""Height of a reader's row in a plot whose rows are readers."""
_LABELLED = 130
"""Room for the names of such rows."""


def rates_by_reader(judgement: Judgement) -> Markup:
    """The CER of each reader with its interval."""
    titles = [result.title for result in judgement.evaluation.results]
    return _rows("CER of each reader, 95 % intervals", titles, [summary.cer for summary in judgement.summaries])


def differences(comparisons: Sequence[Comparison]) -> Markup:
    """The difference of each reader's CER from the first one's."""
    titles = [comparison.title for comparison in comparisons]
    name = f"Difference of CER from {comparisons[0].first}, 95 % intervals"
    return _rows(name, titles, [comparison.difference for comparison in comparisons], first_series=1)


def rates_by_length(judgement: Judgement) -> Markup:
    """CER by bucket of length, a group of marks for each."""
    buckets = judgement.breakdowns["length"]
    highest = nice(max(_high(summary.cer) for summaries in buckets.values() for summary in summaries))
    parts = [vertical_axis(highest, "CER")]
    step = (WIDTH - LEFT - RIGHT) / len(buckets)
    for place, (name, summaries) in enumerate(buckets.items()):
        middle = LEFT + (place + 0.5) * step
        parts.append(text(middle, HEIGHT - BOTTOM + 17, name, anchor="middle"))
        apart = min(16.0, 0.7 * step / len(summaries))
        for series, summary in enumerate(summaries):
            x = middle + (series - (len(summaries) - 1) / 2) * apart
            ends = [height_of(value, highest) for value in _ends(summary.cer)]
            parts.append(whisker(x, ends[0], x, ends[1], series))
            parts.append(mark(x, height_of(summary.cer.value, highest), series))
    parts.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, "characters of a line", anchor="middle"))
    return plot("CER by length of the line, 95 % intervals", parts)


def distribution(judgement: Judgement) -> Markup:
    """Which share of the lines has at most which CER; beyond 100 % nothing is drawn."""
    curves = [_steps(np.sort(scored.rates)) for scored in judgement.scored]
    return shares("Distribution of the lines' CER", "CER of a line, at most", "share of lines", curves)


def _steps(rates: Floats, most: int = 200) -> list[tuple[float, float]]:
    """Corners of the distribution function up to a rate of 1."""
    at = np.linspace(0, 1, most + 1)
    return list(zip(at.tolist(), (np.searchsorted(rates, at, side="right") / max(1, len(rates))).tolist(), strict=True))


def _rows(name: str, titles: Sequence[str], estimates: Sequence[Estimate], first_series: int = 0) -> Markup:
    """A row for each reader, zero always in sight."""
    height = TOP + _ROW * len(titles) + BOTTOM
    ends = [value for estimate in estimates for value in _ends(estimate)]
    low, high = min(0.0, *ends), max(0.0, *ends)
    low, high = -nice(-low) if low < 0 else 0.0, nice(high) if high > 0 else 0.0
    span = (high - low) or 1.0

    def across(value: float) -> float:
        return _LABELLED + (value - low) / span * (WIDTH - _LABELLED - RIGHT)

    foot = height - BOTTOM
    parts = [element("line", x1=across(0), y1=TOP, x2=across(0), y2=foot, class_="axis")]
    for tick in np.linspace(low, low + span, TICKS).tolist():
        parts.append(element("line", x1=across(tick), y1=TOP, x2=across(tick), y2=foot, class_="grid"))
        parts.append(text(across(tick), foot + 17, percent_of(tick, span), anchor="middle"))
    for place, (title, estimate) in enumerate(zip(titles, estimates, strict=True)):
        y, series = TOP + (place + 0.5) * _ROW, place + first_series
        left, right = map(across, _ends(estimate))
        parts += [text(_LABELLED - 10, y + 4, _short(title), anchor="end"), whisker(left, y, right, y, series)]
        parts.append(mark(across(estimate.value), y, series))
    return plot(name, parts, height)


def _ends(estimate: Estimate) -> tuple[float, float]:
    low, high = estimate.low, estimate.high
    return (estimate.value if low is None else low), (estimate.value if high is None else high)


def _high(estimate: Estimate) -> float:
    return max(estimate.value, _ends(estimate)[1])


def _short(title: str) -> str:
    """The end of a long name: paths differ there."""
    return title if len(title) <= 17 else f"…{title[-15:]}"
