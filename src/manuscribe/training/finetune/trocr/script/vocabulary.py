"""A tokenizer's tokens: their numbers, and how they are spelt."""

import json
from dataclasses import dataclass
from typing import Any, Literal

from tokenizers import Tokenizer

from manuscribe.errors import ModelError

Spelling = Literal["bytes", "pieces", "characters"]
"""How a tokenizer spells its tokens: a letter for each byte (RoBERTa), `▁` for spaces (sentencepiece), or plainly."""

_SPACE = "▁"


def _byte_letters() -> dict[int, str]:
    """The letter that a byte-level BPE writes for each byte (GPT-2's `bytes_to_unicode`)."""
    own = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(0x100) if byte not in own]
    return {byte: chr(byte) for byte in own} | {byte: chr(0x100 + place) for place, byte in enumerate(others)}


_LETTERS = _byte_letters()
_BYTES = {letter: byte for byte, letter in _LETTERS.items()}


@dataclass(frozen=True)
class Vocabulary:
    """A tokenizer with its tokens by their numbers.

    Attributes:
        name: Where it is from, for messages.
        special: Numbers of tokens that are no text, such as `</s>`.
        spelling: `None` where it is none that we know.
    """

    name: str
    tokenizer: Tokenizer
    tokens: tuple[str, ...]
    numbers: dict[str, int]
    special: frozenset[int]
    spelling: Spelling | None

    @classmethod
    def of(cls, tokenizer: Tokenizer, name: str) -> "Vocabulary":
        """The vocabulary of a tokenizer.

        Raises:
            ModelError: The numbers of its tokens have gaps.
        """
        numbers = tokenizer.get_vocab(with_added_tokens=True)
        tokens = tuple(sorted(numbers, key=lambda token: numbers[token]))
        if [numbers[token] for token in tokens] != list(range(len(tokens))):
            raise ModelError(f"The tokenizer of {name} numbers its tokens with gaps.", "Fetch the checkpoint again.")
        special = frozenset(number for number, token in tokenizer.get_added_tokens_decoder().items() if token.special)
        return cls(name, tokenizer, tokens, numbers, special, _spelling_of(tokenizer))

    def pieces(self, spelt: str) -> tuple[int, ...]:
        """The tokens that write what is spelt as here; none where an unknown one would be among them."""
        number = self.numbers.get(spelt)
        if number is not None:
            return () if number in self.special else (number,)
        found = tuple(token.id for token in self.tokenizer.model.tokenize(spelt))
        return found if "".join(self.tokens[number] for number in found) == spelt else ()

    def pieces_of_bytes(self, text: bytes) -> tuple[int, ...]:
        """The tokens that write a piece of text, which may end amid a letter; none where they cannot."""
        if self.spelling == "bytes":
            return self.pieces("".join(_LETTERS[byte] for byte in text))
        try:
            spelt = text.decode()
        except UnicodeDecodeError:
            return ()
        return self.pieces(spelt.replace(" ", _SPACE) if self.spelling == "pieces" else spelt) if self.spelling else ()

    def bytes_of(self, number: int) -> bytes:
        """The piece of text that a token writes, of a tokenizer of bytes or characters."""
        token = self.tokens[number]
        return bytes(_BYTES[letter] for letter in token) if self.spelling == "bytes" else token.encode()


def _spelling_of(tokenizer: Tokenizer) -> Spelling | None:
    model, decoder = type(tokenizer.model).__name__, type(tokenizer.decoder).__name__
    if model == "Unigram":
        return "pieces"
    if (model, decoder) == ("BPE", "ByteLevel"):
        return "bytes"
    if (model, decoder) == ("BPE", "Fuse") and not values_of(tokenizer)["model"]["merges"]:
        return "characters"
    return None


def values_of(tokenizer: Tokenizer) -> dict[str, Any]:
    """What `tokenizer.json` holds."""
    values: dict[str, Any] = json.loads(tokenizer.to_str())
    return values
