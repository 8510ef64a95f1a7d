"""Tokens of a reply, put together so that their texts are the answer's."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from manuscribe.readers.vlm.answers import Piece

_UNCLEAR = "\N{REPLACEMENT CHARACTER}".encode()


@dataclass(frozen=True, slots=True)
class Token:
    """A token as a server tells it: its UTF-8, which may be a part of a character, and its log-probability."""

    data: bytes
    log_probability: float


def pieces_of(tokens: Sequence[Token], text: str) -> tuple[Piece, ...]:
    """The tokens as pieces that join to the text; none if they do not.

    Tokens that share a character become one piece, with the product of their probabilities. Servers that do not tell
    the bytes of such tokens put replacement characters in their place, or nothing; what these stand for is found
    between the tokens beside them. What follows the text's end, the token that ends it above all, is left out.
    """
    joining = _Joining(text.encode())
    for token in tokens:
        if joining.done:
            break
        if not joining.add(token):
            return ()
    return tuple(joining.pieces) if joining.finish() else ()


class _Joining:
    """Goes along the text, token by token.

    `_begin` and `_place` are where the piece in the making begins and ends; `_unclear` is how many bytes, at most, the
    text has there for tokens that could not be understood.
    """

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._begin = self._place = self._unclear = 0
        self._log_probability = 0.0
        self.pieces: list[Piece] = []

    @property
    def done(self) -> bool:
        """Whether the text is used up."""
        return self._begin == len(self._text) and not self._unclear

    def add(self, token: Token) -> bool:
        """Go on by a token; whether the text goes on so."""
        if not math.isfinite(token.log_probability):
            return False
        if self._unclear and token.data and _UNCLEAR not in token.data:
            if not self._close(token.data):
                return False
            if self.done:
                return True
        self._log_probability += min(token.log_probability, 0.0)
        if not self._unclear and self._text.startswith(token.data, self._place):
            self._place += len(token.data)
        elif _UNCLEAR in token.data or self._unclear:
            self._unclear += len(token.data)
            return True
        else:
            return False
        if self._place > self._begin and self._is_boundary(self._place):
            self._cut()
        return True

    def finish(self) -> bool:
        """End the text; whether all of it was used."""
        return self.done or (bool(self._unclear) and self._close(b""))

    def _close(self, following: bytes) -> bool:
        """End what was unclear where the following token is found; at the text's end if it is not, or is empty."""
        end = self._text.find(following, self._begin + 1) if following else len(self._text)
        if end < 0:
            end = len(self._text)
        if not self._begin < end <= self._place + self._unclear or not self._is_boundary(end):
            return False
        self._place, self._unclear = end, 0
        self._cut()
        return True

    def _is_boundary(self, place: int) -> bool:
        """Whether a character begins here: bytes within one are 10xxxxxx in UTF-8."""
        return place == len(self._text) or self._text[place] & 0xC0 != 0x80

    def _cut(self) -> None:
        piece = self._text[self._begin : self._place].decode("utf-8")
        self.pieces.append(Piece(piece, self._log_probability))
        self._begin, self._log_probability = self._place, 0.0
