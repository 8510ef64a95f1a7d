"""A reading as rows of numbers: one for each character, one for each word, one for the line.

Rows are made in three steps, since each step looks at the probabilities that were found for the smaller parts: whether
a word is right is asked knowing how probable each of its characters is. All readers' rows are made alike; what differs
is which signals they have.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from manuscribe.document import Line
from manuscribe.readers.trust.signals import Floats, Signals
from manuscribe.text.charset import script

_LEAST = 1e-4  # probability below which, and as far below 1, nothing differs any more
_EDGE = 6.0  # log-odds of what stands before the first character and behind the last: an edge is seldom wrong
_NOTED = ("squeezed", "truncated", "repetition")
_CONTRAST = 255.0
_KINDS = ("space", "digit", "capital", "sign", "marked", "Cyrillic")


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """A reading and its signals, ready to be made rows of.

    Attributes:
        text: The reading, its characters one by one.
        characters: N×S, a column for each signal of `character_signals`.
        line: Of `line_signals`.
        words: Where each word begins and ends in the text.
        kinds: N×K, of which kinds each character is.
        summary: The line's own signals, those of its characters summed up, and the shares of their kinds.
    """

    text: tuple[str, ...]
    characters: Floats
    character_signals: tuple[str, ...]
    line: Floats
    line_signals: tuple[str, ...]
    words: tuple[tuple[int, int], ...]
    kinds: Floats
    summary: Floats


def evidence_of(line: Line, signals: Signals, image: NDArray[np.uint8]) -> Evidence:
    """What is known of a reading.

    Args:
        line: With characters that spell its text; others are taken for as sure as the line.
        signals: The reader's own.
        image: Of the line, uint8, H×W or H×W×3.
    """
    text = tuple(character.text for character in line.characters) or tuple(line.text)
    sure = [c.confidence for c in line.characters] or [None] * len(text)
    whole = 0.5 if line.confidence is None else line.confidence
    own = {"sureness": log_odds(np.array([whole if one is None else one for one in sure], np.float64))}
    columns = own | {name: np.asarray(values, np.float64) for name, values in signals.characters.items()}
    height, width = image.shape[:2]
    of_line = {
        "confidence": float(log_odds(np.array(whole))),
        "length": float(np.log1p(len(text))),
        "letter": float(np.log((width / height + 0.1) / (len(text) + 1))),
        "contrast": float(np.subtract(*np.percentile(_grey(image)[::4, ::4], (90, 2)))) / _CONTRAST,
        **{name: float(any(note.startswith(name) for note in line.notes)) for name in _NOTED},
        **signals.line,
    }
    characters = np.stack(list(columns.values()), axis=1).reshape(len(text), len(columns))
    kinds = np.array([_kinds(character) for character in text], np.float64).reshape(-1, len(_KINDS))
    values = np.array(list(of_line.values()), np.float64)
    summary = _summary(values, characters, kinds)
    return Evidence(text, characters, tuple(columns), values, tuple(of_line), words_in(text), kinds, summary)


def _grey(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pages are cut in grey, lines come in colour: the same picture must be the same."""
    return image if image.ndim == 2 else np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)


