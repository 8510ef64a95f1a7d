"""Character models: how probable each letter is after the letters before it, in one language each.

The n-grams form a trie in breadth-first order; what is not in it backs off to a shorter context (Katz 1987).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from manuscribe.errors import ModelError

START = 0
"""The class that stands before a line's first letter; letters are numbered from 1."""
MOST_LETTERS = 255
_STEP = 0.05  # nats a unit of the stored scores, which are bytes
_PARTS = ("alphabet", "letters", "scores", "children", "backoffs")


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
        alphabet: A ≤ 255, the classes that it knows, sorted: the n-grams of length 1.
        letters: N, the last class of each n-gram by its place in the alphabet; n-grams in breadth-first order, siblings
            in the order of their classes.
        scores: N, its log-probability in steps of −0.05 nats.
        children: M ≤ N, how many n-grams each one begins; those left out at the end begin none.
        backoffs: M + 1, log-weights for shorter contexts, as `scores`; the first is the empty context's.

    Raises:
        ModelError: The arrays do not fit together.
    """

    def __init__(
        self,
        alphabet: NDArray[np.uint16],
        letters: NDArray[np.uint8],
        scores: NDArray[np.uint8],
        children: NDArray[np.uint8],
        backoffs: NDArray[np.uint8],
    ) -> None:
        whole = len(alphabet) + int(children.sum(dtype=np.int64)) == len(letters) == len(scores)
        known = len(letters) > 0 and int(letters.max()) < len(alphabet) <= MOST_LETTERS
        if not (whole and known and len(backoffs) == len(children) + 1 <= len(letters) + 1):
            raise ModelError("The arrays of the character model do not fit together.", "Install manuscribe again.")
        self._alphabet, self._letters, self._scores, self._backoffs = alphabet, letters, scores, backoffs
        self._first = np.cumsum(np.concatenate([[1, len(alphabet)], children]), dtype=np.int64)
        self._contexts: dict[int, Context] = {}
        self._unknown = -_STEP * 255
        self._empty = self._context(0, None)

    @classmethod
    def load(cls, path: Path, language: str) -> "CharacterModel":
        """Read a language's model from a file of `save_models`.

        Raises:
            ModelError: The file is missing or damaged, or lacks the language.
        """
        try:
            with safe_open(path, "numpy") as file:
                return cls(*(file.get_tensor(f"{language}.{part}") for part in _PARTS))
        except (OSError, SafetensorError) as error:
            raise ModelError(
                f"The character model {path} cannot be read for '{language}'.", "Install manuscribe again."
            ) from error

    def tensors(self) -> dict[str, NDArray[Any]]:
        """What it is made of, by the names of the arguments."""
        children = np.diff(self._first)[1:].astype(np.uint8)
        return dict(zip(_PARTS, (self._alphabet, self._letters, self._scores, children, self._backoffs), strict=True))

    @property
    def size(self) -> int:
        """How many n-grams it knows."""
        return len(self._letters)

    @property
    def start(self) -> Context:
        """The context before a line's first letter."""
        return self.step(self._empty, START)[1]

    def scores(self, letters: Sequence[int]) -> list[float]:
        """Log-probability (nats) of each letter of a line after those before it."""
        context, found = self.start, []
        for letter in letters:
            score, context = self.step(context, letter)
            found.append(score)
        return found

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
        numbers = self._alphabet[self._letters[first - 1 : end - 1]].tolist() if end > first else []
        scores = (self._scores[first - 1 : end - 1] * -_STEP).tolist() if end > first else []
        places = range(first, end)
        letters = {n: (s, place) for n, s, place in zip(numbers, scores, places, strict=True)}
        backoff = -_STEP * float(self._backoffs[number]) if begins else 0.0
        context = self._contexts[number] = Context(letters, backoff, shorter)
        return context


def save_models(path: Path, models: Mapping[str, CharacterModel]) -> None:
    """Write models by language into one safetensors file."""
    tensors = {f"{name}.{part}": array for name, model in models.items() for part, array in model.tensors().items()}
    path.write_bytes(save(tensors))


def to_steps(log_probabilities: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Log-probabilities as they are stored."""
    return np.clip(np.round(log_probabilities / -_STEP), 0, 255).astype(np.uint8)
