"""A character model: how probable each letter is after the letters before it, in all languages that we read.

One model for all: the last few letters tell the language by themselves, and a Latin letter in a Cyrillic word is as
improbable as it should be.

The n-grams form a trie in breadth-first order; what is not in it backs off to a shorter context (Katz 1987).
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from manuscribe.errors import ModelError

START = 0
"""The class that stands before a line's first letter; letters are numbered from 1."""
_STEP = 0.05  # nats a unit of the stored scores, which are bytes


class Context:
    """The letters before, as far back as the model knows them.

    Attributes:
        letters: What may follow, with log-probability (nats) and the number of the context that it leads to.
        backoff: Log-weight of the shorter context for all other letters.
        shorter: The longest shorter context; `None` for the empty one.
    """

    __slots__ = ("backoff", "letters", "shorter")

    def __init__(self, letters: dict[int, tuple[float, int]], backoff: float, shorter: "Context | None") -> None:
        self.letters, self.backoff, self.shorter = letters, backoff, shorter


class CharacterModel:
    """Tells how probable a letter is in a context. Contexts are made when they are first met.

    Args:
        letters: N, the last class of each n-gram; n-grams in breadth-first order, the empty one left out, siblings
            in the order of their classes.
        scores: N, its log-probability in steps of −0.05 nats.
        children: M < N + 1, how many n-grams each one begins, the empty one first; those left out at the end begin
            none.
        backoffs: M, their log-weights for shorter contexts, as `scores`.

    Raises:
        ModelError: The arrays do not fit together.
    """

    def __init__(
        self,
        letters: NDArray[np.uint16],
        scores: NDArray[np.uint8],
        children: NDArray[np.uint16],
        backoffs: NDArray[np.uint8],
    ) -> None:
        fit = len(letters) == len(scores) == int(children.sum()) and len(children) == len(backoffs)
        if not fit or not 0 < len(children) <= len(letters) + 1:
            raise ModelError("The arrays of the character model do not fit together.", "Install manuscribe again.")
        self._letters, self._scores, self._backoffs = letters, scores, backoffs
        self._first = np.concatenate([[1], 1 + np.cumsum(children, dtype=np.int64)])
        self._contexts: dict[int, Context] = {}
        self._unknown = -_STEP * 255
        self._empty = self._context(0, None)

    @classmethod
    def load(cls, path: Path) -> "CharacterModel":
        """Read a model.

        Raises:
            ModelError: The file is missing or damaged.
        """
        try:
            tensors = load_file(path)
            return cls(*(tensors[name] for name in ("letters", "scores", "children", "backoffs")))
        except (OSError, SafetensorError, KeyError) as error:
            raise ModelError(f"The character model {path} cannot be read.", "Install manuscribe again.") from error

    def save(self, path: Path) -> None:
        """Write the model as a safetensors file."""
        tensors: dict[str, NDArray[Any]] = {
            "letters": self._letters,
            "scores": self._scores,
            "children": np.diff(self._first).astype(np.uint16),
            "backoffs": self._backoffs,
        }
        path.write_bytes(save(tensors))

    @property
    def size(self) -> int:
        """How many n-grams it knows."""
        return len(self._letters)

    @property
    def start(self) -> Context:
        """The context before a line's first letter."""
        return self.step(self._empty, START)[1]

    def step(self, context: Context, letter: int) -> tuple[float, Context]:
        """Log-probability (nats) of a letter in a context, and the context after it."""
        backed_off = 0.0
        while True:
            found = context.letters.get(letter)
            if found is not None:
                score, number = found
                return backed_off + score, self._contexts.get(number) or self._enter(number, context, letter)
            if context.shorter is None:
                return backed_off + self._unknown, context
            backed_off += context.backoff
            context = context.shorter

    def _enter(self, number: int, before: Context, letter: int) -> Context:
        shorter = self._empty if before.shorter is None else self.step(before.shorter, letter)[1]
        return self._context(number, shorter)

    def _context(self, number: int, shorter: Context | None) -> Context:
        begins = number < len(self._backoffs)
        first, end = (int(self._first[number]), int(self._first[number + 1])) if begins else (0, 0)
        numbers = self._letters[first - 1 : end - 1].tolist() if end > first else []
        scores = (self._scores[first - 1 : end - 1] * -_STEP).tolist() if end > first else []
        places = range(first, end)
        letters = {n: (s, place) for n, s, place in zip(numbers, scores, places, strict=True)}
        backoff = -_STEP * float(self._backoffs[number]) if begins else 0.0
        context = self._contexts[number] = Context(letters, backoff, shorter)
        return context


def to_steps(log_probabilities: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Log-probabilities as they are stored."""
    return np.clip(np.round(log_probabilities / -_STEP), 0, 255).astype(np.uint8)
