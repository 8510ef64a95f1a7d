"""The embedded reader: a small network that runs on any CPU, its weights inside the package."""

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from manuscribe.document import Alternative, Character, Line, Polygon
from manuscribe.engines.openvino import OpenVinoModel, available_cores
from manuscribe.models.files import ModelFile, embedded
from manuscribe.readers.compact.decoding import (
    Letter,
    Scores,
    beam,
    greedy,
    locate,
    log_probability,
    restrict,
)
from manuscribe.readers.compact.lines import HEIGHT, pad, to_height, to_ink
from manuscribe.readers.options import ReaderOptions
from manuscribe.text.charset import charset

# Widths come in steps: the engine prepares itself anew for every width that it has not seen.
_WIDTH_STEP = 64
_PIXELS_A_FRAME = 4


class CompactReader:
    """Implements `readers.protocol.LineReader` with the embedded weights, or with `model`'s."""

    name = "compact"

    def __init__(self, options: ReaderOptions, model: ModelFile | None = None) -> None:
        model = model or embedded("compact")
        self._options = options
        self._characters = model.charset
        self.version = model.version
        self._allowed = self._mask(options.language)
        threads = options.threads or available_cores()
        # Lines side by side, a thread each: faster than all threads on one line, and no line depends on another.
        self._network = OpenVinoModel(model.path, threads=threads, streams=threads)

    def read(self, lines: Sequence[NDArray[np.uint8]]) -> list[Line]:
        """Read line images (uint8, H×W or H×W×3 RGB); see `LineReader.read`."""
        inputs = [pad(to_ink(to_height(_grey(line))), _WIDTH_STEP)[None, None] for line in lines]
        scores = self._network.map(inputs)
        return [self._decode(score[0][0], line.shape[:2]) for score, line in zip(scores, lines, strict=True)]

    def _mask(self, language: str | None) -> NDArray[np.bool_] | None:
        if language is None:
            return None
        allowed = set(charset(language))
        return np.array([True, *(character in allowed for character in self._characters)])

    def _decode(self, scores: Scores, size: tuple[int, int]) -> Line:
        # The network also gives frames for the padding on the right; they read as blanks.
        if self._allowed is not None:
            scores = restrict(scores, self._allowed)
        if self._options.width == 1:
            letters = greedy(scores)
            numbers = [letter.number for letter in letters]
            return self._line(letters, log_probability(scores, numbers), [], size)
        texts = beam(scores, self._options.width)
        numbers, score = texts[0]
        return self._line(locate(scores, numbers), score, texts[1 : self._options.nbest], size)

    def _line(
        self,
        letters: list[Letter],
        score: float,
        others: list[tuple[list[int], float]],
        size: tuple[int, int],
    ) -> Line:
        letters = self._trim(letters)
        characters = tuple(
            Character(self._characters[letter.number - 1], round(letter.probability, 4), box)
            for letter, box in zip(letters, _boxes(letters, size), strict=True)
        )
        return Line(
            text="".join(character.text for character in characters),
            confidence=_probability(score),
            characters=characters,
            alternatives=tuple(Alternative(self._text(numbers), _probability(other)) for numbers, other in others),
        )

    def _trim(self, letters: list[Letter]) -> list[Letter]:
        spaces = [self._characters[letter.number - 1] == " " for letter in letters]
        while letters and spaces[0]:
            letters, spaces = letters[1:], spaces[1:]
        while letters and spaces[-1]:
            letters, spaces = letters[:-1], spaces[:-1]
        return letters

    def _text(self, numbers: list[int]) -> str:
        return "".join(self._characters[number - 1] for number in numbers).strip()


def _boxes(letters: Sequence[Letter], size: tuple[int, int]) -> list[Polygon]:
    """Where letters stand in the line image, over its whole height.

    CTC sees a letter in a frame or two near its middle, so two letters meet halfway between their frames.
    """
    if not letters:
        return []
    height, width = size
    gaps = [after.start - before.end for before, after in pairwise(letters)]
    first, last = letters[0], letters[-1]
    edges = [first.start - (gaps[0] if gaps else 2) / 2]
    edges += [(before.end + after.start) / 2 for before, after in pairwise(letters)]
    edges += [last.end + (gaps[-1] if gaps else 2) / 2]
    scale = height / HEIGHT * _PIXELS_A_FRAME
    places = np.clip(np.array(edges) * scale, 0, width).round(2).tolist()
    return [((x, 0.0), (end, 0.0), (end, float(height)), (x, float(height))) for x, end in pairwise(places)]


def _probability(score: float) -> float:
    return round(float(np.exp(min(score, 0.0))), 4)


def _grey(line: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return line if line.ndim == 2 else np.asarray(cv2.cvtColor(line, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
