"""Texts written with cuttings of real pens.

A network that has seen pens in one language and fonts in all others learns that what looks like a pen is that language.
So lines of real writers, whose letters a reader has found, lend their strokes to other texts: a word is put together
from the longest pieces that the writer wrote at a stretch, Cyrillic words from Latin letters of the same strokes; what
the writer never wrote, a font adds.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from manuscribe.datasets.labelled import LabelledLine
from manuscribe.datasets.rendering.hands import DRAWN, Ink, font
from manuscribe.readers.compact.alignment import locate
from manuscribe.readers.compact.decoding import Letter, Scores
from manuscribe.readers.compact.lines import pad, to_height, to_ink

_SAME_STROKES = str.maketrans(
    dict(zip("аеёосрухитпдгкіїАВДЕКМНОСТХУРІ", "aeëocpyxumngrkiïABDEKMHOCTXYPI", strict=True))
)
_LOW = frozenset("aceimnorsuvwxz")  # letters that stand on the line and reach the height of small ones
_SMALL = 0.42 * DRAWN  # height of small letters, in pixels
_SURE = 0.6  # probability from which on a letter is lent
_LEAST_SURE = 0.9  # share of a line's letters that must be, or its letters may have been found in wrong places
_LINES = 12  # of a writer; enough for most letters
_FEWEST = 4  # of them that could be cut
_SHORTEST, _LONGEST_LINE = 12, 80  # letters of a line that is cut
_FAR = 2.5  # frames that a letter reaches, at most, beyond those it is seen in
_SLANTS = np.arange(-0.2, 1.1, 0.1).tolist()  # columns a row, to the right going up
_MIDDLE = 38  # row of the small letters' middles, about which a line is sheared
_THIN = 0.15  # share of the fullest row's ink below which a row is between lines
_SMALL_ROWS = 13, 26  # what the height of small letters can be in a line of 64 rows
_PALE, _DARK = 0.15, 0.75  # ink that becomes none, and full ink
_FRAME = 4  # pixels
_STEP = 64  # widths come in steps, for the engine prepares itself anew for each
_LONGEST = 6  # letters of a piece
_NEAR = 7  # letters whose feet tell where the line runs


@dataclass(frozen=True, slots=True)
class Cut:
    """A line of a writer, found letter by letter.

    Attributes:
        ink: 64×W.
        text: Its letters; a letter that is not lent is a NUL.
        starts: Where each begins, in columns.
        ends: Where each ends; between words that is some columns before the next one begins.
        feet: The row each letter stands on.
        small: Height of its small letters, in rows.
    """

    ink: Ink
    text: str
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    feet: NDArray[np.float64]
    small: float


Writer = tuple[Cut, ...]


def cut_lines(
    lines: Sequence[LabelledLine],
    count: int,
    scores: Callable[[NDArray[np.float32]], Scores],
    characters: str,
    seed: int,
) -> list[Writer]:
    """Writers with lines cut letter by letter.

    Args:
        lines: Real lines; a writer is a group. Those with characters that the reader does not know are left out.
        count: How many lines to cut, at most.
        scores: A reader: 1×1×64×W ink (W a multiple of 64) to log-probabilities T×C, a frame for each 4 columns.
        characters: Of the reader's classes from 1 on.
        seed: Decides which lines.
    """
    numbers = {character: number for number, character in enumerate(characters, start=1)}
    by_writer: dict[str, list[LabelledLine]] = defaultdict(list)
    rng = np.random.default_rng(seed)
    for i in rng.permutation(len(lines)).tolist():
        if _SHORTEST <= len(lines[i].text) <= _LONGEST_LINE and numbers.keys() >= set(lines[i].text):
            by_writer[lines[i].group].append(lines[i])
    names = [name for name in sorted(by_writer) if len(by_writer[name]) >= _LINES]
    chosen = rng.permutation(len(names))[: count // _LINES]
    writers = []
    for name in (names[i] for i in chosen.tolist()):
        cuts = []
        for line in by_writer[name][:_LINES]:
            ink = to_ink(to_height(line.pixels()))
            found = locate(scores(pad(ink, _STEP)[None, None]), [numbers[character] for character in line.text])
            if cut := _cut(ink, line.text, found):
                cuts.append(cut)
        if len(cuts) >= _FEWEST:
            writers.append(tuple(cuts))
    return writers


def _cut(ink: Ink, text: str, letters: Sequence[Letter]) -> Cut | None:
    sure = [letter.probability >= _SURE for letter in letters]
    if sum(sure) < _LEAST_SURE * len(letters):
        return None
    starts, ends = _edges(letters, ink.shape[1])
    ink = _upright(((ink - _PALE) / (_DARK - _PALE)).clip(0, 1))
    reaches = [
        _reach(ink[:, start:end]) if letter in _LOW and known else None
        for letter, known, start, end in zip(text, sure, starts.tolist(), ends.tolist(), strict=True)
    ]
    standing = [i for i, reach in enumerate(reaches) if reach]
    if len(standing) < _NEAR:
        return None
    low = np.array([reach for reach in reaches if reach])
    feet = np.array([np.median(low[_nearest(standing, i), 1]) for i in range(len(text))])
    small = float(np.clip(np.median(low[:, 1] - low[:, 0]), *_SMALL_ROWS))
    lent = "".join(letter if known else "\0" for letter, known in zip(text, sure, strict=True))
    return Cut(ink, lent, starts, ends, feet, small)


def _edges(letters: Sequence[Letter], width: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Columns where letters begin and end: midway to their neighbours, but never far from where they are seen."""
    middles = np.array([(before.end + after.start) / 2 for before, after in pairwise(letters)])
    starts, ends = (np.array([getattr(letter, name) for letter in letters]) for name in ("start", "end"))
    first = np.maximum(np.append(-np.inf, middles), starts - _FAR)
    last = np.minimum(np.append(middles, np.inf), ends + _FAR)
    columns = [np.clip(frames * _FRAME, 0, width).round().astype(np.int64) for frames in (first, last)]
    return columns[0], columns[1]


