"""Dividing lines into those to learn from and those to measure on."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from manuscribe.datasets.labelled import LabelledLine
from manuscribe.errors import UsageError

By = Literal["group", "line"]
_BUCKETS = 4  # of text length, each with as many lines


def split_lines(
    lines: Sequence[LabelledLine], shares: Mapping[str, float], *, by: By = "group", seed: int = 0
) -> list[LabelledLine]:
    """The same lines in the same order, each with its split.

    Args:
        shares: Split → its share of the lines; together 1.
        by: `"group"` keeps the lines of a writer or document together (and balances each source), so that measuring
            tells how unseen ones are read. `"line"` draws single lines, alike in label and length of text; lines with
            the same picture stay together.
        seed: The same seed gives the same splits.

    Raises:
        UsageError: There are fewer groups than splits.
    """
    wanted = {split: share for split, share in shares.items() if share > 0}
    unit, stratum = (_group, _source) if by == "group" else (_picture, _kind(lines))
    units: dict[Hashable, list[int]] = defaultdict(list)
    for number, line in enumerate(lines):
        units[unit(line)].append(number)
    if len(units) < len(wanted):
        raise UsageError(
            f"{len(units)} {by}s cannot be divided into {len(wanted)} splits.",
            "Divide with --by line, which measures on hands that were seen." if by == "group" else "Add lines.",
        )
    strata: dict[Hashable, list[list[int]]] = defaultdict(list)
    for members in units.values():
        strata[stratum(lines[members[0]])].append(members)
    splits = _assign(strata, wanted, np.random.default_rng(seed))
    return [replace(line, split=splits[number]) for number, line in enumerate(lines)]


def _assign(
    strata: Mapping[Hashable, list[list[int]]], shares: Mapping[str, float], rng: np.random.Generator
) -> dict[int, str]:
    """Each unit goes where most lines are still owed; what a stratum could not pay, the next ones do."""
    splits: dict[int, str] = {}
    owed = dict.fromkeys(shares, 0.0)
    for _, members in sorted(strata.items(), key=lambda item: str(item[0])):
        total = sum(map(len, members))
        for split, share in shares.items():
            owed[split] += share * total
        # Large units first: the small ones then fill what is left.
        order = sorted(rng.permutation(len(members)), key=lambda i: -len(members[i]))
        for index in order:
            split = max(shares, key=lambda name: owed[name])
            owed[split] -= len(members[index])
            splits.update(dict.fromkeys(members[index], split))
    _fill_empty(splits, [members for found in strata.values() for members in found], list(shares))
    return splits


def _fill_empty(splits: dict[int, str], units: Sequence[Sequence[int]], wanted: Sequence[str]) -> None:
    """A small share of few units comes to nothing: such a split gets the smallest unit of the largest one."""
    for split in wanted:
        if split in splits.values():
            continue
        counts = Counter(splits[members[0]] for members in units)
        richest = max(counts, key=lambda name: counts[name])
        smallest = min((members for members in units if splits[members[0]] == richest), key=len)
        splits.update(dict.fromkeys(smallest, split))


def _group(line: LabelledLine) -> Hashable:
    return line.source, line.group


def _source(line: LabelledLine) -> Hashable:
    return line.source


def _picture(line: LabelledLine) -> Hashable:
    return hashlib.blake2b(line.encoded(), digest_size=16).digest()


def _kind(lines: Sequence[LabelledLine]) -> Callable[[LabelledLine], Hashable]:
    lengths = [len(line.text) for line in lines] or [0]
    edges = np.quantile(lengths, np.linspace(0, 1, _BUCKETS + 1)[1:-1])
    return lambda line: (line.label, int(np.searchsorted(edges, len(line.text))))


def split_groups(
    lines: Sequence[LabelledLine], share: float, seed: int
) -> tuple[list[LabelledLine], list[LabelledLine]]:
    """Hold out whole groups, about `share` of them from each source that has several: (rest, held out)."""
    rng = np.random.default_rng(seed)
    held: set[tuple[str, str]] = set()
    for source in sorted({line.source for line in lines}):
        groups = sorted({line.group for line in lines if line.source == source})
        if len(groups) > 1:
            count = max(1, round(share * len(groups)))
            held |= {(source, groups[i]) for i in rng.choice(len(groups), count, replace=False)}
    rest = [line for line in lines if (line.source, line.group) not in held]
    return rest, [line for line in lines if (line.source, line.group) in held]
