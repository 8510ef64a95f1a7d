"""Reads lines with any TrOCR checkpoint."""

import math
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from manuscribe.document import Alternative, Character, Line
from manuscribe.errors import UsageError
from manuscribe.readers.compact.reader import CompactReader
from manuscribe.readers.embedding import Embedding
from manuscribe.readers.options import ReaderOptions
from manuscribe.readers.trocr.configuration import Generation
from manuscribe.readers.trocr.decoding import Written, beam, greedy
from manuscribe.readers.trocr.drafts import Checked, checked
from manuscribe.readers.trocr.guards import REPETITION, TRUNCATED, is_suspicious
from manuscribe.readers.trocr.images import SQUEEZED, is_squeezed, places_of, together
from manuscribe.readers.trocr.loading import Loaded, load
from manuscribe.readers.trocr.windows import join, spans_of
from manuscribe.readers.trust.signals import Signals

Grey = NDArray[np.uint8]
Result = TypeVar("Result")
_BATCH = 8  # lines; larger ones gain little on a CPU
_ATTENTION = _BATCH * 2 * 577**2  # places that look at each other in a batch: twice what those of the hub have
_FAR = 20.0  # nats; a greater difference says no more
_BANNED = 3  # tokens in a row that a second try must not repeat
_LESS = 5.0  # nats by which a second try may be less probable than a first one that came to its end
_SPARE = 4  # beams more than readings wanted, since several may be the same text


