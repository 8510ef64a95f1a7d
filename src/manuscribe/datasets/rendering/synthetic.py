"""Lines of handwriting rendered from fonts, made to look like pens on paper.

A word is drawn at a time, so that its height, slant and place on the line can waver as a hand does; then the
whole line is bent, its ink is thinned or thickened, and it is laid on paper with rules, stains, the lines above and
below, and the other side shining through. After Wigington et al. 2017 (elastic grids) and Kang et al. 2020.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from manuscribe.datasets.rendering.borrowed import BORROWERS, SHAPED, BorrowedHand, can_lend
from manuscribe.datasets.rendering.hands import DRAWN, Face, FontHand, Hand, Ink
from manuscribe.datasets.rendering.pens import PenHand, Writer
from manuscribe.datasets.rendering.texts import TextSource
from manuscribe.errors import InputError

HEIGHT = 64
_COVERED = 0.95  # share of a language's letters, as they occur, that at least one font has
_TRIES = 1000  # texts that are drawn until a font has all their characters
_PENNED = 0.6  # share of other lines that are written with cuttings of real pens, where there are some
_KEPT = 0.5  # share of a language's lines that are written in the fonts kept to it, where there are some
_BORROWED = 0.6  # share of other Cyrillic lines that are written with the strokes of Latin fonts
_BASELINE = 0.70  # where the baseline lies in a cut line, as a share of its height


class LineRenderer:
    """Draws lines in the hands of many fonts.

    Args:
        faces: Fonts to choose from; a text is only drawn in a font that has all its characters, and in one that is
            kept to a language only if it is in that language.
        source: Where texts come from.
        writers: Real writers who lend their strokes.

    Raises:
        InputError: No font has the letters of one of the source's languages.
    """

    def __init__(self, faces: Sequence[Face], source: TextSource, writers: Sequence[Writer] = ()) -> None:
        self._faces = [face for face in faces if face.language is None]
        self._kept = [face for face in faces if face.language is not None]
        self._source = source
        self._writers = writers
        self._lenders = [face for face in self._faces if can_lend(face.characters)]
        for language, letters in source.letters().items():
            able = [face.characters for face in faces if face.language in (None, language)]
            best = max((sum(letters[sign] for sign in letters.keys() & characters) for characters in able), default=0)
            if best < _COVERED * letters.total():
                raise InputError(f"No font has the letters of '{language}'.", "Add a font that has them.")

    def draw(self, language: str, length: int, rng: np.random.Generator) -> tuple[NDArray[np.uint8], str]:
        """A line image (uint8, 64 × W, grey, dark ink on light paper) and its text.

        Raises:
            InputError: No font has what the texts need.
        """
        for _ in range(_TRIES):
            text = self._source.draw(language, length, rng)
            hand = self._hand(text, language, rng)
            if hand:
                break
        else:
            raise InputError(f"No font can write '{text[:40]}'.", "Add fonts with more characters.")
        ink = _write(text, hand, rng)
        ink = _bend(_scale(ink, rng), rng)
        ink = _neighbours(ink, rng)
        return _on_paper(_press(ink, rng), rng), text

    def _hand(self, text: str, language: str, rng: np.random.Generator) -> Hand | None:
        """A hand that can write a text."""
        needed = set(text) - {" "}
        kept = [face for face in self._kept if face.language == language and needed <= face.characters]
        able = [face for face in self._faces if needed <= face.characters]
        if kept and (not able or rng.random() < _KEPT):
            return FontHand(kept[int(rng.integers(len(kept)))].path)
        if able and self._writers and rng.random() < _PENNED:
            writer = self._writers[int(rng.integers(len(self._writers)))]
            return PenHand(writer, able[int(rng.integers(len(able)))].path, rng)
        if language in BORROWERS and self._lenders and rng.random() < _BORROWED:
            face = self._lenders[int(rng.integers(len(self._lenders)))]
            if needed - SHAPED <= face.characters:
                return BorrowedHand(face.path, int(rng.integers(2**16)))
        if not able:
            return None
        return FontHand(able[int(rng.integers(len(able)))].path)


def _ink(values: object) -> Ink:
    """OpenCV's results are loosely typed; this says what they are, without a copy."""
    return np.asarray(values, dtype=np.float32)


