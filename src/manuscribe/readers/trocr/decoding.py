"""Texts out of an autoregressive decoder, whatever runs it: the surest token each time, or a beam search.

Both choose what transformers' `generate` chooses with the same settings, image by image: a text depends on its own
image alone, and leaves the batch when it is finished.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from manuscribe.errors import ModelError
from manuscribe.readers.trocr.configuration import Generation

Scores = NDArray[np.float32]
Tokens = NDArray[np.int64]
_NEVER = np.float32(-1e9)
_CERTAIN = 30.0  # nats; a token that leads by more has no rival


class Session(Protocol):
    """A decoder with the images that it looks at, `texts` texts for each, side by side."""

    def step(self, tokens: Tokens) -> Scores:
        """The newest tokens of each text (R×T) → unnormalised scores of what follows each (R×T×V)."""
        ...

    def select(self, images: Tokens | None, texts: Tokens) -> None:
        """Go on with these images (`None`: all) and these texts (rows), the same number for each image."""
        ...

    def forget(self, count: int) -> None:
        """Take back the last tokens, more than none, of each text."""
        ...


@dataclass(frozen=True, slots=True)
class Written:
    """A text of tokens.

    Attributes:
        tokens: Without the start token and the end token.
        log_probabilities: Of each token; one more for the end token, unless truncated.
        leads: How much more probable each of them was than the best other token, as the logarithm of the ratio; below 0
            where it was not the most probable one.
        score: What beams are ranked by: the sum of the log-probabilities, divided by the length penalty.
        truncated: The longest length was reached before the end.
    """

    tokens: tuple[int, ...]
    log_probabilities: tuple[float, ...]
    leads: tuple[float, ...]
    score: float
    truncated: bool

    @property
    def log_probability(self) -> float:
        """Of the whole text."""
        return sum(self.log_probabilities)


class Chosen(NamedTuple):
    """A token's log-probability, and by how much it is more probable than the best other one."""

    log_probability: float
    lead: float


def chosen_of(logs: Scores, tokens: Sequence[int]) -> list[Chosen]:
    """Of log-probabilities R×V, what each row says of one token."""
    best = np.partition(logs, -2, axis=1)[:, -2:]
    own = logs[np.arange(len(logs)), tokens]
    others = np.where(own >= best[:, 1], best[:, 0], best[:, 1])
    leads = np.minimum(own - others, _CERTAIN)
    return [Chosen(float(one), float(lead)) for one, lead in zip(own, leads, strict=True)]


def greedy(session: Session, images: int, settings: Generation) -> list[Written]:
    """The surest next token, until the end: one text for each image."""
    found: list[Written | None] = [None] * images
    alive = np.arange(images)
    texts = [[settings.decoder_start_token_id] for _ in range(images)]
    sureness: list[list[Chosen]] = [[] for _ in range(images)]
    while alive.size:
        scores = session.step(np.array([[texts[n][-1]] for n in alive], np.int64))[:, -1]
        logs = log_softmax(scores)
        ban_repetitions(logs, [texts[n] for n in alive], settings.no_repeat_ngram_size)
        best = logs.argmax(axis=1).tolist()
        for n, token, chosen in zip(alive, best, chosen_of(logs, best), strict=True):
            texts[n].append(token)
            sureness[n].append(chosen)
            ended = texts[n][-1] in settings.eos_token_id
            if ended or len(texts[n]) >= settings.max_length:
                found[n] = written(texts[n], sureness[n], settings)
        rows = np.array([row for row, n in enumerate(alive) if found[n] is None], np.int64)
        if 0 < rows.size < alive.size:
            session.select(rows, rows)
        alive = alive[rows]
    return [text for text in found if text is not None]


def beam(session: Session, images: int, width: int, settings: Generation) -> list[list[Written]]:
    """Beam search as transformers has it (`GenerationMixin._beam_search`), of a session with `width` texts an image.

    Returns up to `width` texts for each image, best first.
    """
    searches = [_Search(width, settings) for _ in range(images)]
    alive = list(range(images))
    while alive:
        tokens = np.array([[beam.tokens[-1]] for n in alive for beam in searches[n].beams], np.int64)
        logs = log_softmax(session.step(tokens)[:, -1])
        before = [list(beam.tokens) for n in alive for beam in searches[n].beams]
        ban_repetitions(logs, before, settings.no_repeat_ngram_size)
        chosen = [searches[n].advance(logs[row * width : (row + 1) * width]) for row, n in enumerate(alive)]
        going = [row for row, n in enumerate(alive) if not searches[n].done]
        if going:
            texts = np.concatenate([row * width + chosen[row] for row in going]).astype(np.int64)
            session.select(None if len(going) == len(alive) else np.array(going, np.int64), texts)
        alive = [alive[row] for row in going]
    return [search.found() for search in searches]


