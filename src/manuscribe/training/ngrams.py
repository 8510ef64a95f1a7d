"""Counting of character n-grams, and the back-off model that comes of the counts.

Modified Kneser–Ney smoothing, interpolated (Chen & Goodman 1999, section 3), pruned by weighted difference (Seymore &
Rosenfeld 1996): an n-gram is kept if leaving it out would make the counted texts noticeably less probable.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from manuscribe.text.characters import MOST_LETTERS, START, CharacterModel, to_steps

Keys = NDArray[np.uint64]
Weights = NDArray[np.float64]

_BITS = 9
MOST_CLASSES = 2**_BITS
LONGEST = 64 // _BITS
_FEW = (0.5, 1.0, 1.5)  # occurrences taken off where there are too few n-grams to tell
_LEAST, _MOST = 0.1, 0.98  # something is always taken off, and something left: of an occurrence, of all


class Text(NamedTuple):
    """A text to be counted.

    Attributes:
        classes: Its letters, `START` first where it begins a line.
        weight: How often it counts.
        unit: What a single occurrence counts: the weight itself for a text that was written once, 1 for a word that
            was counted `weight` times elsewhere.
    """

    classes: Keys
    weight: float
    unit: float


@dataclass(frozen=True, slots=True)
class Counted:
    """Texts as classes, one after the other.

    Attributes:
        classes: T, each text's `START` first where it begins a line.
        weights: T, how often the text counts.
        units: T, what one occurrence counts.
        reach: T, how many classes of its text stand before each one.
    """

    classes: Keys
    weights: Weights
    units: Weights
    reach: NDArray[np.int64]


def joined(texts: Sequence[Text]) -> Counted:
    """Put texts together for counting."""
    lengths = np.array([len(text.classes) for text in texts])
    starts = np.repeat(np.cumsum(lengths) - lengths, lengths)
    return Counted(
        np.concatenate([text.classes for text in texts]),
        np.repeat(np.array([text.weight for text in texts], np.float64), lengths),
        np.repeat(np.array([text.unit for text in texts], np.float64), lengths),
        np.arange(len(starts)) - starts,
    )


@dataclass(frozen=True, slots=True)
class _Counts:
    """The n-grams of a length, sorted.

    Attributes:
        keys: N, their classes.
        weights: N, how often each occurs.
        units: N, what one occurrence counts, on average.
    """

    keys: Keys
    weights: Weights
    units: Weights


@dataclass(slots=True)
class _Order:
    """The n-grams of one length that were kept, sorted; and as contexts: their weights for shorter contexts."""

    keys: Keys
    logs: Weights
    backoffs: Weights


def fit(counted: Counted, alphabet: Sequence[int], order: int, threshold: float) -> CharacterModel:
    """The model of n-grams up to length `order`.

    Args:
        alphabet: The classes of the texts, below `MOST_CLASSES`, at most `MOST_LETTERS`; `START` is one of them.
        order: Longest n-gram, at most `LONGEST`.
        threshold: Least gain, in nats over all counted texts, for which an n-gram is kept.
    """
    classes = np.array(sorted(alphabet), np.uint64)
    if classes[-1] >= MOST_CLASSES or len(classes) > MOST_LETTERS or not 2 <= order <= LONGEST:
        raise ValueError(f"{len(classes)} classes up to {classes[-1]} and order {order} do not fit in the tables")
    orders = [_unigrams(counted, classes)]
    occurring = _count(counted, 2)
    for length in range(2, order + 1):
        longer = _count(counted, length + 1) if length < order else None
        orders.append(_longer(occurring, longer, length, orders, threshold))
        occurring = longer or occurring
    return _trie(orders)


def _unigrams(counted: Counted, classes: Keys) -> _Order:
    written = counted.classes != START
    counts = np.bincount(counted.classes[written].astype(np.int64), counted.weights[written], MOST_CLASSES)[classes]
    kinds = np.count_nonzero(counts)
    probabilities = (counts + kinds / len(classes)) / (counts.sum() + kinds)
    return _Order(classes, np.log(probabilities), np.zeros(len(classes)))


def _longer(occurring: _Counts, longer: _Counts | None, length: int, orders: list[_Order], threshold: float) -> _Order:
    keys = occurring.keys
    counts = _continuing(occurring, longer, length) if longer else occurring
    contexts, place = np.unique(keys >> np.uint64(_BITS), return_inverse=True)
    plain = (counts.weights - _discounts(counts)) / np.bincount(place, counts.weights)[place]
    shorter = _log_probabilities(_last(keys, length - 1), length - 1, orders)
    unpruned = (1 - np.bincount(place, plain))[place] * np.exp(shorter)
    gain = occurring.weights * (np.log(plain + unpruned) - np.log(unpruned))
    kept = (gain >= threshold) & np.isin(keys >> np.uint64(_BITS), orders[-1].keys)
    rest = 1 - np.bincount(place[kept], plain[kept], len(contexts))
    _set_backoffs(orders[-1], contexts, np.log(rest))
    logs = np.log(plain[kept] + rest[place[kept]] * np.exp(shorter[kept]))
    return _Order(keys[kept], logs, np.zeros(int(kept.sum())))


def _count(counted: Counted, length: int) -> _Counts:
    """The n-grams of a length as they occur."""
    keys = np.zeros(max(len(counted.classes) - length + 1, 0), np.uint64)
    for shift in range(length):
        keys = (keys << np.uint64(_BITS)) | counted.classes[shift : shift + len(keys)]
    whole = counted.reach[length - 1 :] >= length - 1
    found, place, times = np.unique(keys[whole], return_inverse=True, return_counts=True)
    weights, units = (
        np.bincount(place, each[length - 1 :][whole], len(found)).astype(np.float64)
        for each in (counted.weights, counted.units)
    )
    return _Counts(found, weights, units / times)


def _continuing(occurring: _Counts, longer: _Counts, length: int) -> _Counts:
    """N-grams by how many different letters they stand after: shorter n-grams speak where the longer ones are new.

    Those that stand after nothing, at the beginning of a text, count as often as they occur.
    """
    place = np.searchsorted(occurring.keys, _last(longer.keys, length))
    kinds = np.bincount(place, minlength=len(occurring.keys))
    weights = np.bincount(place, longer.units, len(occurring.keys))
    first = kinds == 0
    units = np.divide(weights, kinds, out=occurring.units.copy(), where=~first)
    return _Counts(occurring.keys, np.where(first, occurring.weights, weights), units)


def _discounts(counts: _Counts) -> Weights:
    """What is taken off each n-gram's weight, by whether it occurs once, twice or more often."""
    times = counts.weights / counts.units
    once, twice, often = _taken_off(times)
    taken = np.where(times < 1.5, once, np.where(times < 2.5, twice, often))
    return np.asarray(np.clip(taken, _LEAST, _MOST * times) * counts.units)


