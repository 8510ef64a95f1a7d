"""Picking lines by what is known about them."""

from collections import defaultdict
from collections.abc import Sequence

from manuscribe.datasets.labelled import KNOWN, LabelledLine
from manuscribe.errors import UsageError


def picked(lines: Sequence[LabelledLine], conditions: Sequence[str]) -> list[LabelledLine]:
    """The lines that meet all conditions.

    Args:
        conditions: `key=value` or `key!=value`, e.g. `source=peraire`; of several values of one key any may be met, and
            none that is forbidden.

    Raises:
        UsageError: A condition is none, or no line meets them all.
    """
    wanted: dict[str, set[str]] = defaultdict(set)
    forbidden: dict[str, set[str]] = defaultdict(set)
    for condition in conditions:
        key, equals, value = condition.partition("=")
        if key.removesuffix("!") not in KNOWN or not equals:
            raise UsageError(
                f"'{condition}' is no condition.", f"Write key=value or key!=value; keys: {', '.join(KNOWN)}."
            )
        (forbidden if key.endswith("!") else wanted)[key.removesuffix("!")].add(value)
    found = [
        line
        for line in lines
        if all(getattr(line, key) in values for key, values in wanted.items())
        and not any(getattr(line, key) in values for key, values in forbidden.items())
    ]
    if lines and not found:
        raise UsageError(f"No line meets {' and '.join(conditions)}.", "See their values with `manuscribe data stats`.")
    return found