def _write(text: str, hand: Hand, rng: np.random.Generator) -> Ink:
    """The words side by side on one baseline, in a strip of 3 font sizes with the baseline at 2."""
    words = [hand.word(word) for word in text.split(" ")]
    space = max(hand.space, 6.0) * rng.uniform(0.7, 1.9)
    width = int(sum(advance for _, advance in words) + len(words) * (space * 1.5 + 4) + 4 * DRAWN)
    ink = np.zeros((3 * DRAWN, width), np.float32)
    x, waver, drift = 0.0, rng.uniform(0, 2.0), 0.0
    for word, advance in words:
        drift = 0.7 * drift + rng.normal(0, waver)
        place = ink[:, int(x) : int(x) + word.shape[1]]
        np.maximum(place, np.roll(word, round(drift), axis=0)[:, : place.shape[1]], out=place)
        x += advance + space * rng.uniform(0.6, 1.5)
    if rng.random() < 0.04:
        _strike_out(ink, rng)
    return ink[:, : int(x + 2 * DRAWN)]


def _strike_out(ink: Ink, rng: np.random.Generator) -> None:
    start = int(rng.integers(0, max(1, ink.shape[1] - 60)))
    y = int(DRAWN * 2 - rng.uniform(0.05, 0.4) * DRAWN)
    cv2.line(
        ink,
        (start, y),
        (start + int(rng.integers(30, 200)), y + int(rng.integers(-5, 6))),
        1.0,
        int(rng.integers(1, 4)),
        cv2.LINE_AA,
    )


