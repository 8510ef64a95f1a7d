"""Plots as inline SVG: no library, no script; colours come from the page's style, in light and dark.

Readers differ in shape and dashes as well as in colour.
"""

from collections.abc import Callable, Sequence

import numpy as np

from manuscribe.evaluation.judging import Comparison, Judgement
from manuscribe.evaluation.report.elements import Markup, element
from manuscribe.evaluation.resampling import Floats
from manuscribe.evaluation.scoring import Estimate

_WIDTH, _HEIGHT = 460, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 26, 14, 44
_ROW = 34
"""Height of a reader's row in a plot whose rows are readers."""
_LABELLED = 130
"""Room for the names of such rows."""
_DASHES = ("none", "7 4", "2 3", "9 3 2 3")
_TICKS = 5


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
    highest = _nice(max(_high(summary.cer) for summaries in buckets.values() for summary in summaries))
    parts = [_vertical_axis(highest, "CER")]
    step = (_WIDTH - _LEFT - _RIGHT) / len(buckets)
    for place, (name, summaries) in enumerate(buckets.items()):
        middle = _LEFT + (place + 0.5) * step
        parts.append(_text(middle, _HEIGHT - _BOTTOM + 17, name, anchor="middle"))
        apart = min(16.0, 0.7 * step / len(summaries))
        for series, summary in enumerate(summaries):
            x = middle + (series - (len(summaries) - 1) / 2) * apart
            ends = [_y(value, highest) for value in _ends(summary.cer)]
            parts.append(_whisker(x, ends[0], x, ends[1], series))
            parts.append(_mark(x, _y(summary.cer.value, highest), series))
    parts.append(_text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 6, "characters of a line", anchor="middle"))
    return _plot("CER by length of the line, 95 % intervals", parts)


def distribution(judgement: Judgement) -> Markup:
    """Which share of the lines has at most which CER; beyond 100 % nothing is drawn."""
    parts = [_vertical_axis(1.0, "share of lines")]
    across: Callable[[float], float] = lambda rate: _LEFT + rate * (_WIDTH - _LEFT - _RIGHT)  # noqa: E731
    for tick in range(0, 101, 20):
        parts.append(_text(across(tick / 100), _HEIGHT - _BOTTOM + 17, f"{tick} %", anchor="middle"))
    for series, scored in enumerate(judgement.scored):
        points = [f"{across(x):.1f},{_y(y, 1.0):.1f}" for x, y in _steps(np.sort(scored.rates))]
        dashes = _DASHES[series % len(_DASHES)]
        parts.append(
            element("polyline", points=" ".join(points), class_=f"curve s{series % 6}", stroke_dasharray=dashes)
        )
    parts.append(_text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 6, "CER of a line, at most", anchor="middle"))
    return _plot("Distribution of the lines' CER", parts)


def legend(titles: Sequence[str]) -> Markup:
    """Which mark and which dashes are whose."""
    items = []
    for series, title in enumerate(titles):
        line = element(
            "line", x1=0, y1=7, x2=30, y2=7, class_=f"curve s{series % 6}", stroke_dasharray=_DASHES[series % 4]
        )
        sign = element("svg", line, _mark(15, 7, series), viewBox="0 0 30 14", width=30, height=14, aria_hidden="true")
        items.append(element("li", sign, " ", title))
    return element("ul", *items, class_="legend")


def _steps(rates: Floats, most: int = 200) -> list[tuple[float, float]]:
    """Corners of the distribution function up to a rate of 1."""
    at = np.linspace(0, 1, most + 1)
    return list(zip(at.tolist(), (np.searchsorted(rates, at, side="right") / max(1, len(rates))).tolist(), strict=True))