class TrocrReader:
    """Implements `readers.protocol.LineReader` with a checkpoint or a bundle: a folder, or a name on the hub.

    Args:
        loaded: What is there already under that name, while it is trained for example; loaded if left out.

    Raises:
        ModelError: See `loading.load`.
        UsageError: An option does not fit.
    """

    def __init__(self, name: str, options: ReaderOptions, loaded: Loaded | None = None) -> None:
        if options.language:
            raise UsageError(
                "A TrOCR checkpoint reads the languages that it learnt, and no other letters can be forbidden it.",
                "Leave --language out.",
            )
        loaded = loaded or load(name, options)
        self.name, self.version = name, loaded.version
        self._tokens, self._configuration, self._engine = loaded.tokens, loaded.configuration, loaded.engine
        wanted = options.nbest + _SPARE if options.nbest > 1 else 1
        usual = max(self._configuration.generation.num_beams, wanted)
        self._width = max(options.beams, options.nbest) if options.beams else usual
        self._nbest = options.nbest
        self._drafter = _drafter(options, self._width) if options.draft else None
        fit = self._configuration.preprocessing.fit
        precision = loaded.choices.get("precision") or options.precision or "fp32"
        self.conditions = {"beams": str(self._width), "fit": fit, "precision": precision}
        self.choices = {"fit": fit, "beams": str(self._width), **loaded.choices}

    def read(self, lines: Sequence[NDArray[np.uint8]], *, of_one_page: bool = False) -> list[Line]:  # noqa: ARG002
        """Read line images (uint8, H×W or H×W×3 RGB); see `LineReader.read`."""
        return [line for line, _ in self.read_with_signals(lines)]

    def read_with_signals(
        self,
        lines: Sequence[NDArray[np.uint8]],
        *,
        of_one_page: bool = False,  # noqa: ARG002
    ) -> list[tuple[Line, Signals]]:
        """As `read`, with the signals of each reading; see `TellingReader`. Lines that were joined have none."""
        fit = self._configuration.preprocessing.fit
        spans = [spans_of(line, fit) for line in lines]
        pieces = [line[:, start:end] for line, found in zip(lines, spans, strict=True) for start, end in found]
        readings = self._by_batches(pieces, self._read)
        if fit != "window":
            return readings
        windows = iter(line for line, _ in readings)
        return [(join([next(windows) for _ in found], found), Signals()) for found in spans]

    def _read(self, lines: Sequence[NDArray[np.uint8]]) -> list[tuple[Line, Signals]]:
        settings = self._configuration.generation
        texts = self.write(lines, settings)
        found = [self._line(some) for some in texts]
        doubtful = [n for n, line in enumerate(found) if is_suspicious(line.text, *lines[n].shape[:2])]
        if doubtful and not settings.no_repeat_ngram_size:
            careful = settings.model_copy(update={"no_repeat_ngram_size": _BANNED})
            for n, again in zip(doubtful, self.write([lines[n] for n in doubtful], careful), strict=True):
                first, second = texts[n][0], again[0]
                straight = not is_suspicious(self._text(second), *lines[n].shape[:2])
                if straight and (first.truncated or second.log_probability > first.log_probability - _LESS):
                    texts[n] = again + texts[n]
                    found[n] = self._line(texts[n])
        for n in doubtful:
            found[n] = replace(found[n], notes=(*found[n].notes, REPETITION))
        for n, image in enumerate(lines):
            if is_squeezed(image, self._configuration):
                found[n] = replace(found[n], notes=(*found[n].notes, SQUEEZED))
        return [(line, self._signals(some)) for line, some in zip(found, texts, strict=True)]

    def write(self, lines: Sequence[NDArray[np.uint8]], settings: Generation) -> list[list[Written]]:
        """The texts of some images as tokens, best first, decoded with other settings than the checkpoint's own."""
        if self._drafter is not None:
            return [[self.check(line, settings).written] for line in lines]
        images = together(lines, self._configuration)
        session = self._engine.begin(images, self._width, settings.max_length)
        if self._width == 1:
            return [[text] for text in greedy(session, len(lines), settings)]
        return beam(session, len(lines), self._width, settings)

    def check(self, line: Grey, settings: Generation) -> Checked:
        """The text of an image, with the embedded reader's text as a draft; needs the option `draft`."""
        if self._drafter is None:
            raise UsageError("There is no draft.", "Ask for one with draft=True.")
        (draft,) = self._drafter.read([line])
        session = self._engine.begin(together([line], self._configuration), 1, settings.max_length)
        return checked(session, self._tokens.tokens(draft.text), settings)

    def tokens(self, lines: Sequence[NDArray[np.uint8]]) -> list[tuple[int, ...]]:
        """The tokens of each image's best text, with the checkpoint's own settings."""
        settings = self._configuration.generation
        return self._by_batches(lines, lambda batch: [texts[0].tokens for texts in self.write(batch, settings)])

    def embed(self, lines: Sequence[NDArray[np.uint8]]) -> list[Embedding]:
        """What the encoder makes of line images; see `Embedding`."""
        return self._by_batches(lines, self._embed)

    def _embed(self, lines: Sequence[NDArray[np.uint8]]) -> list[Embedding]:
        images, encoder = together(lines, self._configuration), self._configuration.encoder
        states = self._engine.embed(images)
        across = images.pixels.shape[3] // encoder.patch_size[1]
        filled = [across] * len(lines) if images.columns is None else images.columns.tolist()
        patches = states[:, -encoder.grid[0] * across :].reshape(len(lines), encoder.grid[0], across, -1)
        return [Embedding(patch[:, :columns]) for patch, columns in zip(patches, filled, strict=True)]

    def _by_batches(self, lines: Sequence[Grey], work: Callable[[Sequence[Grey]], Sequence[Result]]) -> list[Result]:
        """Work on lines of about the same length together; results in the lines' order."""
        done: dict[int, Result] = {}
        for batch in self._batches(lines):
            done |= zip(batch, work([lines[n] for n in batch]), strict=True)
        return [done[n] for n in range(len(lines))]

    def _batches(self, lines: Sequence[Grey]) -> list[list[int]]:
        """Numbers of the lines of each batch: fewer of those that are very wide, whose attention needs much memory."""
        places = [places_of(line, self._configuration) for line in lines]
        batches: list[list[int]] = []
        for n in sorted(range(len(lines)), key=lambda n: lines[n].shape[1] / lines[n].shape[0]):
            last = batches[-1] if batches else []
            if last and len(last) < _BATCH and (len(last) + 1) * places[n] ** 2 <= _ATTENTION:
                last.append(n)
            else:
                batches.append([n])
        return batches

    def _line(self, texts: Sequence[Written]) -> Line:
        best = texts[0]
        characters = tuple(character for character, _ in self._characters(best))
        others = self._different(texts)[1 : self._nbest]
        return Line(
            text="".join(character.text for character in characters),
            confidence=_probability(best.log_probability),
            characters=characters,
            alternatives=tuple(Alternative(self._text(other), _probability(other.log_probability)) for other in others),
            notes=(TRUNCATED,) if best.truncated else (),
        )

    def _text(self, written: Written) -> str:
        return unicodedata.normalize("NFC", self._tokens.text(written.tokens).strip())

    def _different(self, texts: Sequence[Written]) -> list[Written]:
        """Of those that are the same text in other tokens the first."""
        firsts: dict[str, Written] = {}
        for text in texts:
            firsts.setdefault(self._text(text), text)
        return list(firsts.values())

    def _characters(self, written: Written) -> list[tuple[Character, int]]:
        """The characters without outer spaces, each with the token with which it was whole, and as sure as that."""
        text, origins = self._tokens.text(written.tokens), self._tokens.origins(written.tokens)
        start, end = len(text) - len(text.lstrip()), len(text.rstrip())
        characters: list[tuple[Character, int]] = []
        for letter, token in zip(text[start:end], origins[start:end], strict=True):
            confidence = _probability(written.log_probabilities[token])
            if characters and unicodedata.combining(letter):  # one character with the letter that it stands on
                before, _ = characters.pop()
                letter, confidence = before.text + letter, min(confidence, before.confidence or 0.0)
            characters.append((Character(unicodedata.normalize("NFC", letter), confidence), token))
        return characters

    def _signals(self, texts: Sequence[Written]) -> Signals:
        """By what sure readings differ from doubtful ones, beside the probabilities of their tokens."""
        best = texts[0]
        tokens = [token for _, token in self._characters(best)]
        others = self._different(texts)[1:]
        ahead = best.score - others[0].score if others else 0.0
        return Signals(
            characters={
                "lead": np.array([best.leads[token] for token in tokens], np.float64),
                "part": np.log([tokens.count(token) for token in tokens]) if tokens else np.zeros(0),
            },
            line={
                "tokens": best.log_probability / max(1, len(best.log_probabilities)),
                "lead": min(ahead, _FAR),
                "end": -_FAR if best.truncated else max(best.log_probabilities[-1], -_FAR),
            },
        )


def _drafter(options: ReaderOptions, width: int) -> CompactReader:
    if width > 1:
        raise UsageError(
            "A draft helps only where the surest token is taken each time.", "Take --beams 1, and leave out --nbest."
        )
    return CompactReader(ReaderOptions(threads=options.threads))


def _probability(logarithm: float) -> float:
    return round(math.exp(min(logarithm, 0.0)), 4)
