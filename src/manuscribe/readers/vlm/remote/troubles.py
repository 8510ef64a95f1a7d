"""Why there is no answer, and whether asking again may help."""

import json
from dataclasses import dataclass

OVERLOADED = frozenset({429, 500, 502, 503, 504})
"""States of a reply (RFC 9110, RFC 6585) after which the same request may succeed later."""

_SANE = 300  # characters of a server's words that people are told


@dataclass(frozen=True, slots=True)
class Trouble:
    """A request without an answer.

    Attributes:
        problem: What is wrong, in one line without a full stop.
        remedy: What to do about it.
        passing: Whether the same request may succeed later.
        wait: Seconds that the server asks to wait; `None` if it does not say.
    """

    problem: str
    remedy: str = ""
    passing: bool = False
    wait: float | None = None


def message_in(body: bytes) -> str:
    """The words of a server's error, however it wraps them; empty if there are none."""
    text = body.decode("utf-8", "replace")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    while isinstance(value, dict):
        value = next((value[name] for name in ("error", "message", "detail") if value.get(name)), json.dumps(value))
    return value if isinstance(value, str) else json.dumps(value)


def in_one_line(text: str, longest: int = _SANE) -> str:
    """Foreign words fit to be shown: without control characters, and cut if they are long."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"
