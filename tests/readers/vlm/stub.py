"""A server on this machine that speaks OpenAI's chat protocol, well or badly, and remembers what it was asked."""

import json
import socketserver
import threading
import time
from base64 import b64decode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

MODEL = "stub/reader"


@dataclass(frozen=True)
class Asked:
    """A question as it came: how many came before it, its headers and its JSON."""

    number: int
    headers: Message
    body: dict[str, Any]

    @property
    def prompt(self) -> str:
        return str(self._content("text")["text"])

    @property
    def data_url(self) -> str:
        return str(self._content("image_url")["image_url"]["url"])

    @property
    def image(self) -> NDArray[np.uint8]:
        return np.asarray(Image.open(BytesIO(b64decode(self.data_url.partition(",")[2]))))

    @property
    def mark(self) -> int:
        """The brightness of the image's first pixel, by which tests tell small images apart."""
        return int(self.image[0, 0, 0])

    def _content(self, kind: str) -> dict[str, Any]:
        *_, message = self.body["messages"]
        (part,) = [part for part in message["content"] if part["type"] == kind]
        return dict(part)


@dataclass(frozen=True)
class Told:
    """A reply, piece by piece as it is sent.

    Attributes:
        chunks: Sent one after the other, with a pause of so many seconds before each.
        cut: Whether the connection is cut behind them, before the reply is whole.
    """

    chunks: Sequence[bytes] = ()
    status: int = 200
    kind: str = "text/event-stream"
    headers: dict[str, str] = field(default_factory=dict)
    pause: float = 0.0
    cut: bool = False


Token = tuple[str | bytes, float]
"""What a token is and its log-probability; one that is a part of a character is given as bytes."""


def entries(tokens: Sequence[Token], *, unclear: bool = False) -> dict[str, Any]:
    """Log-probabilities as servers tell them; the bytes of split characters with `unclear` as most do: not at all."""
    told = []
    for token, log_probability in tokens:
        data = token if isinstance(token, bytes) else token.encode()
        text = data.decode("utf-8", "replace")
        told.append({"token": text, "logprob": log_probability, "bytes": list(text.encode() if unclear else data)})
    return {"content": told}


def event(value: object) -> bytes:
    return f"data: {json.dumps(value)}\n\n".encode()


def part(text: str, finish: str | None = None, logprobs: object = None) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish, "logprobs": logprobs}
    return event({"object": "chat.completion.chunk", "choices": [choice]})


DONE = b"data: [DONE]\n\n"


def streamed(
    text: str, *, finish: str | None = "stop", done: bool = True, logprobs: object = None, **told: Any
) -> Told:
    """A stream as vLLM sends it: the role, the text in two parts, the end, what was used."""
    half = len(text) // 2
    chunks = [
        event({"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]}),
        part(text[:half]),
        part(text[half:], None, logprobs),
        *([part("", finish)] if finish else []),
        event({"choices": [], "usage": {"total_tokens": 3}}),
        *([DONE] if done else []),
    ]
    return Told(chunks, **told)


def plain(text: str | None, *, finish: str = "stop", logprobs: object = None) -> Told:
    """One JSON object, from servers that know no streams."""
    message = {"role": "assistant", "content": text}
    choices = [{"index": 0, "message": message, "finish_reason": finish, "logprobs": logprobs}]
    return Told([json.dumps({"choices": choices}).encode()], kind="application/json")


def refused(status: int, message: str = "", **headers: str) -> Told:
    body = json.dumps({"error": {"message": message, "code": status}}).encode()
    return Told([body], status, "application/json", {name.replace("_", "-"): value for name, value in headers.items()})


def models(*entries: dict[str, Any]) -> Told:
    return Told([json.dumps({"object": "list", "data": entries}).encode()], kind="application/json")


class Stub:
    """The server; runs inside a `with`.

    Attributes:
        answer: What is told to a question.
        models: What is told of the models.
        asked: Questions so far.
        open: Questions that are being answered.
        most: The most that were open at the same time.
    """

    def __init__(self, answer: Callable[[Asked], Told] | None = None) -> None:
        self.answer = answer or (lambda asked: streamed(f"mark {asked.mark}"))
        self.models = lambda: models({"id": MODEL, "root": "weights", "max_model_len": 8192, "created": time.time_ns()})
        self.asked: list[Asked] = []
        self.most = self.open = 0
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _handler(self))

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    @property
    def marks(self) -> list[int]:
        return [asked.mark for asked in self.asked]

    def __enter__(self) -> "Stub":
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def told(self, headers: Message, body: bytes) -> Told:
        with self._lock:
            asked = Asked(len(self.asked), headers, json.loads(body))
            self.asked.append(asked)
        return self.answer(asked)

    def opened(self, by: int) -> None:
        with self._lock:
            self.open += by
            self.most = max(self.most, self.open)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def server_bind(self) -> None:
        socketserver.TCPServer.server_bind(self)  # HTTPServer would look up the name of the machine
        self.server_name, self.server_port = "localhost", self.server_address[1]

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # clients that hang up are a part of tests


def _handler(stub: Stub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._tell(stub.models() if self.path == "/v1/models" else refused(404, "Not Found"))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path != "/v1/chat/completions":
                return self._tell(refused(404, "Not Found"))
            stub.opened(1)
            try:
                told = stub.told(self.headers, body)
                return self._tell(told)
            finally:
                stub.opened(-1)

        def _tell(self, told: Told) -> None:
            self.send_response(told.status)
            for name, value in {"Content-Type": told.kind, "Transfer-Encoding": "chunked", **told.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            for chunk in told.chunks:
                time.sleep(told.pause)
                self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
                self.wfile.flush()
            if told.cut:
                self.close_connection = True
            else:
                self.wfile.write(b"0\r\n\r\n")

        def log_message(self, *args: object) -> None:
            pass

    return Handler
