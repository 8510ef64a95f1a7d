"""What a reader tells of a reading beside its text: numbers by which sure readings differ from doubtful ones.

Each reader has its own. They need no scale, for a calibration finds out what they are worth; but they must be finite.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from manuscribe.document import Line

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Signals:
    """Signals by name.

    Attributes:
        characters: Of each character of the reading, N.
        line: Of the whole line.
    """

    characters: Mapping[str, Floats] = field(default_factory=dict)
    line: Mapping[str, float] = field(default_factory=dict)


@runtime_checkable
class TellingReader(Protocol):
    """A reader that tells signals of its own. One that does not is judged by the confidences in its lines alone."""

    def read_with_signals(
        self, lines: Sequence[NDArray[np.uint8]], *, of_one_page: bool = False
    ) -> Iterable[tuple[Line, Signals]]:
        """As `LineReader.read`, with the signals of each reading; the first may come before the last is read."""
        ...
