"""What plots are drawn with: inline SVG, no library, no script; colours come from the page's style, light and dark.

Series differ in shape and dashes as well as in colour.
"""

from collections.abc import Sequence

import numpy as np

from manuscribe.evaluation.report.elements import Markup, element

WIDTH, HEIGHT = 460, 260
LEFT, RIGHT, TOP, BOTTOM = 62, 26, 14, 44
TICKS = 5
_DASHES = ("none", "7 4", "2 3", "9 3 2 3")


def legend(titles: Sequence[str]) -> Markup:
    """Which mark and which dashes are whose."""
    items = []
    for series, title in enumerate(titles):
        line = element(
            "line", x1=0, y1=7, x2=30, y2=7, class_=f"curve s{series % 6}", stroke_dasharray=_DASHES[series % 4]
        )
        sign = element("svg", line, mark(15, 7, series), viewBox="0 0 30 14", width=30, height=14, aria_hidden="true")
        items.append(element("li", sign, " ", title))
    return element("ul", *items, class_="legend")


def shares(
    name: str,
    across: str,
    up: str,
    curves: Sequence[Sequence[tuple[float, float]]],
    *,
    marked: bool = False,
    diagonal: bool = False,
) -> Markup:
    """Curves in a square from 0 to 100 % on both axes.

    Args:
        across: What the axis below tells.
        up: What the axis at the left tells.
        curves: Points (x, y) of each series, 0 to 1.
        marked: Whether each point has a mark.
        diagonal: Whether the line on which both are the same is drawn.
    """
    parts = [vertical_axis(1.0, up)]
    for tick in range(0, 101, 20):
        parts.append(text(_across(tick / 100), HEIGHT - BOTTOM + 17, f"{tick} %", anchor="middle"))
    if diagonal:
        ends = {"x1": LEFT, "y1": HEIGHT - BOTTOM, "x2": WIDTH - RIGHT, "y2": TOP}
        parts.append(element("line", **ends, class_="axis", stroke_dasharray="1 3"))
    for series, points in enumerate(curves):
        corners = [(_across(x), height_of(y, 1.0)) for x, y in points]
        line = " ".join(f"{place_of(x)},{place_of(y)}" for x, y in corners)
        dashes = _DASHES[series % len(_DASHES)]
        parts.append(element("polyline", points=line, class_=f"curve s{series % 6}", stroke_dasharray=dashes))
        parts += [mark(x, y, series) for x, y in corners] if marked else []
    parts.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, across, anchor="middle"))
    return plot(name, parts)


def _across(share: float) -> float:
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def plot(name: str, parts: Sequence[Markup], height: float = HEIGHT) -> Markup:
    """A figure with its name."""
    drawing = element("svg", *parts, viewBox=f"0 0 {WIDTH} {height}", role="img", aria_label=name)
    return element("figure", element("figcaption", name), drawing)


def vertical_axis(highest: float, name: str) -> Markup:
    """An axis from 0 to `highest`, in percent."""
    parts = [text(0, 0, name, anchor="middle", transform=f"translate(11 {(HEIGHT - BOTTOM) / 2}) rotate(-90)")]
    for tick in np.linspace(0, highest, TICKS).tolist():
        y = height_of(tick, highest)
        parts.append(element("line", x1=LEFT, y1=y, x2=WIDTH - RIGHT, y2=y, class_="grid" if tick else "axis"))
        parts.append(text(LEFT - 6, y + 4, percent_of(tick, highest), anchor="end"))
    return element("g", *parts)


def height_of(value: float, highest: float) -> float:
    """Where a value stands on it."""
    return HEIGHT - BOTTOM - value / highest * (HEIGHT - TOP - BOTTOM)


def whisker(x1: float, y1: float, x2: float, y2: float, series: int) -> Markup:
    """A line of a series."""
    return element(
        "line", x1=place_of(x1), y1=place_of(y1), x2=place_of(x2), y2=place_of(y2), class_=f"whisker s{series % 6}"
    )


def mark(x: float, y: float, series: int) -> Markup:
    """A disc, a square, a triangle, a diamond, in turns."""
    colour = f"mark s{series % 6}"
    if series % 4 == 0:
        return element("circle", cx=place_of(x), cy=place_of(y), r=4.5, class_=colour)
    corners = (
        ((-4, -4), (4, -4), (4, 4), (-4, 4)),
        ((0, -5), (5, 4), (-5, 4)),
        ((0, -6), (6, 0), (0, 6), (-6, 0)),
    )[series % 4 - 1]
    return element(
        "polygon", points=" ".join(f"{place_of(x + dx)},{place_of(y + dy)}" for dx, dy in corners), class_=colour
    )


def text(x: float, y: float, said: str, *, anchor: str, **more: str) -> Markup:
    """A word or two."""
    return element("text", said, x=place_of(x), y=place_of(y), text_anchor=anchor, **more)


def place_of(value: float) -> str:
    """A coordinate as SVG has it."""
    return f"{value:.1f}"


def percent_of(value: float, span: float) -> str:
    """A tick of an axis that is so long."""
    digits = 0 if span >= 0.08 else 1 if span >= 0.008 else 2
    return f"{100 * value:.{digits}f} %"


def nice(value: float) -> float:
    """The least end of an axis that holds a value and has round ticks."""
    if value <= 0:
        return 0.04
    power = 10.0 ** np.floor(np.log10(value))
    return float(
        next(power * step for step in (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10) if power * step >= value - 1e-12)
    )