def _rows(name: str, titles: Sequence[str], estimates: Sequence[Estimate], first_series: int = 0) -> Markup:
    """A row for each reader, zero always in sight."""
    height = _TOP + _ROW * len(titles) + _BOTTOM
    ends = [value for estimate in estimates for value in _ends(estimate)]
    low, high = min(0.0, *ends), max(0.0, *ends)
    low, high = -_nice(-low) if low < 0 else 0.0, _nice(high) if high > 0 else 0.0
    span = (high - low) or 1.0

    def across(value: float) -> float:
        return _LABELLED + (value - low) / span * (_WIDTH - _LABELLED - _RIGHT)

    foot = height - _BOTTOM
    parts = [element("line", x1=across(0), y1=_TOP, x2=across(0), y2=foot, class_="axis")]
    for tick in np.linspace(low, low + span, _TICKS).tolist():
        parts.append(element("line", x1=across(tick), y1=_TOP, x2=across(tick), y2=foot, class_="grid"))
        parts.append(_text(across(tick), foot + 17, _percent(tick, span), anchor="middle"))
    for place, (title, estimate) in enumerate(zip(titles, estimates, strict=True)):
        y, series = _TOP + (place + 0.5) * _ROW, place + first_series
        left, right = map(across, _ends(estimate))
        parts += [_text(_LABELLED - 10, y + 4, _short(title), anchor="end"), _whisker(left, y, right, y, series)]
        parts.append(_mark(across(estimate.value), y, series))
    return _plot(name, parts, height)


def _plot(name: str, parts: Sequence[Markup], height: float = _HEIGHT) -> Markup:
    drawing = element("svg", *parts, viewBox=f"0 0 {_WIDTH} {height}", role="img", aria_label=name)
    return element("figure", element("figcaption", name), drawing)


def _vertical_axis(highest: float, name: str) -> Markup:
    parts = [_text(0, 0, name, anchor="middle", transform=f"translate(11 {(_HEIGHT - _BOTTOM) / 2}) rotate(-90)")]
    for tick in np.linspace(0, highest, _TICKS).tolist():
        y = _y(tick, highest)
        parts.append(element("line", x1=_LEFT, y1=y, x2=_WIDTH - _RIGHT, y2=y, class_="grid" if tick else "axis"))
        parts.append(_text(_LEFT - 6, y + 4, _percent(tick, highest), anchor="end"))
    return element("g", *parts)


def _y(value: float, highest: float) -> float:
    return _HEIGHT - _BOTTOM - value / highest * (_HEIGHT - _TOP - _BOTTOM)


def _ends(estimate: Estimate) -> tuple[float, float]:
    low, high = estimate.low, estimate.high
    return (estimate.value if low is None else low), (estimate.value if high is None else high)


def _high(estimate: Estimate) -> float:
    return max(estimate.value, _ends(estimate)[1])


def _whisker(x1: float, y1: float, x2: float, y2: float, series: int) -> Markup:
    return element("line", x1=_place(x1), y1=_place(y1), x2=_place(x2), y2=_place(y2), class_=f"whisker s{series % 6}")


def _mark(x: float, y: float, series: int) -> Markup:
    """A disc, a square, a triangle, a diamond, in turns."""
    colour = f"mark s{series % 6}"
    if series % 4 == 0:
        return element("circle", cx=_place(x), cy=_place(y), r=4.5, class_=colour)
    corners = (
        ((-4, -4), (4, -4), (4, 4), (-4, 4)),
        ((0, -5), (5, 4), (-5, 4)),
        ((0, -6), (6, 0), (0, 6), (-6, 0)),
    )[series % 4 - 1]
    return element(
        "polygon", points=" ".join(f"{_place(x + dx)},{_place(y + dy)}" for dx, dy in corners), class_=colour
    )


def _text(x: float, y: float, text: str, *, anchor: str, **more: str) -> Markup:
    return element("text", text, x=_place(x), y=_place(y), text_anchor=anchor, **more)


def _place(value: float) -> str:
    return f"{value:.1f}"


def _percent(value: float, span: float) -> str:
    digits = 0 if span >= 0.08 else 1 if span >= 0.008 else 2
    return f"{100 * value:.{digits}f} %"


def _nice(value: float) -> float:
    """The least end of an axis that holds a value and has round ticks."""
    if value <= 0:
        return 0.04
    power = 10.0 ** np.floor(np.log10(value))
    return float(
        next(power * step for step in (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10) if power * step >= value - 1e-12)
    )


def _short(title: str) -> str:
    """The end of a long name: paths differ there."""
    return title if len(title) <= 17 else f"…{title[-15:]}"
