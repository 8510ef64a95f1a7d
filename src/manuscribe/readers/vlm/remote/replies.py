"""Replies of OpenAI's chat protocol: a stream of server-sent events, or one JSON object."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError

from manuscribe.readers.vlm.answers import Answer
from manuscribe.readers.vlm.remote.pieces import Token, pieces_of

_LAST = b"[DONE]"
_FIELDS = (b"", b"data", b"error", b"event", b"id", b"retry")
_CUT_SHORT = frozenset({"length", "repetition", "content_filter"})
_BROKEN = frozenset({"abort", "error"})  # what vLLM says of answers that it gave up


class BadReplyError(ValueError):
    """What came is no reply of the protocol."""


class _Token(BaseModel):
    token: str = ""
    logprob: float
    data: list[Annotated[int, Field(ge=0, le=255)]] | None = Field(default=None, alias="bytes")

    def read(self) -> Token:
        return Token(self.token.encode() if self.data is None else bytes(self.data), self.logprob)


class _Logprobs(BaseModel):
    content: list[_Token] | None = None


class _Words(BaseModel):
    content: str | None = None


class _Choice(BaseModel):
    # A stream has the one, a single object the other.
    delta: _Words | None = None
    message: _Words | None = None
    finish_reason: str | None = None
    logprobs: Any = None


class _Part(BaseModel):
    choices: list[_Choice] = []
    error: Any = None


@dataclass(slots=True)
class _Told:
    """What the parts of a reply told so far."""

    text: str = ""
    tokens: list[Token] = field(default_factory=list)
    reason: str = ""
    ended: bool = False

    def add(self, part: _Part) -> None:
        for choice in part.choices[:1]:
            words = choice.delta or choice.message
            self.text += (words and words.content) or ""
            self.reason = choice.finish_reason or self.reason
            self.ended = self.ended or bool(self.reason) or choice.message is not None
            self.tokens += _tokens(choice.logprobs)


@dataclass(frozen=True, slots=True)
class Read:
    """A reply that was understood, as far as it came.

    Attributes:
        answer: What was answered; `None` if the reply ends before the answer does.
        error: The server's own words, as JSON, on why there is no answer; empty if it gives none.
        code: State of HTTP that goes with the error; 500 if the server does not say.
    """

    answer: Answer | None = None
    error: bytes = b""
    code: int = 500


def read_reply(body: bytes) -> Read:
    """The answer in the body of a reply.

    Raises:
        BadReplyError: There is something in it that is not of the protocol.
    """
    if _is_cut(body):
        return Read()
    told = _Told()
    for data in _parts(body):
        if data == _LAST:
            told.ended = True
            break
        part = _parsed(data)
        if part.error:
            return Read(error=data, code=_code(part.error))
        told.add(part)
    if not told.ended or told.reason in _BROKEN:
        return Read()
    looped = told.reason == "repetition"
    return Read(Answer(told.text, pieces_of(told.tokens, told.text), told.reason not in _CUT_SHORT, looped))


def _is_cut(body: bytes) -> bool:
    return _is_object(body) and not body.rstrip().endswith(b"}")


def _is_object(body: bytes) -> bool:
    return body.lstrip().startswith(b"{")


def _parts(body: bytes) -> Iterable[bytes]:
    return [body] if _is_object(body) else _events(body)


def _events(body: bytes) -> Iterator[bytes]:
    """The data of the events of a stream, as far as they are whole.

    By the HTML standard, section 9.2.6; the data of the protocol's events have one line each.
    """
    *lines, begun = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    for line in lines:
        name, _, value = line.partition(b":")
        if name not in _FIELDS:
            raise BadReplyError
        if name == b"data":
            yield value.strip()
        elif name == b"error":  # as llama.cpp said it
            yield b'{"error": %s}' % value
    if not any(name.startswith(begun.partition(b":")[0]) for name in _FIELDS):
        raise BadReplyError


def _parsed(data: bytes) -> _Part:
    try:
        return _Part.model_validate_json(data)
    except ValidationError:
        raise BadReplyError from None


def _tokens(logprobs: Any) -> list[Token]:
    """The tokens of a part; none if they are told in another way, which costs the answer nothing."""
    try:
        return [token.read() for token in _Logprobs.model_validate(logprobs or {}).content or ()]
    except ValidationError:
        return []


def _code(error: Any) -> int:
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, int) else 500
