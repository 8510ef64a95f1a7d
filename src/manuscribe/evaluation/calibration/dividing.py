"""Which lines a calibration is found on, and which measure it."""

from collections.abc import Sequence

from manuscribe.datasets.labelled import LabelledLine
from manuscribe.errors import InputError


def divided(lines: Sequence[LabelledLine]) -> tuple[list[LabelledLine], list[LabelledLine]]:
    """The lines to find it on, and those to measure it on.

    Of lines with splits these are the validation and the test lines: readers are surer than they should be of what they
    learnt from. Without splits all are found on.

    Raises:
        InputError: There are only lines to learn from.
    """
    if not any(line.split for line in lines):
        return list(lines), []
    found = [line for line in lines if line.split in ("", "validation")]
    if not found:
        raise InputError(
            "There are no validation lines: all are of the splits train or test.",
            "Hold some out: manuscribe data split.",
        )
    return found, [line for line in lines if line.split == "test"]