def words_in(text: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Where each run of characters without white space begins and ends."""
    spaces = [place for place, character in enumerate(text) if character.isspace()]
    edges = [-1, *spaces, len(text)]
    return tuple((one + 1, other) for one, other in pairwise(edges) if other > one + 1)


def log_odds(probability: Floats) -> Floats:
    """log(p / (1 − p)), within ±9.2."""
    kept = np.clip(probability, _LEAST, 1 - _LEAST)
    return np.asarray(np.log(kept / (1 - kept)))


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows with the names of their columns."""

    values: Floats
    names: tuple[str, ...]


def character_rows(evidence: Evidence) -> Rows:
    """A row for each character: its signals and its neighbours', what kind it is, and what is known of the line."""
    own, names = evidence.characters, evidence.character_signals
    edge = np.where(np.array(names) == "sureness", _EDGE, own.mean(axis=0) if len(own) else 0.0)[None]
    before, after = np.concatenate([edge, own[:-1]]), np.concatenate([own[1:], edge])
    line = np.repeat(evidence.summary[None], len(own), axis=0)
    values = np.concatenate([own, before[: len(own)], after[: len(own)], evidence.kinds, line], axis=1)
    return Rows(values, _character_names(names, evidence.line_signals))


def word_rows(evidence: Evidence, characters: Floats) -> Rows:
    """A row for each word.

    Args:
        characters: The probability that each character is right, N.
    """
    sure, own = np.clip(characters, _LEAST, 1 - _LEAST), evidence.characters
    names = _word_names(evidence.character_signals, evidence.line_signals)
    if not evidence.words:
        return Rows(np.zeros((0, len(names))), names)
    starts, ends = np.array(evidence.words).T
    lengths = (ends - starts)[:, None]
    inner = evidence.kinds[:, _KINDS.index("space")] == 0
    first = np.concatenate([[0], np.cumsum(lengths[:-1])])  # of each word, where the spaces are left out

    def over(reduce: np.ufunc, values: Floats) -> Floats:
        return np.asarray(reduce.reduceat(values[inner], first, axis=0), np.float64)

    column = sure[:, None]
    edged = np.concatenate([[1.0], sure, [1.0]])
    found = [
        np.exp(over(np.add, np.log(column))),
        over(np.minimum, column),
        over(np.add, column) / lengths,
        np.minimum(edged[starts], edged[ends + 1])[:, None],
    ]
    values = [
        log_odds(np.concatenate(found, axis=1)),
        np.log(lengths),
        over(np.minimum, own),
        over(np.maximum, own),
        over(np.add, own) / lengths,
        own[np.where(starts > 0, starts - 1, starts)],
        over(np.add, evidence.kinds[:, 1:]) / lengths,
        np.repeat(evidence.summary[None], len(starts), axis=0),
    ]
    return Rows(np.concatenate(values, axis=1), names)


def line_row(evidence: Evidence, characters: Floats, words: Floats) -> Rows:
    """One row for the line.

    Args:
        characters: The probability that each character is right, N.
        words: The same of each word.
    """
    found: list[float] = []
    for sure in (characters, words):
        some = np.clip(sure if len(sure) else np.array([0.5]), _LEAST, 1 - _LEAST)
        found += [*log_odds(np.array([np.exp(np.log(some).sum()), some.min(), some.mean()])), np.log((1 - some).sum())]
    values = np.concatenate([found, evidence.summary])[None]
    return Rows(values, _names_of_line(evidence.character_signals, evidence.line_signals))


def _summary(line: Floats, characters: Floats, kinds: Floats) -> Floats:
    own = characters if len(characters) else np.zeros((1, characters.shape[1]))
    shares = kinds if len(kinds) else np.zeros((1, len(_KINDS)))
    return np.concatenate([line, own.mean(axis=0), own.min(axis=0), own.max(axis=0), shares.mean(axis=0)])


@cache
def _summary_names(signals: tuple[str, ...], of_line: tuple[str, ...]) -> tuple[str, ...]:
    return (
        *(f"line's {name}" for name in of_line),
        *(f"line's {what} {name}" for what in ("mean", "least", "most") for name in signals),
        *(f"line's share {name}" for name in _KINDS),
    )


@cache
def _character_names(signals: tuple[str, ...], of_line: tuple[str, ...]) -> tuple[str, ...]:
    return (
        *signals,
        *(f"{name} before" for name in signals),
        *(f"{name} after" for name in signals),
        *_KINDS,
        *_summary_names(signals, of_line),
    )


@cache
def _word_names(signals: tuple[str, ...], of_line: tuple[str, ...]) -> tuple[str, ...]:
    return (
        *("all right", "least right", "mean right", "edges right", "characters"),
        *(f"{what} {name}" for what in ("least", "most", "mean") for name in signals),
        *(f"{name} before" for name in signals),
        *_KINDS[1:],
        *_summary_names(signals, of_line),
    )


@cache
def _names_of_line(signals: tuple[str, ...], of_line: tuple[str, ...]) -> tuple[str, ...]:
    found = (f"{what} {part}" for part in ("characters", "words") for what in ("all", "least", "mean", "wrong"))
    return (*found, *_summary_names(signals, of_line))


@lru_cache(maxsize=4096)
def _kinds(character: str) -> tuple[bool, ...]:
    letter = character.isalpha()
    return (
        character.isspace(),
        character.isdigit(),
        letter and character != character.lower(),
        not (letter or character.isdigit() or character.isspace()),
        letter and len(unicodedata.normalize("NFD", character)) > 1,
        letter and script(character[0]) == "CYRILLIC",
    )
