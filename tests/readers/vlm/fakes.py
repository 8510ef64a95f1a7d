"""A runtime whose answers are known beforehand."""

from collections.abc import Callable, Sequence

from manuscribe.readers.vlm.answers import Answer, Piece, Question

LEVELS = ("word", "line", "paragraph", "page")


class FakeRuntime:
    """Answers by a function, and remembers what it was asked."""

    name, version, at_once = "fake", "1", 1
    choices = {"engine": "none"}  # noqa: RUF012
    prompts = {level: f"<image>\nRead the {level}." for level in LEVELS}  # noqa: RUF012
    sizes = ("large", "small", "tiles")

    def __init__(self, answer: Callable[[Question], Answer]) -> None:
        self._answer = answer
        self.asked: list[Question] = []

    def takes(self, size: str) -> bool:
        return size in self.sizes

    def ask(self, questions: Sequence[Question]) -> list[Answer]:
        self.asked += questions
        return [self._answer(question) for question in questions]


def said(text: str, *, sure: float = -0.1, ended: bool = True, looped: bool = False) -> Answer:
    """An answer of tokens of a word each."""
    words = text.split(" ")
    pieces = [word + " " for word in words[:-1]] + words[-1:]
    return Answer(text, tuple(Piece(piece, sure) for piece in pieces if piece), ended, looped)
