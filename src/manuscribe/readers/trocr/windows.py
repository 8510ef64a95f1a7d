"""Lines that are too long for the encoder's frame, cut into overlapping pieces, and their texts joined again.

Cuts lie in gaps between words, so that no word is torn; the piece after a cut begins a word or two before it, since a
decoder is least sure where its image begins and ends.
"""

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from manuscribe.document import Character, Line

_LONGEST = 16.0  # width by height of a piece; lines of the data that TrOCR learnt from (IAM) have about 14
_LEFT_WHOLE = 1.25  # a line that is only so much longer is not cut
_OVERLAP = 3.0  # heights
_REACH = 2.0  # heights around a wished cut where a gap is looked for
_LEAST = 1.0  # heights that two pieces share at least
_SURE = 2  # matches more than differences, from which on two ends are taken for the same words

Grey = NDArray[np.uint8]


def cut(line: Grey) -> list[Grey]:
    """The overlapping pieces of a line image (uint8, H×W or H×W×3), from left to right; short lines stay whole."""
    height, width = line.shape[:2]
    if width <= _LONGEST * _LEFT_WHOLE * height:
        return [line]
    count = int(np.ceil((width / height - _OVERLAP) / (_LONGEST - _OVERLAP)))
    step = (width - _OVERLAP * height) / count
    gaps = _gaps(line)
    starts, ends = [0], []
    for n in range(1, count):
        starts.append(_emptiest(gaps, n * step, height))
        ends.append(_emptiest(gaps, n * step + _OVERLAP * height, height, starts[-1] + round(_LEAST * height)))
    return [line[:, start:end] for start, end in zip(starts, [*ends, width], strict=True)]


def join(pieces: Sequence[Line]) -> Line:
    """The readings of the pieces of one line as one: what two of them share is kept once.

    The confidence is that all of them are right; other readings of pieces are left out.
    """
    first, *others = pieces
    if not others:
        return first
    characters = list(first.characters)
    for piece in others:
        characters = _joined(characters, piece.characters)
    sure = [piece.confidence for piece in pieces if piece.confidence is not None]
    return Line(
        text="".join(character.text for character in characters),
        confidence=round(float(np.prod(sure)), 4),
        characters=tuple(characters),
        notes=tuple(dict.fromkeys(note for piece in pieces for note in piece.notes)),
    )


def _gaps(line: Grey) -> NDArray[np.float64]:
    """How empty each column is with those around it, a tenth of the height to each side: 0 is without ink."""
    grey = line.mean(axis=2) if line.ndim == 3 else line.astype(np.float64)
    paper = np.percentile(grey, 80)
    ink = np.clip(paper - grey, 0, None).sum(axis=0)
    reach = max(1, len(grey) // 10)
    return np.convolve(ink, np.ones(2 * reach + 1), mode="same")


def _emptiest(gaps: NDArray[np.float64], wish: float, height: int, least: int = 0) -> int:
    """The emptiest column around a wished one, from `least` on; of equal ones the nearest."""
    low, high = max(least, int(wish - _REACH * height)), min(len(gaps), int(wish + _REACH * height) + 1)
    places = np.arange(low, high)
    order = np.lexsort((np.abs(places - wish), gaps[low:high]))
    return int(places[order[0]])


def _joined(left: Sequence[Character], right: Sequence[Character]) -> list[Character]:
    """Go from one text to the other in the middle of what they share."""
    shared = _shared([c.text for c in left], [c.text for c in right])
    if not shared:
        between = [Character(" ")] if left and right else []
        return [*left, *between, *right]
    i, j = shared[len(shared) // 2]
    return [*left[:i], *right[j:]]


def _shared(left: Sequence[str], right: Sequence[str]) -> list[tuple[int, int]]:
    """Places (in left, in right) of characters that an end of the left text shares with the right one's beginning.

    The best alignment of any end with any beginning, a match counting 1, a difference -1; none below `_SURE`.
    """
    rows, columns = len(left), len(right)
    scores = np.zeros((rows + 1, columns + 1), int)
    scores[0] = -np.arange(columns + 1)
    for i, j in itertools.product(range(1, rows + 1), range(1, columns + 1)):
        same = 1 if left[i - 1] == right[j - 1] else -1
        scores[i, j] = max(scores[i - 1, j - 1] + same, scores[i - 1, j] - 1, scores[i, j - 1] - 1)
    i, j = rows, int(scores[rows].argmax())
    if scores[i, j] < _SURE:
        return []
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
