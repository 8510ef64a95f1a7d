"""What is in a data set, in figures."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from manuscribe.datasets.labelled import LabelledLine


@dataclass(frozen=True, slots=True)
class Statistics:
    """Figures of a data set.

    Attributes:
        lengths: Characters of a text: fewest, first quartile, median, third quartile, most.
        characters: How often each character occurs, most frequent first.
        by: For split, label, language, source: how many lines have which value; only what the lines tell.
        groups: Different groups.
    """

    lines: int
    groups: int
    lengths: tuple[int, int, int, int, int]
    characters: dict[str, int]
    by: dict[str, dict[str, int]]


def statistics_of(lines: Sequence[LabelledLine]) -> Statistics:
    """Count a data set; its images are not opened."""
    lengths = [len(line.text) for line in lines] or [0]
    smallest, lower, median, upper, largest = (int(q) for q in np.quantile(lengths, (0, 0.25, 0.5, 0.75, 1)))
    counts = {key: Counter(getattr(line, key) for line in lines) for key in ("split", "label", "language", "source")}
    return Statistics(
        lines=len(lines),
        groups=len({(line.source, line.group) for line in lines if line.group}),
        lengths=(smallest, lower, median, upper, largest),
        characters=dict(Counter("".join(line.text for line in lines)).most_common()),
        by={key: dict(sorted(found.items())) for key, found in counts.items() if set(found) - {""}},
    )


def as_text(statistics: Statistics) -> str:
    """The figures for people."""
    characters = statistics.characters
    rare = [c for c, count in characters.items() if count < 10]
    smallest, lower, median, upper, largest = statistics.lengths
    rows = [
        f"lines       {statistics.lines}, {sum(characters.values())} characters",
        f"groups      {statistics.groups}",
        f"text length {smallest} to {largest} characters; half of them {lower} to {upper}, median {median}",
        f"characters  {len(characters)} different: {''.join(sorted(characters)).strip()}",
    ]
    if rare:
        rows.append(f"rare        {len(rare)} of them occur fewer than ten times: {''.join(sorted(rare)).strip()}")
    for key, found in statistics.by.items():
        rows.append(f"{key:<12}" + ", ".join(f"{name or 'none'} {count}" for name, count in found.items()))
    return "\n".join(rows)