def _upright(ink: Ink) -> Ink:
    """A line without its slant, so that a letter's tall strokes stand above it and not above its neighbours.

    Of all slants the one that gathers the ink in the fewest columns (Vinciarelli & Luettin 2001).
    """
    return max((_sheared(ink, slant) for slant in _SLANTS), key=lambda line: float(np.square(line.sum(axis=0)).sum()))


def _sheared(ink: Ink, slant: float) -> Ink:
    matrix = np.array([[1, slant, -slant * _MIDDLE], [0, 1, 0]], np.float32)
    return np.asarray(cv2.warpAffine(ink, matrix, ink.shape[::-1], flags=cv2.INTER_LINEAR), np.float32)


def _reach(ink: Ink) -> tuple[int, int] | None:
    """The rows of a small letter: around its fullest one, as far as there is ink; neighbouring lines are not in it."""
    rows = np.convolve(ink.sum(axis=1), np.ones(3) / 3, mode="same")
    fullest = int(rows[16:56].argmax()) + 16
    thin = np.flatnonzero(rows < _THIN * rows[fullest])
    above, below = thin[thin < fullest], thin[thin > fullest]
    if rows[fullest] < 1 or not len(above) or not len(below):
        return None
    return int(above[-1]) + 1, int(below[0])


def _nearest(places: Sequence[int], place: int) -> NDArray[np.int64]:
    return np.argsort(np.abs(np.array(places) - place), kind="stable")[:_NEAR]


class PenHand:
    """A real writer of any text; what they never wrote, a font adds.

    Args:
        writer: Their lines.
        helper: The font; it must have all letters of the texts.
        rng: Decides which of the pieces are taken.
    """

    def __init__(self, writer: Writer, helper: Path, rng: np.random.Generator) -> None:
        self._writer, self._rng = writer, rng
        drawn = font(helper, DRAWN)
        height = max(6, -int(drawn.getbbox("x", anchor="ls")[1]))
        self._font = font(helper, max(8, min(2 * DRAWN, round(DRAWN * _SMALL / height))))
        self.space = 0.5 * _SMALL

    def word(self, text: str) -> tuple[Ink, float]:
        """See `Hand.word`."""
        pieces = list(self._pieces(text))
        strip = np.zeros((3 * DRAWN, sum(piece.shape[1] for piece in pieces) + 4 * DRAWN), np.float32)
        x = DRAWN
        for piece in pieces:
            place = strip[:, x : x + piece.shape[1]]
            np.maximum(place, piece, out=place)
            x += piece.shape[1]
        return strip, float(x - DRAWN)

    def _pieces(self, text: str) -> Iterable[Ink]:
        strokes = text.translate(_SAME_STROKES)
        done = 0
        while done < len(text):
            longest = min(_LONGEST, len(text) - done)
            for length in range(longest, 0, -1):
                written = self._written(strokes[done : done + length])
                if written:
                    yield self._lent(*written, length)
                    break
            else:
                length = 1
                yield self._added(text[done])
            done += length

    def _written(self, strokes: str) -> tuple[Cut, int] | None:
        """One of the places where the writer wrote these letters at a stretch."""
        places = [(cut, at) for cut in self._writer for at in _places(cut.text, strokes)]
        return places[int(self._rng.integers(len(places)))] if places else None

    def _lent(self, cut: Cut, at: int, length: int) -> Ink:
        start, end = cut.starts[at], max(cut.ends[at + length - 1], cut.starts[at] + 2)
        piece = cut.ink[:, start:end]
        scale = _SMALL / cut.small
        foot = float(cut.feet[at : at + length].mean())
        matrix = np.array([[scale, 0, 0], [0, scale, 2 * DRAWN - scale * foot]], np.float32)
        size = (max(2, round(piece.shape[1] * scale)), 3 * DRAWN)
        return np.asarray(cv2.warpAffine(piece, matrix, size, flags=cv2.INTER_LINEAR), np.float32)

    def _added(self, letter: str) -> Ink:
        width = max(2, round(self._font.getlength(letter)))
        strip = Image.new("L", (width, 3 * DRAWN), 0)
        ImageDraw.Draw(strip).text((0, 2 * DRAWN), letter, fill=255, font=self._font, anchor="ls")
        return np.asarray(strip, np.float32) / 255.0


def _places(text: str, part: str) -> Iterable[int]:
    at = text.find(part)
    while at >= 0:
        yield at
        at = text.find(part, at + 1)
