"""Lines that are too long for the encoder's frame, read in overlapping windows, and their texts joined again.

Windows end in gaps between words, so that no word is torn; each begins a word or two before the one before it ends,
since a decoder is least sure where its image begins and ends.
"""

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from manuscribe.document import Character, Line
from manuscribe.readers.trocr.configuration import Fit

_LONGEST = 16.0  # width by height of a window; lines of the data that TrOCR learnt from (IAM) have about 14
_LEFT_WHOLE = 1.25  # a line that is only so much longer stays whole
_OVERLAP = 3.0  # heights
_REACH = 2.0  # heights around a wished end where a gap is looked for
_LEAST = 1.0  # heights that two windows share at least
_ZONE = 1.5  # times the overlap's share of the letters, among which shared ones are looked for
_MORE = 3  # letters, since wide and narrow ones are not spread evenly
_ASTRAY = 1.1  # what counts against a letter more or less than the overlap should have: more than a match counts for
_SURE = 2  # matches more than differences, from which on two ends are taken for the same words

Grey = NDArray[np.uint8]
Span = tuple[int, int]
"""Columns of a line image, from the first one to the one behind the last."""


def spans_of(line: Grey, fit: Fit) -> list[Span]:
    """The windows in which a line is read; one, unless that was asked for."""
    return windows(line) if fit == "window" else [(0, line.shape[1])]


def windows(line: Grey) -> list[Span]:
    """The overlapping windows of a line image (uint8, H×W or H×W×3), from left to right; short lines have one."""
    height, width = line.shape[:2]
    if width <= _LONGEST * _LEFT_WHOLE * height:
        return [(0, width)]
    count = int(np.ceil((width / height - _OVERLAP) / (_LONGEST - _OVERLAP)))
    step = (width - _OVERLAP * height) / count
    emptiness = _ink_around(line)
    starts, ends = [0], []
    for n in range(1, count):
        starts.append(_emptiest(emptiness, n * step, height))
        ends.append(_emptiest(emptiness, n * step + _OVERLAP * height, height, starts[-1] + round(_LEAST * height)))
    return list(zip(starts, [*ends, width], strict=True))


def join(readings: Sequence[Line], spans: Sequence[Span]) -> Line:
    """The readings of the windows of one line as one: what two of them share is kept once.

    The confidence is that all of them are right; other readings of windows are left out.
    """
    if len(readings) == 1:
        return readings[0]
    characters = list(readings[0].characters)
    for (before, after), (left, right) in zip(itertools.pairwise(readings), itertools.pairwise(spans), strict=True):
        overlap = left[1] - right[0]
        shares = (overlap / (left[1] - left[0]), overlap / (right[1] - right[0]))
        reach = min(len(characters), _zone(before, shares[0]))
        i, j = _crossing(characters[-reach:] if reach else [], after.characters, _zone(after, shares[1]), shares[1])
        between = [Character(" ")] if (i, j) == (reach, 0) and characters and after.characters else []
        characters = [*characters[: len(characters) - reach + i], *between, *after.characters[j:]]
    sure = [reading.confidence for reading in readings if reading.confidence is not None]
    return Line(
        text="".join(character.text for character in characters),
        confidence=round(float(np.prod(sure)), 4),
        characters=tuple(characters),
        notes=tuple(dict.fromkeys(note for reading in readings for note in reading.notes)),
    )


def _ink_around(line: Grey) -> NDArray[np.float64]:
    """How much ink each column has with those around it, a tenth of the height to each side."""
    grey = line.mean(axis=2) if line.ndim == 3 else line.astype(np.float64)
    paper = np.percentile(grey, 80)
    ink = np.clip(paper - grey, 0, None).sum(axis=0)
    reach = max(1, len(grey) // 10)
    return np.convolve(ink, np.ones(2 * reach + 1), mode="same")


def _emptiest(ink: NDArray[np.float64], wish: float, height: int, least: int = 0) -> int:
    """The emptiest column around a wished one, from `least` on; of equal ones the nearest."""
    low, high = max(least, int(wish - _REACH * height)), min(len(ink), int(wish + _REACH * height) + 1)
    places = np.arange(low, high)
    order = np.lexsort((np.abs(places - wish), ink[low:high]))
    return int(places[order[0]])


def _zone(reading: Line, share: float) -> int:
    """Letters at an end of a reading that may be those of the overlap, which has such a share of the window."""
    return round(_ZONE * share * len(reading.characters)) + _MORE


def _crossing(left: Sequence[Character], right: Sequence[Character], zone: int, share: float) -> tuple[int, int]:
    """Where to leave the left text and enter the right one: in the middle of what they share.

    Without anything shared, at the left one's end and the right one's beginning.
    """
    expected = share * len(right)
    shared = _shared([c.text for c in left], [c.text for c in right[:zone]], expected)
    return shared[len(shared) // 2] if shared else (len(left), 0)


def _shared(left: Sequence[str], right: Sequence[str], expected: float) -> list[tuple[int, int]]:
    """Places (in left, in right) of letters that an end of the left text shares with the right one's beginning.

    The best alignment of any end with any beginning, a match counting 1, a difference -1. Of repeated words as many are
    shared as the overlap has room for: that is what `expected` letters of the right text are for.
    """
    rows, columns = len(left), len(right)
    scores = np.zeros((rows + 1, columns + 1), int)
    scores[0] = -np.arange(columns + 1)
    for i, j in itertools.product(range(1, rows + 1), range(1, columns + 1)):
        same = 1 if left[i - 1] == right[j - 1] else -1
        scores[i, j] = max(scores[i - 1, j - 1] + same, scores[i - 1, j] - 1, scores[i, j - 1] - 1)
    end = int((scores[rows] - _ASTRAY * np.abs(np.arange(columns + 1) - expected)).argmax())
    places = _traced(scores, left, right, end)
    if not places:
        return []
    (start, _), end = places[0], places[-1][1] + 1
    return places if scores[rows, end] >= _SURE or _is_word(left, right, start, end) else []


def _traced(scores: NDArray[np.int_], left: Sequence[str], right: Sequence[str], end: int) -> list[tuple[int, int]]:
    i, j = len(left), end
    places = []
    while i and j:
        same = 1 if left[i - 1] == right[j - 1] else -1
        if scores[i, j] == scores[i - 1, j - 1] + same:
            i, j = i - 1, j - 1
            if same == 1:
                places.append((i, j))
        elif scores[i, j] == scores[i - 1, j] - 1:
            i -= 1
        else:
            j -= 1
    return places[::-1]


def _is_word(left: Sequence[str], right: Sequence[str], start: int, end: int) -> bool:
    """Whether the left text ends, and the right one begins, with the same short word."""
    alone = start == 0 or left[start - 1] == " "
    return alone and list(left[start:]) == list(right[:end]) and (end == len(right) or right[end] == " ")
