"""The embedded reader: a small network that runs on any CPU, its weights inside the package."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from manuscribe.document import Line
from manuscribe.engines.openvino import OpenVinoModel, available_cores
from manuscribe.errors import UsageError
from manuscribe.images.tones import is_negative, softened
from manuscribe.models.files import ModelFile, embedded
from manuscribe.readers.compact.framing import framed
from manuscribe.readers.compact.languages import SAMPLE, Languages, models_file
from manuscribe.readers.compact.lines import pad, scaled_width, to_height, to_ink
from manuscribe.readers.compact.reading import BEAMS, Decoder, Reading, Seen
from manuscribe.readers.compact.scripts import LanguageScores
from manuscribe.readers.compact.signals import signals_of
from manuscribe.readers.options import ReaderOptions
from manuscribe.readers.trust.signals import Signals

# Widths come in steps: the engine prepares itself anew for every width that it has not seen.
_WIDTH_STEP = 64

# Of a line's height; with twice as much lines in black and white are read as badly as without.
_SOFT = 0.0125

Told = TypeVar("Told")


class CompactReader:
    """Implements `readers.protocol.LineReader` with the embedded weights, or with `model`'s."""

    name = "compact"

    def __init__(self, options: ReaderOptions, model: ModelFile | None = None) -> None:
        self._model = model = model or embedded("compact")
        _check(options)
        beams = options.beams or BEAMS
        self._decoder = Decoder(model.charset, beams, options.nbest)
        # Without beams there is nothing that a character model could choose among.
        self._languages = Languages.embedded(self._decoder, model.charset) if beams > 1 else None
        self.version = f"{model.version}+{models_file().version}" if self._languages else model.version
        language = {"language": options.language} if options.language else {}
        self.conditions = {"beams": str(beams), **language}
        self._told = LanguageScores(model.charset, options.language) if options.language else None
        self._threads = options.threads or available_cores()
        # Lines side by side, a thread each: faster than all threads on one line, and no line depends on another.
        self._network = OpenVinoModel(model.path, threads=self._threads, streams=self._threads)

    def read(self, lines: Sequence[NDArray[np.uint8]], *, of_one_page: bool = False) -> list[Line]:
        """Read line images (uint8, H×W or H×W×3 RGB); see `LineReader.read`."""
        return list(self._map(lines, of_one_page, lambda reading: reading.line))

    def read_with_signals(
        self, lines: Sequence[NDArray[np.uint8]], *, of_one_page: bool = False
    ) -> Iterator[tuple[Line, Signals]]:
        """As `read`, with the signals of each reading; see `TellingReader`."""
        return self._map(lines, of_one_page, lambda reading: (reading.line, _signals(reading)))

    def _map(
        self, lines: Sequence[NDArray[np.uint8]], of_one_page: bool, tell: Callable[[Reading], Told]
    ) -> Iterator[Told]:
        """What is to be told of each line; while one is with the network, another is decoded."""
        network = self._network if len(lines) > 1 else self._on_all_threads
        # What was cut out of a page along its baselines is level and of the usual size.
        look = partial(self._look, network=network, frame=not of_one_page)
        seen: dict[int, Seen] = {}
        read: Callable[[Seen], Reading] = self._read
        if of_one_page and self._languages and self._told is None and lines:
            longest = sorted(range(len(lines)), key=lambda i: -scaled_width(*lines[i].shape[:2]))[:SAMPLE]
            seen = dict(zip(longest, network.map(look, [lines[i] for i in longest]), strict=True))
            page = self._languages.of_page(list(seen.values()))
            read = partial(self._languages.on_page, page=page)
        return network.map(lambda i: tell(read(seen.get(i) or look(lines[i]))), range(len(lines)))

    @staticmethod
    def _look(line: NDArray[np.uint8], network: OpenVinoModel, *, frame: bool) -> Seen:
        grey = framed(_positive(line)) if frame else _grey(line)
        # The network also gives frames for the padding on the right; they read as blanks.
        (scores,) = network(pad(to_ink(to_height(grey)), _WIDTH_STEP)[None, None])
        return Seen(scores[0], line.shape[:2], rows=len(grey))

    def _read(self, seen: Seen) -> Reading:
        """A line of which nothing is known but, perhaps, the language."""
        if self._told:
            fusion = self._languages.fusions[self._told.language] if self._languages else None
            return self._decoder(replace(seen, scores=self._told(seen.scores)), fusion)
        return self._languages.alone(seen) if self._languages else self._decoder(seen, None)

    @cached_property
    def _on_all_threads(self) -> OpenVinoModel:
        """For a line that comes alone."""
        if self._threads == 1:
            return self._network
        return OpenVinoModel(self._model.path, threads=self._threads)


def _check(options: ReaderOptions) -> None:
    for name in ("fit", "engine", "precision", "draft", "revision", "device"):
        if getattr(options, name) != ReaderOptions.model_fields[name].default:
            raise UsageError(f"The embedded reader has no {name}.", f"Leave --{name} out; it is for checkpoints.")


def _signals(reading: Reading) -> Signals:
    return signals_of(reading.seen.scores, reading.letters, reading.likelihood, reading.texts, reading.fusion)


def _positive(line: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Dark writing on light paper, in grey, also where the scan has black and white only."""
    grey = softened(_grey(line), _SOFT * len(line))
    return 255 - grey if is_negative(grey) else grey


def _grey(line: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return line if line.ndim == 2 else np.asarray(cv2.cvtColor(line, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