@dataclass(frozen=True, slots=True)
class _Beam:
    tokens: tuple[int, ...]
    sureness: tuple[Chosen, ...]
    score: np.float32


@dataclass(slots=True)
class _Search:
    """The beam search of one image."""

    width: int
    settings: Generation
    beams: list[_Beam] = field(init=False)
    finished: list[_Beam] = field(default_factory=list)
    done: bool = False

    def __post_init__(self) -> None:
        # At first all beams are the same: only the first one counts.
        start = (self.settings.decoder_start_token_id,)
        self.beams = [_Beam(start, (), np.float32(0) if n == 0 else _NEVER) for n in range(self.width)]

    def advance(self, logs: Scores) -> NDArray[np.intp]:
        """Log-probabilities width×V of the next token → the row that each of the new beams goes on from."""
        settings, length = self.settings, len(self.beams[0].tokens)
        sums = (logs + np.array([beam.score for beam in self.beams], np.float32)[:, None]).ravel()
        best = _largest(sums, max(2, 1 + len(settings.eos_token_id)) * self.width)
        rows, tokens = np.divmod(best, logs.shape[1])
        grown = [
            _Beam((*self.beams[row].tokens, token), (*self.beams[row].sureness, chosen), sums[place])
            for place, row, token, chosen in zip(
                best, rows, tokens.tolist(), chosen_of(logs[rows], tokens.tolist()), strict=True
            )
        ]
        longest = length + 1 >= settings.max_length
        ended = [longest or beam.tokens[-1] in settings.eos_token_id for beam in grown]
        # Those behind the first ones are there only so that enough go on.
        self._finish([beam for beam, end in zip(grown[: self.width], ended, strict=False) if end], length)
        on = [n for n, end in enumerate(ended) if not end][: self.width]
        if longest:
            self.done = True
            return rows[: self.width]
        self.beams = [grown[n] for n in on]
        self.done = self._is_done(length)
        return rows[on]

    def _finish(self, ended: list[_Beam], length: int) -> None:
        penalty = np.float32(length**self.settings.length_penalty)
        ranked = [_Beam(beam.tokens, beam.sureness, np.float32(beam.score / penalty)) for beam in ended]
        self.finished = sorted(self.finished + ranked, key=lambda beam: -beam.score)[: self.width]

    def _is_done(self, length: int) -> bool:
        """Whether no beam is expected to do better than those that are finished."""
        settings = self.settings
        if len(self.finished) < self.width:
            return False
        if settings.early_stopping is True:
            return True
        hopeful = settings.early_stopping == "never" and settings.length_penalty > 0
        reach = settings.max_length - 1 if hopeful else length
        best = self.beams[0].score / np.float32(reach**settings.length_penalty)
        return bool(best <= self.finished[-1].score)

    def found(self) -> list[Written]:
        """The finished texts, best first."""
        return [written(beam.tokens, beam.sureness, self.settings, float(beam.score)) for beam in self.finished]


def log_softmax(scores: Scores) -> Scores:
    """Log-probabilities of unnormalised scores, along the last axis.

    Raises:
        ModelError: They are no numbers: somewhere the network overflowed.
    """
    most = scores.max(axis=-1, keepdims=True)
    if not np.isfinite(most).all():
        raise ModelError("The checkpoint computes what is no number.", "Take --precision fp32, or another checkpoint.")
    shifted = scores - most
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)), np.float32)


def _largest(values: Scores, count: int) -> NDArray[np.intp]:
    """Places of the largest values, largest first."""
    places = np.argpartition(values, -min(count, len(values)))[-count:]
    return places[np.argsort(-values[places], kind="stable")]


def ban_repetitions(logs: Scores, texts: Sequence[Sequence[int]], size: int) -> None:
    """Forbid each text the tokens with which it would repeat `size` tokens in a row; 0 allows everything."""
    if not size:
        return
    for row, tokens in zip(logs, texts, strict=True):
        end = tuple(tokens[len(tokens) - size + 1 :]) if size > 1 else ()
        for n in range(len(tokens) - size + 1):
            if tuple(tokens[n : n + size - 1]) == end:
                row[tokens[n + size - 1]] = -np.inf


def written(
    tokens: Sequence[int], sureness: Sequence[Chosen], settings: Generation, score: float | None = None
) -> Written:
    """A text of tokens, the start token among them, and perhaps an end token; the score is that of greedy decoding."""
    ended = tokens[-1] in settings.eos_token_id
    logs, leads = tuple(one.log_probability for one in sureness), tuple(one.lead for one in sureness)
    inner = tuple(tokens[1:-1] if ended else tokens[1:])
    return Written(inner, logs, leads, sum(logs) if score is None else score, not ended)
