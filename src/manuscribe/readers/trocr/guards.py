"""Signs that a decoder ran in circles instead of reading.

An autoregressive decoder can fall into repeating itself, with great sureness. A text that packs unusually well, or that
is longer than so much writing can be, is a sign; so is an end that comes again and again.
"""

import re
import zlib

REPETITION = "repetition: the reader may have run in circles"
TRUNCATED = "truncated: the reader's longest text was reached"

_PACKED = 2.4  # the bound of Whisper (arXiv 2212.04356, section 4.5); lines of writing stay under 1.6
_SHORTEST = 24  # characters that can be judged so
_RULED = re.compile(r"([\W_]\s?)\1+")  # signs that repeat by right
_TIMES = 4  # that an end may come in a row
_NARROWEST = 0.08  # a character's width by the line's height; the densest real lines have 0.12


def is_suspicious(text: str, height: int, width: int) -> bool:
    """Whether a text looks like no reading of a line image of that size."""
    return _packs_well(text) or _ends_in_circles(text) or len(text) * _NARROWEST * height > max(width, height)


def _packs_well(text: str) -> bool:
    bare = _RULED.sub(r"\1", text)
    stored = bare.encode()
    return len(bare) >= _SHORTEST and len(stored) > _PACKED * len(zlib.compress(stored, 9))


def _ends_in_circles(text: str) -> bool:
    """Whether a piece of two characters or more, not all the same sign of a ruled line, comes again at the end."""
    text = f" {text}"  # so that the first one begins like the others
    for size in range(2, len(text) // _TIMES + 1):
        piece = text[-size:]
        if text.endswith(piece * _TIMES) and any(character.isalnum() for character in piece):
            return True
    return False
