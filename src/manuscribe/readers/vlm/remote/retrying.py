"""Asking again, more and more seldom."""

import random
from collections.abc import Callable
from typing import TypeVar

from manuscribe.errors import ModelError
from manuscribe.readers.vlm.remote.troubles import Trouble

ATTEMPTS = 6
"""Times that a question is asked at most."""

_FIRST = 1.0  # seconds
_LONGEST = 60.0  # seconds, whatever the server asks for

Given = TypeVar("Given")


def patiently(attempt: Callable[[], Given | Trouble], pause: Callable[[float], None]) -> Given:
    """What the attempt gives, which is made again while its trouble may pass.

    Args:
        pause: Waits for so many seconds.

    Raises:
        ModelError: The trouble does not pass.
    """
    turn = 1
    while isinstance(outcome := attempt(), Trouble):
        if not outcome.passing:
            raise ModelError(f"{outcome.problem}.", outcome.remedy)
        if turn == ATTEMPTS:
            raise ModelError(f"After {ATTEMPTS} attempts: {outcome.problem}.", outcome.remedy)
        pause(_delay(turn, outcome.wait))
        turn += 1
    return outcome


def _delay(turn: int, asked: float | None) -> float:
    """Seconds to wait: what the server asks for, otherwise twice as long each time.

    Chance keeps those who were turned away together from coming back together.
    """
    if asked is not None:
        return min(max(asked, 0.0), _LONGEST)
    return min(_FIRST * 2.0 ** (turn - 1), _LONGEST) * random.uniform(0.5, 1.0)  # noqa: S311  no secret
