"""A line as the network knows lines: level, and neither small in its picture nor cut off at its strokes.

The network learnt from lines that were cut out of pages along their baselines. Lines that others cut out slope, have
wide margins, or none. How far writing is spread over a picture's rows tells how large it is, whatever it says.
"""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from manuscribe.readers.compact.lines import HEIGHT, to_height

Grey = NDArray[np.uint8]
Floats = NDArray[np.float32]

_INK = 0.25  # what is fainter is paper
_LEAST_CONTRAST = 24.0
_WIDER_THAN_A_STROKE = np.ones((17, 17), np.uint8)
_MIDDLE, _SPREAD = 35.5, 8.6  # of ink over the rows of a well-cut line of 64: its mean and its standard deviation
_SMALL, _LARGE = 6.5, 12.4  # one line in ten, and one in thirty, of those cut out of pages have less, have more
_CLOSEST, _FURTHEST = 2.2, 1.4  # times as large or as small a line becomes at most: a dash must not become a bar
_CROWDED = 0.15  # of the fullest row's ink: with as much at an edge other lines are in the picture
_EDGE = 4  # rows
_LONG = 2  # widths in heights from which on a picture is a line, with a slope and a size that can be told
# Rows that a line's end may lie above its beginning, or below; what is less than the least does no harm.
_RISES, _LEAST_RISE = tuple(range(-40, 41, 4)), 6
_CLEARER = 1.1  # times as concentrated in rows as it was: else nothing is gained by turning it
_PARTS = 16
_ROOM = HEIGHT // 2  # rows above and below, into which the ends may be pushed


def framed(line: Grey) -> Grey:
    """The line, level and of the usual size in its picture; as it is, if it is so nearly.

    Args:
        line: H×W, dark ink on light paper.

    Returns:
        As wide as before, and of another height where there was too much paper above and below, or too little.
    """
    strokes = _strokes(line)
    rise = _rise(strokes)
    if rise:
        line = _level(line, rise)
        strokes = _strokes(line)
    rows = strokes.sum(axis=1)
    ink = float(rows.sum())
    if not ink:
        return line
    places = np.arange(HEIGHT) + 0.5
    middle = float(rows @ places) / ink
    spread = float(rows @ (places - middle) ** 2 / ink) ** 0.5
    small = spread < _SMALL and strokes.shape[1] >= _LONG * HEIGHT
    if small or (spread > _LARGE and not _crowded(rows)):
        return _cut(line, middle / HEIGHT, min(max(spread / _SPREAD, 1 / _CLOSEST), _FURTHEST))
    return line


def _crowded(rows: Floats) -> bool:
    edge = max(rows[:_EDGE].mean(), rows[-_EDGE:].mean())
    return bool(edge > _CROWDED * rows.max())


def _strokes(line: Grey) -> Floats:
    """The ink of the line, scaled to 64 rows, without the paper's grain and without shadows on it."""
    grey = to_height(line)
    strokes = cv2.morphologyEx(grey, cv2.MORPH_BLACKHAT, _WIDER_THAN_A_STROKE)
    black = float(np.percentile(strokes[::4, ::4], 99))
    ink = strokes.astype(np.float32) / max(black, _LEAST_CONTRAST)
    return np.asarray(np.where(ink > _INK, np.minimum(ink, 1), 0), np.float32)


def _rise(strokes: Floats) -> int:
    """Rows of 64 by which the line's end lies lower than its beginning; 0 where it is about level.

    Level, ink gathers in few rows: that slope is taken at which the rows' sums of ink, squared, are greatest.
    """
    width = strokes.shape[1]
    if width < _LONG * HEIGHT:
        return 0
    parts = np.asarray(cv2.resize(strokes, (_PARTS, HEIGHT), interpolation=cv2.INTER_AREA), np.float32).T
    parts = np.pad(parts, ((0, 0), (_ROOM, _ROOM)))  # of the line, one by one
    coarse = _gathered(parts, _RISES)
    near = int(coarse.argmax())
    if _RISES[near] == 0:
        return 0
    rises = tuple(range(_RISES[near] - 3, _RISES[near] + 4))
    fine = _gathered(parts, rises)
    best = rises[int(fine.argmax())]
    return best if abs(best) >= _LEAST_RISE and fine.max() > _CLEARER * coarse[_RISES.index(0)] else 0


def _gathered(parts: Floats, rises: tuple[int, ...]) -> Floats:
    """How much ink gathers in few rows if the line is levelled by each of the rises."""
    sums = parts.ravel()[_places(rises)].sum(axis=1)  # R×rows
    smooth = sums[:, :-2] + sums[:, 1:-1] + sums[:, 2:]
    return np.asarray((smooth * smooth).sum(axis=1), np.float32)


@lru_cache(maxsize=128)
def _places(rises: tuple[int, ...]) -> NDArray[np.intp]:
    """R×P×rows, where in the parts, one behind the other, the rows are found that come to lie beside each other."""
    along = (np.arange(_PARTS) + 0.5) / _PARTS - 0.5
    shifts = np.rint(np.array(rises)[:, None] * along).astype(np.intp)
    rows = HEIGHT + 2 * _ROOM
    return (np.arange(rows) + shifts[:, :, None]) % rows + rows * np.arange(_PARTS)[:, None]


def _level(line: Grey, rise: int) -> Grey:
    """Push each column up or down, so that a line that sinks by `rise` of 64 rows is level."""
    height, width = line.shape
    rows = rise * height / HEIGHT
    matrix = np.array([[1, 0, 0], [rows / width, 1, -rows / 2]], np.float32)
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(line, matrix, (width, height), flags=how, borderValue=_paper(line)), np.uint8)


def _cut(line: Grey, middle: float, size: float) -> Grey:
    """The rows around `middle`, a share of the height, `size` times as many as now; paper where there are none."""
    height = len(line)
    rows = size * height
    top = middle * height - rows * _MIDDLE / HEIGHT
    first, end = int(np.floor(top)), int(np.ceil(top + rows))
    inner = line[max(0, first) : end]
    room = max(0, -first), max(0, end - height)
    if not any(room):
        return inner
    return np.asarray(cv2.copyMakeBorder(inner, *room, 0, 0, cv2.BORDER_CONSTANT, value=_paper(line)), np.uint8)


def _paper(line: Grey) -> tuple[float]:
    return (float(np.percentile(line[::4, ::4], 80)),)