def _taken_off(times: Weights) -> list[float]:
    """The discounts of n-grams that occur once, twice and more often, from how many occur once to four times."""
    one, two, three, four = (int(((times >= n - 0.5) & (times < n + 0.5)).sum()) for n in range(1, 5))
    if not one * two * three * four:
        return list(_FEW)
    share = one / (one + 2 * two)
    return [1 - 2 * share * two / one, 2 - 3 * share * three / two, 3 - 4 * share * four / three]


def _set_backoffs(order: _Order, contexts: Keys, logs: Weights) -> None:
    places, known = _found(contexts, order.keys)
    order.backoffs[places[known]] = logs[known]


def _found(keys: Keys, among: Keys) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Where keys stand among sorted ones, and whether they do."""
    places = np.searchsorted(among, keys)
    found = places < len(among)
    found[found] = among[places[found]] == keys[found]
    return places, found


def _last(keys: Keys, length: int) -> Keys:
    return keys & np.uint64((1 << (_BITS * length)) - 1)


def _log_probabilities(keys: Keys, length: int, orders: list[_Order]) -> Weights:
    """Log-probability of each n-gram's last class after the others, backing off where it is not kept."""
    logs = np.zeros(len(keys))
    open_ = np.arange(len(keys))
    for tried in range(length, 0, -1):
        wanted = _last(keys[open_], tried)
        places, found = _found(wanted, orders[tried - 1].keys)
        logs[open_[found]] += orders[tried - 1].logs[places[found]]
        open_, wanted = open_[~found], wanted[~found]
        if tried > 1 and len(open_):
            logs[open_] += _backoffs(wanted >> np.uint64(_BITS), orders[tried - 2])
    return logs


def _backoffs(contexts: Keys, order: _Order) -> Weights:
    places, found = _found(contexts, order.keys)
    logs = np.zeros(len(contexts))
    logs[found] = order.backoffs[places[found]]
    return logs


def _trie(orders: list[_Order]) -> CharacterModel:
    alphabet = orders[0].keys
    classes = np.concatenate([_last(order.keys, 1) for order in orders])
    letters = np.searchsorted(alphabet, classes).astype(np.uint8)
    scores = to_steps(np.concatenate([order.logs for order in orders]))
    backoffs = to_steps(np.concatenate([[0.0], *(order.backoffs for order in orders[:-1])]))
    children = []
    for parents, order in pairwise(orders):
        places = np.searchsorted(parents.keys, order.keys >> np.uint64(_BITS))
        children.append(np.bincount(places, minlength=len(parents.keys)))
    return CharacterModel(
        alphabet.astype(np.uint16),
        letters.astype(np.uint8),
        scores,
        np.concatenate(children).astype(np.uint8),
        backoffs,
    )
