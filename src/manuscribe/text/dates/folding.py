"""One form for signs that mean the same, with the way back to the text as it was."""

import unicodedata
from collections.abc import Sequence

_RAISED = map(chr, (*range(0x2B0, 0x2B9), *range(0x1D2C, 0x1D6B)))  # ʳ, ᵉ, ᵇ: as clerks shorten words
_SIGNS = str.maketrans(
    dict.fromkeys("‐‑‒–—―−", "-")
    | dict.fromkeys("\t\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u3000", " ")
    | dict.fromkeys("’‘ʼ′", "'")
    | dict.fromkeys("∕⁄", "/")
    | {letter: unicodedata.normalize("NFKC", letter) for letter in _RAISED}
)


def fold(text: str) -> tuple[str, Sequence[int]]:
    """The text composed (NFC), with plain dashes, spaces, apostrophes and raised letters.

    Returns:
        The folded text; and for each of its characters, and its end, where that begins in the text.
    """
    if unicodedata.is_normalized("NFC", text):
        return text.translate(_SIGNS), range(len(text) + 1)
    # Letter by letter, each with its marks, so that places are known; what does not compose keeps its own places.
    composed: list[str] = []
    places: list[int] = []
    begins = [i for i, c in enumerate(text) if i == 0 or not unicodedata.combining(c)]
    for begin, end in zip(begins, [*begins[1:], len(text)], strict=True):
        cluster = unicodedata.normalize("NFC", text[begin:end])
        composed.append(cluster)
        places += [begin, *(max(begin, end - left) for left in range(len(cluster) - 1, 0, -1))]
    return "".join(composed).translate(_SIGNS), [*places, len(text)]
