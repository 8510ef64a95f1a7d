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
    Language,
    Letter,
    Scores,
    beam,
    greedy,
    locate,
    log_probability,
    restrict,
)
from manuscribe.readers.compact.lines import is_squeezed, pad, scaled_width, to_height, to_ink
from manuscribe.readers.options import ReaderOptions
from manuscribe.text.characters import CharacterModel
from manuscribe.text.charset import charset

# Widths come in steps: the engine prepares itself anew for every width that it has not seen.
_WIDTH_STEP = 64
_PIXELS_A_FRAME = 4
_CHARACTERS = "characters"
# Of the character model beside the network; chosen on groups held out of the training lines.
_WEIGHT, _BONUS = 0.35, 1.2
SQUEEZED = "squeezed: the line is too long for its height"


class CompactReader:
    """Implements `readers.protocol.LineReader` with the embedded weights, or with `model`'s."""

    name = "compact"

    def __init__(self, options: ReaderOptions, model: ModelFile | None = None) -> None:
        model = model or embedded("compact")
        self._options = options
        self._characters = model.charset
        self._language = _language(model) if options.width > 1 else None
        self.version = f"{model.version}+{embedded(_CHARACTERS).version}" if self._language else model.version
        self._allowed = self._mask(options.language)
        threads = options.threads or available_cores()
        # Lines side by side, a thread each: faster than all threads on one line, and no line depends on another.
        self._network = OpenVinoModel(model.path, threads=threads, streams=threads)

    def read(self, lines: Sequence[NDArray[np.uint8]]) -> list[Line]:
        """Read line images (uint8, H×W or H×W×3 RGB); see `LineReader.read`."""
        return self._network.map(self._read, lines)

    def _read(self, line: NDArray[np.uint8]) -> Line:
        (scores,) = self._network(pad(to_ink(to_height(_grey(line))), _WIDTH_STEP)[None, None])
        return self._decode(scores[0], line.shape[:2])

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
            texts = [(numbers, _probability(log_probability(scores, numbers)))]
        else:
            texts = self._distinct(beam(scores, self._options.width, self._language))
            letters = locate(scores, texts[0][0])
        others = texts[1 : self._options.nbest]
        characters = self._characters_of(letters, size)
        return Line(
            text="".join(character.text for character in characters),
            confidence=texts[0][1],
            characters=characters,
            alternatives=tuple(Alternative(self._text(numbers), confidence) for numbers, confidence in others),
            notes=(SQUEEZED,) if is_squeezed(*size) else (),
        )

    def _distinct(self, texts: list[tuple[list[int], float]]) -> list[tuple[list[int], float]]:
        """Readings with how probable each is among all that were found.

        Those that differ in outer spaces only are one, and as probable as all of them together.
        """
        merged: dict[str, tuple[list[int], float]] = {}
        for numbers, score in texts:
            first, before = merged.get(self._text(numbers), (numbers, -np.inf))
            merged[self._text(numbers)] = (first, float(np.logaddexp(before, score)))
        total = float(np.logaddexp.reduce([score for _, score in merged.values()]))
        ranked = sorted(merged.values(), key=lambda reading: -reading[1])
        return [(numbers, _probability(score - total)) for numbers, score in ranked]

    def _characters_of(self, letters: list[Letter], size: tuple[int, int]) -> tuple[Character, ...]:
        """The letters as characters, without outer spaces."""
        written = [k for k, letter in enumerate(letters) if self._text([letter.number])]
        inner = letters[written[0] : written[-1] + 1] if written else []
        return tuple(
            Character(self._characters[letter.number - 1], round(letter.probability, 4), box)
            for letter, box in zip(inner, _boxes(inner, size), strict=True)
        )

    def _text(self, numbers: list[int]) -> str:
        return "".join(self._characters[number - 1] for number in numbers).strip()


def _language(model: ModelFile) -> Language | None:
    """The character model, if it knows the reader's letters by the same numbers."""
    characters = embedded(_CHARACTERS)
    if characters.charset != model.charset:
        return None
    return Language(CharacterModel.load(characters.path), _WEIGHT, _BONUS)


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
    scale = width / scaled_width(height, width) * _PIXELS_A_FRAME
    places = np.clip(np.array(edges) * scale, 0, width).round(2).tolist()
    return [((x, 0.0), (end, 0.0), (end, float(height)), (x, float(height))) for x, end in pairwise(places)]


def _probability(score: float) -> float:
    return round(float(np.exp(min(score, 0.0))), 4)


def _grey(line: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return line if line.ndim == 2 else np.asarray(cv2.cvtColor(line, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
