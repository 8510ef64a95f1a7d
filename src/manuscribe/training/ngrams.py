"""Counting of character n-grams, and the back-off model that comes of the counts.

Witten–Bell smoothing (Chen & Goodman 1999, section 2.5), pruned by weighted difference (Seymore & Rosenfeld 1996): an
n-gram is kept if leaving it out would make the counted texts noticeably less probable.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from manuscribe.text.characters import START, CharacterModel, to_steps

Keys = NDArray[np.uint64]
Weights = NDArray[np.float64]

_BITS = 9
MOST_CLASSES = 2**_BITS
LONGEST = 64 // _BITS


@dataclass(frozen=True, slots=True)
class Counted:
    """Texts as classes, one after the other.

    Attributes:
        classes: T, each text's `START` first where it begins a line.
        weights: T, how often the text counts.
        reach: T, how many classes of its text stand before each one.
    """

    classes: Keys
    weights: Weights
    reach: NDArray[np.int64]


def joined(texts: Sequence[NDArray[np.uint64]], weights: Sequence[float]) -> Counted:
    """Put texts together for counting."""
    lengths = np.array([len(text) for text in texts])
    starts = np.repeat(np.cumsum(lengths) - lengths, lengths)
    return Counted(
        np.concatenate(texts), np.repeat(np.asarray(weights, np.float64), lengths), np.arange(len(starts)) - starts
    )


@dataclass(slots=True)
class _Order:
    """The n-grams of one length that were kept, sorted; and as contexts: their weights for shorter contexts."""

    keys: Keys
    logs: Weights
    backoffs: Weights


def fit(counted: Counted, classes: int, order: int, threshold: float) -> CharacterModel:
    """The model of n-grams up to length `order`.

    Args:
        classes: How many classes there are, `START` included; at most `MOST_CLASSES`.
        order: Longest n-gram, at most `LONGEST`.
        threshold: Least gain, in nats over all counted texts, for which an n-gram is kept.
    """
    if classes > MOST_CLASSES or not 2 <= order <= LONGEST:
        raise ValueError(f"{classes} classes and order {order} do not fit in 64 bits")
    orders = [_unigrams(counted, classes)]
    for length in range(2, order + 1):
        orders.append(_longer(counted, length, orders, threshold))
    return _trie(orders)


def _unigrams(counted: Counted, classes: int) -> _Order:
    written = counted.classes != START
    counts = np.bincount(counted.classes[written].astype(np.int64), counted.weights[written], classes)
    kinds = np.count_nonzero(counts)
    probabilities = (counts + kinds / classes) / (counts.sum() + kinds)
    return _Order(np.arange(classes, dtype=np.uint64), np.log(probabilities), np.zeros(classes))


def _longer(counted: Counted, length: int, orders: list[_Order], threshold: float) -> _Order:
    keys, counts = _count(counted, length)
    contexts, place = np.unique(keys >> np.uint64(_BITS), return_inverse=True)
    kinds = np.bincount(place)
    totals = np.bincount(place, counts) + kinds
    shorter = _log_probabilities(_last(keys, length - 1), length - 1, orders)
    plain = counts / totals[place]
    unpruned = (kinds / totals)[place] * np.exp(shorter)
    gain = counts * (np.log(plain + unpruned) - np.log(unpruned))
    kept = (gain >= threshold) & np.isin(keys >> np.uint64(_BITS), orders[-1].keys)
    rest = 1 - np.bincount(place[kept], plain[kept], len(contexts))
    _set_backoffs(orders[-1], contexts, np.log(np.maximum(rest, 1e-6)))
    logs = np.log(plain[kept] + rest[place[kept]] * np.exp(shorter[kept]))
    return _Order(keys[kept], logs, np.zeros(int(kept.sum())))


def _count(counted: Counted, length: int) -> tuple[Keys, Weights]:
    """The n-grams of a length, sorted, with their weights."""
    keys = np.zeros(len(counted.classes) - length + 1, np.uint64)
    for shift in range(length):
        keys = (keys << np.uint64(_BITS)) | counted.classes[shift : shift + len(keys)]
    whole = counted.reach[length - 1 :] >= length - 1
    found, place = np.unique(keys[whole], return_inverse=True)
    return found, np.bincount(place, counted.weights[length - 1 :][whole]).astype(np.float64)


def _set_backoffs(order: _Order, contexts: Keys, logs: Weights) -> None:
    places = np.searchsorted(order.keys, contexts)
    known = places < len(order.keys)
    known[known] = order.keys[places[known]] == contexts[known]
    order.backoffs[places[known]] = logs[known]


def _last(keys: Keys, length: int) -> Keys:
    return keys & np.uint64((1 << (_BITS * length)) - 1)


def _log_probabilities(keys: Keys, length: int, orders: list[_Order]) -> Weights:
    """Log-probability of each n-gram's last class after the others, backing off where it is not kept."""
    logs = np.zeros(len(keys))
    open_ = np.arange(len(keys))
    for tried in range(length, 0, -1):
        wanted = _last(keys[open_], tried)
        order = orders[tried - 1]
        places = np.minimum(np.searchsorted(order.keys, wanted), len(order.keys) - 1)
        found = order.keys[places] == wanted
        logs[open_[found]] += order.logs[places[found]]
        open_, wanted = open_[~found], wanted[~found]
        if tried > 1 and len(open_):
            logs[open_] += _backoffs(wanted >> np.uint64(_BITS), orders[tried - 2])
    return logs


def _backoffs(contexts: Keys, order: _Order) -> Weights:
    places = np.minimum(np.searchsorted(order.keys, contexts), len(order.keys) - 1)
    return np.where(order.keys[places] == contexts, order.backoffs[places], 0.0)


def _trie(orders: list[_Order]) -> CharacterModel:
    letters = np.concatenate([_last(order.keys, 1) for order in orders]).astype(np.uint16)
    scores = to_steps(np.concatenate([order.logs for order in orders]))
    backoffs = to_steps(np.concatenate([[0.0], *(order.backoffs for order in orders[:-1])]))
    children = [np.array([len(orders[0].keys)])]
    for parents, order in pairwise(orders):
        places = np.searchsorted(parents.keys, order.keys >> np.uint64(_BITS))
        children.append(np.bincount(places, minlength=len(parents.keys)))
    return CharacterModel(letters, scores, np.concatenate(children).astype(np.uint16), backoffs)
