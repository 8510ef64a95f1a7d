"""Learning curves as pictures."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def draw_curves(log: Path, picture: Path) -> None:
    """Draw loss and error rates over the steps of a log; nothing where there is no log."""
    if not log.is_file():
        return
    # A run that was resumed tells the steps after its checkpoint twice: the later row counts.
    rows: dict[tuple[int, bool], dict[str, float]] = {}
    for line in log.read_text(encoding="utf-8").splitlines():
        try:
            row = json.loads(line)
        except ValueError:  # written when the run was killed
            continue
        rows[row["step"], "eval_cer" in row] = row
    figure, left = _figure()
    right = left.twinx()
    _draw(left, _points(rows.values(), "loss"), "tab:gray", "loss")
    _draw(right, _points(rows.values(), "eval_cer"), "tab:red", "CER of the validation lines")
    _draw(right, _points(rows.values(), "eval_wer"), "tab:orange", "WER")
    left.set(xlabel="step", ylabel="loss")
    right.set(ylabel="error rate", ylim=(0, None))
    figure.legend(loc="outside upper center", ncols=3)
    figure.savefig(picture, dpi=110)


def draw_amounts(rates: Mapping[int, float], picture: Path) -> None:
    """Draw the error rate over the number of lines that were learnt from."""
    figure, axes = _figure()
    _draw(axes, sorted(rates.items()), "tab:red", "CER")
    axes.set(xscale="log", xlabel="lines learnt from", ylabel="CER of the validation lines", ylim=(0, None))
    axes.set_xticks(sorted(rates), [str(count) for count in sorted(rates)])
    figure.savefig(picture, dpi=110)


def _figure() -> tuple[Any, Any]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots()


def _points(rows: Any, key: str) -> list[tuple[float, float]]:
    return sorted((row["step"], row[key]) for row in rows if key in row)


def _draw(axes: Any, points: Sequence[tuple[float, float]], colour: str, name: str) -> None:
    if points:
        axes.plot(*zip(*points, strict=True), color=colour, label=name, marker="." if len(points) < 60 else None)
