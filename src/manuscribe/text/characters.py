"""Character models: how probable each letter is after the letters before it, in one language each.

The n-grams form a trie in breadth-first order; what is not in it backs off to a shorter context (Katz 1987).
"""

from array import array
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from manuscribe.compiled import native
from manuscribe.errors import ModelError

EMPTY = 0
"""The n-gram of no letters. Contexts are n-grams: the longest known ones that the letters before end in."""
START = 0
"""The class that stands before a line's first letter; letters are numbered from 1."""
MOST_LETTERS = 255
_STEP = 0.05  # nats a unit of the stored scores, which are bytes
_NATS = tuple(-_STEP * steps for steps in range(256))
_NOWHERE = 255  # place of a letter that is not in the alphabet; those that are have smaller ones
_PARTS = ("alphabet", "letters", "scores", "children", "backoffs")


class CharacterModel:
    """Tells how probable a letter is in a context.

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
        parts = (alphabet, letters, scores, children, backoffs)
        flat = [(part.dtype.char, part.ndim) for part in parts] == [(kind, 1) for kind in "HBBBB"]
        if not (flat and _fit_together(*parts)):
            raise ModelError("The arrays of the character model do not fit together.", "Install manuscribe again.")
        self._alphabet, self._children = alphabet, children
        places = np.full(int(alphabet.max()) + 1, _NOWHERE, np.uint8)
        places[alphabet] = np.arange(len(alphabet))
        self._places = places.tobytes()
        # As bytes: Python finds one number in them faster than numpy does.
        self._letters, self._scores, self._backoffs = letters.tobytes(), scores.tobytes(), backoffs.tobytes()
        starts = np.concatenate([[0, len(alphabet)], len(alphabet) + np.cumsum(children, dtype=np.int64)])
        self._starts = array("I", starts.astype(np.uintc).tobytes())
        # The longest shorter context of each, once it was met; before that, and for single letters, the empty one.
        self._shorter = array("I", np.zeros(len(backoffs), np.uintc).tobytes())
        self.start = self.step(EMPTY, START)[1]

    @property
    def tables(self) -> "tuple[bytes | array[int], ...]":
        """What the compiled search looks letters up in."""
        return self._places, self._letters, self._starts, self._scores, self._backoffs, self._shorter

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
        stored = (np.frombuffer(part, np.uint8) for part in (self._letters, self._scores, self._backoffs))
        letters, scores, backoffs = stored
        return dict(zip(_PARTS, (self._alphabet, letters, scores, self._children, backoffs), strict=True))

    @property
    def size(self) -> int:
        """How many n-grams it knows."""
        return len(self._letters)

    def scores(self, letters: Sequence[int]) -> list[float]:
        """Log-probability (nats) of each letter of a line after those before it."""
        if native:
            scores: list[float] = np.frombuffer(
                native.scores(self.tables, self.start, np.array(letters, np.int64))
            ).tolist()
            return scores
        context, found = self.start, []
        for letter in letters:
            score, context = self.step(context, letter)
            found.append(score)
        return found

    def score(self, context: int, letter: int) -> float:
        """Log-probability (nats) of a letter in a context: `step` without the step."""
        return self._found(context, self._place_of(letter))[2]

    def step(self, context: int, letter: int) -> tuple[float, int]:
        """Log-probability (nats) of a letter in a context, and the context after it."""
        place = self._place_of(letter)
        number, before, score = self._found(context, place)
        return score, self._entered(number, before, place)

    def _place_of(self, letter: int) -> int:
        return self._places[letter] if letter < len(self._places) else _NOWHERE

    def _found(self, context: int, place: int) -> tuple[int, int, float]:
        """The longest known n-gram that a letter makes of a context, the context in which it is, and its score."""
        backed_off = 0.0
        while True:
            found = self._letters.find(place, self._starts[context], self._starts[context + 1])
            if found >= 0:
                return found + 1, context, backed_off + _NATS[self._scores[found]]
            if context == EMPTY:
                return EMPTY, EMPTY, backed_off + _NATS[-1]
            backed_off += _NATS[self._backoffs[context]]
            context = self._shorter[context]

    def _entered(self, number: int, before: int, place: int) -> int:
        """The context that an n-gram is, or ends in: those that begin no longer ones tell nothing of what follows."""
        while number > len(self._children):
            if before == EMPTY:
                return EMPTY
            before = self._shorter[before]
            number, before, _ = self._found(before, place)
        if number != EMPTY and before != EMPTY and self._shorter[number] == EMPTY:
            shorter = self._shorter[before]
            self._shorter[number] = self._entered(*self._found(shorter, place)[:2], place)
        return number


def _fit_together(
    alphabet: NDArray[np.uint16],
    letters: NDArray[np.uint8],
    scores: NDArray[np.uint8],
    children: NDArray[np.uint8],
    backoffs: NDArray[np.uint8],
) -> bool:
    whole = len(alphabet) + int(children.sum(dtype=np.int64)) == len(letters) == len(scores)
    known = len(letters) > 0 and int(letters.max()) < len(alphabet) <= MOST_LETTERS
    return whole and known and len(backoffs) == len(children) + 1 <= len(letters) + 1


def save_models(path: Path, models: Mapping[str, CharacterModel]) -> None:
    """Write models by language into one safetensors file."""
    tensors = {f"{name}.{part}": array for name, model in models.items() for part, array in model.tensors().items()}
    path.write_bytes(save(tensors))


def to_steps(log_probabilities: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Log-probabilities as they are stored."""
    return np.clip(np.round(log_probabilities / -_STEP), 0, 255).astype(np.uint8)
