"""The embedded reader: a small network that runs on any CPU, its weights inside the package."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from manuscribe.document import Alternative, Character, Line, Polygon
from manuscribe.engines.openvino import OpenVinoModel, available_cores
from manuscribe.errors import UsageError
from manuscribe.models.files import ModelFile, embedded
from manuscribe.readers.compact.decoding import (
    Fusion,
    Letter,
    Scores,
    beam,
    greedy,
    locate,
    log_probability,
    restrict,
)
from manuscribe.readers.compact.lines import is_squeezed, pad, scaled_width, to_height, to_ink
from manuscribe.readers.compact.scripts import ScriptScores, letters_of_scripts, scripts_of
from manuscribe.readers.compact.signals import signals_of
from manuscribe.readers.options import ReaderOptions
from manuscribe.readers.trust.signals import Signals
from manuscribe.text.characters import CharacterModel
from manuscribe.text.charset import SCRIPTS, charset

# Widths come in steps: the engine prepares itself anew for every width that it has not seen.
_WIDTH_STEP = 64
_PIXELS_A_FRAME = 4
_CHARACTERS = "characters"
_BEAMS = 8
# Of the character model beside the network; chosen on groups held out of the training lines.
_WEIGHT, _BONUS = 0.6, 1.8
# Nats a letter that a reading in the page's script may be less probable than one in another. What is really written in
# another script mostly loses more (measured on held-out lines).
_DOUBT = 1.2
_BEHIND = 6.0  # nats; whoever wants other readings gets them however improbable
_PLAIN = 0.8  # share of a well-read page's letters from which on there is no doubt about its script
# Nats a letter by which Latin must lead. The network saw Latin pens and only rendered Cyrillic ones: on held-out pages,
# all Latin, the lead is 1.1 and more, however badly they are read; this is half of that.
_LEAD = 0.55
_SAMPLE = 8  # lines that speak for their page
SQUEEZED = "squeezed: the line is too long for its height"


@dataclass(frozen=True, slots=True)
class _Reading:
    """A line with what it was read from.

    Attributes:
        size: Of its image, height and width.
        score: Of its text, in nats.
        letters: Of its text, those of outer spaces left out.
        texts: That were found, with their probabilities among themselves, the best first.
    """

    line: Line
    scores: Scores
    size: tuple[int, int]
    score: float
    letters: list[Letter]
    texts: list[tuple[list[int], float]]


class CompactReader:
    """Implements `readers.protocol.LineReader` with the embedded weights, or with `model`'s."""

    name = "compact"

    def __init__(self, options: ReaderOptions, model: ModelFile | None = None) -> None:
        model = model or embedded("compact")
        self._options, self._width = options, _width(options)
        self._characters = model.charset
        self._fusion = _fusion(model) if self._width > 1 else None
        self.version = f"{model.version}+{embedded(_CHARACTERS).version}" if self._fusion else model.version
        self._judging = options.beams or _BEAMS
        language = {"language": options.language} if options.language else {}
        self.conditions = {"beams": str(self._judging if self._width > 1 else 1), **language}
        self._allowed = self._mask(options.language)
        self._scripts = {name: ScriptScores(model.charset, name) for name in SCRIPTS}
        threads = options.threads or available_cores()
        # Lines side by side, a thread each: faster than all threads on one line, and no line depends on another.
        self._network = OpenVinoModel(model.path, threads=threads, streams=threads)

    def read(self, lines: Sequence[NDArray[np.uint8]], *, of_one_page: bool = False) -> list[Line]:
        """Read line images (uint8, H×W or H×W×3 RGB); see `LineReader.read`."""
        readings = self._network.map(self._read, lines)
        return [reading.line for reading in self._settled_together(readings, of_one_page)]

    def read_with_signals(
        self, lines: Sequence[NDArray[np.uint8]], *, of_one_page: bool = False
    ) -> list[tuple[Line, Signals]]:
        """As `read`, with the signals of each reading; see `TellingReader`."""
        found = self._network.map(self._read_and_judge, lines)
        readings = self._settled_together([reading for reading, _ in found], of_one_page)
        return [
            (settled.line, signals if settled is reading else self._signals(settled))
            for settled, (reading, signals) in zip(readings, found, strict=True)
        ]

    def _read_and_judge(self, line: NDArray[np.uint8]) -> tuple[_Reading, Signals]:
        reading = self._read(line)
        return reading, self._signals(reading)

    def _signals(self, reading: _Reading) -> Signals:
        return signals_of(reading.scores, reading.letters, reading.texts[: self._judging], self._fusion)

    def _settled_together(self, readings: list[_Reading], of_one_page: bool) -> list[_Reading]:
        if of_one_page and self._fusion and self._options.language is None:
            return self._in_one_script(readings)
        return readings

    def _read(self, line: NDArray[np.uint8]) -> _Reading:
        # The network also gives frames for the padding on the right; they read as blanks.
        (scores,) = self._network(pad(to_ink(to_height(_grey(line))), _WIDTH_STEP)[None, None])
        return self._decode(self._of_language(scores[0]), 0.0, line.shape[:2])

    def _of_language(self, scores: Scores) -> Scores:
        language = self._options.language
        if language is None or self._allowed is None:
            return scores
        alone = [self._scripts[name] for name in scripts_of(charset(language))]
        return restrict(alone[0](scores)[0] if len(alone) == 1 else scores, self._allowed)

    def _in_one_script(self, readings: list[_Reading]) -> list[_Reading]:
        """A page's lines in the script that explains them best together.

        Lines that are clearly written in another script stay as they are; lines that might be either follow the page.
        """
        page = self._script_of_page(readings)
        return [r if scripts_of(r.line.text) <= {page} else self._settled(r, page) for r in readings]

    def _script_of_page(self, readings: list[_Reading]) -> str:
        letters = letters_of_scripts("".join(reading.line.text for reading in readings))
        total = sum(letters.values())
        most = max(letters, key=lambda name: letters[name])
        well_read = sum(reading.score for reading in readings) > 0  # the bonus for each letter is in it
        if well_read and letters[most] >= _PLAIN * total:
            return most
        sample = sorted(readings, key=lambda reading: -len(reading.line.text))[:_SAMPLE]
        lead = _LEAD * sum(len(reading.line.text) for reading in sample)
        return max(letters, key=lambda name: self._score(sample, name) - lead * (name == "LATIN"))

    def _score(self, readings: list[_Reading], name: str) -> float:
        return sum(self._in_script(reading, name).score for reading in readings)

    def _settled(self, reading: _Reading, page: str) -> _Reading:
        choice = self._in_script(reading, page)
        return choice if choice.score > reading.score - _DOUBT * len(reading.line.text) else reading

    def _in_script(self, reading: _Reading, name: str) -> _Reading:
        return self._decode(*self._scripts[name](reading.scores), reading.size)

    def _mask(self, language: str | None) -> NDArray[np.bool_] | None:
        if language is None:
            return None
        allowed = set(charset(language))
        return np.array([True, *(character in allowed for character in self._characters)])

    def _decode(self, scores: Scores, share: float, size: tuple[int, int]) -> _Reading:
        """Read scores that were shared out anew before, when all frames' together were `share` nats."""
        if self._width == 1:
            letters = greedy(scores)
            numbers = [letter.number for letter in letters]
            score = share + log_probability(scores, numbers)
            texts = [(numbers, _probability(score))]
        else:
            behind = _BEHIND if self._options.nbest == 1 else math.inf
            found = beam(scores, self._width, self._fusion, behind)
            score, texts = share + found[0][1], self._distinct(found)
            letters = locate(scores, texts[0][0])
        others = texts[1 : self._options.nbest]
        letters = self._inner(letters)
        characters = self._characters_of(letters, size)
        line = Line(
            text="".join(character.text for character in characters),
            confidence=texts[0][1],
            characters=characters,
            alternatives=tuple(Alternative(self._text(numbers), confidence) for numbers, confidence in others),
            notes=(SQUEEZED,) if is_squeezed(*size) else (),
        )
        return _Reading(line, scores, size, score, letters, texts)

    def _distinct(self, texts: list[tuple[list[int], float]]) -> list[tuple[list[int], float]]:
        """Readings with how probable each is among all that were found.

        Those that differ in outer spaces only are one, and as probable as all of them together.
        """
        merged: dict[str, tuple[list[int], float]] = {}
        for numbers, score in texts:
            first, before = merged.get(self._text(numbers), (numbers, -np.inf))
            merged[self._text(numbers)] = (first, float(np.logaddexp(before, score)))
        ranked = sorted(merged.values(), key=lambda reading: -reading[1])
        # Asking for more readings must not make the best one less sure: those far behind have no part in the sum.
        near = [score for _, score in ranked[: self._judging] if score >= ranked[0][1] - _BEHIND]
        total = float(np.logaddexp.reduce(near))
        return [(numbers, _probability(score - total)) for numbers, score in ranked]

    def _inner(self, letters: list[Letter]) -> list[Letter]:
        """The letters without outer spaces."""
        written = [k for k, letter in enumerate(letters) if self._text([letter.number])]
        return letters[written[0] : written[-1] + 1] if written else []

    def _characters_of(self, letters: list[Letter], size: tuple[int, int]) -> tuple[Character, ...]:
        return tuple(
            Character(self._characters[letter.number - 1], round(letter.probability, 4), box)
            for letter, box in zip(letters, _boxes(letters, size), strict=True)
        )

    def _text(self, numbers: list[int]) -> str:
        return "".join(self._characters[number - 1] for number in numbers).strip()


def _width(options: ReaderOptions) -> int:
    """Beams that are kept: some more than the readings asked for, since a few may turn out to be the same text."""
    for name in ("fit", "engine", "precision", "draft", "revision"):
        if getattr(options, name) != ReaderOptions.model_fields[name].default:
            raise UsageError(f"The embedded reader has no {name}.", f"Leave --{name} out; it is for checkpoints.")
    return max(options.beams or _BEAMS, options.nbest + 4 if options.nbest > 1 else 1)


def _fusion(model: ModelFile) -> Fusion | None:
    """The character model, if it knows the reader's letters by the same numbers."""
    characters = embedded(_CHARACTERS)
    if characters.charset != model.charset:
        return None
    return Fusion(CharacterModel.load(characters.path), _WEIGHT, _BONUS)


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
