"""What a vision-language model is asked, and what it answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""An image, H×W grey or H×W×3 RGB, at least 1×1."""


@dataclass(frozen=True, slots=True)
class Question:
    """An image with what is asked of it.

    Attributes:
        prompt: As the model learnt it, with `<image>` where the image stands, if the model's prompts have that; a
            runtime whose protocol has another place for images takes it out.
        longest: Tokens that the answer has at most.
        careful: Ask again after an answer that went round in circles: the runtime forbids short runs of tokens to come
            again, where it can.
        size: One of the runtime's `sizes`, at which the model sees the image; `None` is the runtime's own.
    """

    image: Pixels
    prompt: str
    longest: int
    careful: bool = False
    size: str | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """A token of an answer: its text, and the natural logarithm of its probability."""

    text: str
    log_probability: float


@dataclass(frozen=True, slots=True)
class Answer:
    """A text, and how it came about.

    Attributes:
        text: The answer without the tokens that frame it.
        pieces: Its tokens in order, whose texts together are `text`; empty where the runtime does not tell.
        ended: Whether the model came to an end by itself; otherwise the longest text was reached.
        looped: Whether it went round in circles and was stopped, or its circles were found afterwards.
    """

    text: str
    pieces: tuple[Piece, ...] = ()
    ended: bool = True
    looped: bool = False


class Runtime(Protocol):
    """What computes a vision-language model, here or elsewhere.

    Attributes:
        name: The model.
        version: Tells models of one name apart.
        choices: What it runs with, names to values, for the record of a reading.
        prompts: The model's own prompts by level (`"word"`, `"line"`, `"paragraph"`, `"page"`).
        sizes: Names of sizes at which it can see an image, the usual one first; empty where it sees them as they are.
        at_once: Questions that are worth asking together, at least 1.
    """

    name: str
    version: str
    choices: Mapping[str, str]
    prompts: Mapping[str, str]
    sizes: Sequence[str]
    at_once: int

    def takes(self, size: str) -> bool:
        """Whether there is such a size: one of `sizes`, or another that it understands."""
        ...

    def ask(self, questions: Sequence[Question]) -> list[Answer]:
        """The answers, in the questions' order; may be called from several threads.

        Raises:
            ManuscribeError: There is no answer to one of them.
        """
        ...