def _scale(ink: Ink, rng: np.random.Generator) -> Ink:
    """Slant, stretch and place the strip in 64 rows, cut tightly to its left and right ends."""
    columns = np.flatnonzero(ink.max(axis=0) > 0.3)
    rows = np.flatnonzero(ink.max(axis=1) > 0.3)
    left, right = (int(columns[0]), int(columns[-1])) if len(columns) else (0, ink.shape[1] - 1)
    above, below = (2 * DRAWN - int(rows[0]), int(rows[-1]) - 2 * DRAWN) if len(rows) else (DRAWN, DRAWN // 3)
    # A cut line is scaled by how far its tallest letters and deepest tails reach, give or take.
    reach = max(above / _BASELINE, below / (1 - _BASELINE), DRAWN * 0.8)
    scale_y = HEIGHT / (reach * rng.uniform(0.95, 1.35))
    scale_x = scale_y * rng.uniform(0.75, 1.25)
    slant = rng.normal(0, 0.18)
    margins = rng.uniform(1, 14, size=2)
    width = int((right - left) * scale_x + abs(slant) * HEIGHT * 0.6 + margins.sum()) + 4
    tilt = rng.normal(0, 0.6) / 64
    baseline = HEIGHT * _BASELINE + rng.normal(0, 2.5)
    # x' = sx·x − slant·sy·(y − baseline), y' = sy·y + tilt·x
    matrix = np.array(
        [
            [
                scale_x,
                -slant * scale_y,
                margins[0] - left * scale_x + slant * scale_y * 2 * DRAWN + max(0.0, -slant) * HEIGHT * 0.6,
            ],
            [tilt * scale_y * 0.2, scale_y, baseline - 2 * DRAWN * scale_y],
        ],
        dtype=np.float32,
    )
    smoothly = cv2.INTER_AREA if scale_y < 0.7 else cv2.INTER_LINEAR
    return _ink(cv2.warpAffine(ink, matrix, (max(8, width), HEIGHT), flags=smoothly))


def _bend(ink: Ink, rng: np.random.Generator) -> Ink:
    """Elastic displacement on a coarse grid (Wigington et al. 2017)."""
    height, width = ink.shape
    grid = (max(3, width // int(rng.integers(12, 40))), 4)
    shift = [
        cv2.resize(rng.normal(0, s, grid[::-1]).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
        for s in (1.6, 1.2)
    ]
    x, y = np.meshgrid(_uneven(width, rng), np.arange(height, dtype=np.float32))
    return _ink(cv2.remap(ink, x + shift[0], y + shift[1], cv2.INTER_LINEAR))


def _uneven(width: int, rng: np.random.Generator) -> Ink:
    """Where each column is taken from when letters are now narrower, now wider, as no font's are."""
    if rng.random() < 0.4:
        return np.arange(width, dtype=np.float32)
    pace = np.exp(rng.normal(0, 0.2, max(2, width // int(rng.integers(16, 64)))))
    steps = cv2.resize(pace[None].astype(np.float32), (width, 1), interpolation=cv2.INTER_LINEAR)[0]
    places = np.cumsum(steps) - steps[0]
    return _ink(places * (width - 1) / max(float(places[-1]), 1.0))


def _press(ink: Ink, rng: np.random.Generator) -> Ink:
    """Pen width and pressure: thicker, thinner, uneven, broken, blurred."""
    choice = rng.random()
    if choice < 0.25:
        ink = _ink(cv2.dilate(ink, np.ones((2, int(rng.integers(1, 3))), np.uint8)))
    elif choice < 0.4:
        ink = np.clip((ink - 0.35) * 1.5, 0, 1)
    height, width = ink.shape
    pressure = cv2.resize(
        rng.uniform(0.55, 1.25, (3, max(2, width // 24))).astype(np.float32),
        (width, height),
        interpolation=cv2.INTER_CUBIC,
    )
    ink = ink * pressure
    if rng.random() < 0.6:
        ink = _ink(cv2.GaussianBlur(ink, (0, 0), rng.uniform(0.4, 1.1)))
    return np.clip(ink, 0, 1)


def _neighbours(ink: Ink, rng: np.random.Generator) -> Ink:
    """Tails of the line above and heads of the line below, taken from the line itself."""
    if rng.random() < 0.45:
        return ink
    other = np.roll(ink[:, ::-1] if rng.random() < 0.5 else ink, int(rng.integers(10, 90)), axis=1)
    shift = int(rng.integers(34, 56))
    strip = np.zeros_like(ink)
    if rng.random() < 0.5:
        strip[: HEIGHT - shift] = other[shift:]
    else:
        strip[shift:] = other[: HEIGHT - shift]
    return np.maximum(ink, strip)


def _on_paper(ink: Ink, rng: np.random.Generator) -> NDArray[np.uint8]:
    height, width = ink.shape
    paper = np.full((height, width), rng.uniform(0.62, 1.0), np.float32)
    if rng.random() < 0.6:
        tone = rng.normal(0, 0.05, (3, max(2, width // 80))).astype(np.float32)
        paper += cv2.resize(tone, (width, height), interpolation=cv2.INTER_CUBIC)
    if rng.random() < 0.25:
        _rule(paper, rng)
    if rng.random() < 0.2:  # the other side of the sheet shines through
        ghost = cv2.GaussianBlur(np.roll(ink[:, ::-1], int(rng.integers(-20, 20)), axis=0), (0, 0), 1.5)
        paper -= ghost * rng.uniform(0.03, 0.15)
    darkness = rng.uniform(0.25, 0.95)
    image = paper * (1 - ink * darkness)
    image += np.asarray(rng.normal(0, rng.uniform(0.0, 0.04), image.shape), np.float32)
    return np.asarray(np.clip(image * 255, 0, 255), dtype=np.uint8)


def _rule(paper: Ink, rng: np.random.Generator) -> None:
    """Ruled or squared paper."""
    depth, thickness = float(rng.uniform(0.05, 0.3)), int(rng.integers(1, 3))
    height, width = paper.shape
    y = int(height * (_BASELINE + rng.uniform(-0.08, 0.12)))
    pitch = int(rng.integers(14, 60))
    squared = rng.random() < 0.5
    for row in range(y % pitch if squared else y, height, pitch):
        paper[row : row + thickness] -= depth
    if squared:
        for column in range(int(rng.integers(pitch)), width, pitch):
            paper[:, column : column + thickness] -= depth
