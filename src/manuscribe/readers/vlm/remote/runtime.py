"""A vision-language model behind an endpoint, as a runtime."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from http import HTTPStatus
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any

from manuscribe.errors import UsageError
from manuscribe.extras import missing
from manuscribe.readers.vlm.answers import Answer, Question
from manuscribe.readers.vlm.prompts import INSTRUCTED, prompts_by_name
from manuscribe.readers.vlm.remote.images import SIZES
from manuscribe.readers.vlm.remote.judging import judged, refusal
from manuscribe.readers.vlm.remote.models import models_reply, version_in
from manuscribe.readers.vlm.remote.requests import refused_by, request_of
from manuscribe.readers.vlm.remote.retrying import patiently
from manuscribe.readers.vlm.remote.together import together
from manuscribe.readers.vlm.remote.troubles import Trouble

if TYPE_CHECKING:
    from manuscribe.readers.vlm.remote.endpoint import Endpoint

_REFUSALS = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY)


class RemoteRuntime:
    """Asks a model at an endpoint that speaks OpenAI's chat protocol.

    The key, if the endpoint wants one, is in the environment variable `MANUSCRIBE_API_KEY`. What may pass (an overload,
    a cut connection, silence) is met by asking again, more and more seldom. Log-probabilities and measures against
    circles are asked for until the server refuses them.

    Args:
        model: The name that the server knows it by.
        endpoint: Address to which `/chat/completions` is added, such as `http://localhost:8000/v1`.
        at_once: Questions that are asked at the same time at most, from all threads together.
        timeout: Seconds of silence after which a reply is given up.
        pause: Waits for so many seconds before the endpoint is asked again.

    Raises:
        ModelError: The endpoint cannot be reached, or refuses the key.
        UsageError: httpx is not installed, or an argument makes no sense.
    """

    def __init__(
        self,
        model: str,
        endpoint: str,
        *,
        at_once: int = 4,
        timeout: float = 300.0,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        if missing("httpx"):
            raise UsageError("Asking an endpoint needs httpx.", "Run: pip install 'manuscribe[vlm]'")
        if not model:
            raise UsageError("The endpoint's model has no name.", "Name it as the server does.")
        if at_once < 1:
            raise UsageError(f"{at_once} questions cannot be asked at once.", "Use 1 or more.")
        from manuscribe.readers.vlm.remote.endpoint import Endpoint

        self._endpoint = Endpoint(endpoint, timeout)
        self._pause = pause
        self._slots = BoundedSemaphore(at_once)
        self._refused: set[str] = set()
        self.name, self.at_once = model, at_once
        self.version = patiently(partial(_version, self._endpoint, model), pause)
        self.choices: Mapping[str, str] = {"endpoint": self._endpoint.name}
        self.prompts: Mapping[str, str] = prompts_by_name(model) or INSTRUCTED
        self.sizes: Sequence[str] = SIZES

    def __repr__(self) -> str:
        return f"RemoteRuntime({self.name!r} at {self._endpoint.name})"

    def takes(self, size: str) -> bool:
        """See `answers.Runtime`."""
        return size in self.sizes

    def ask(self, questions: Sequence[Question]) -> list[Answer]:
        """The answers, in the questions' order; may be called from several threads.

        Raises:
            ModelError: The endpoint gave no answer to one of them.
            UsageError: A question has a size that is none of `sizes`.
        """
        return together(self._answer, questions, self.at_once)

    def _answer(self, question: Question) -> Answer:
        request = request_of(question, self.name)
        with self._slots:
            return patiently(partial(self._attempt, request), self._pause)

    def _attempt(self, request: dict[str, Any]) -> Answer | Trouble:
        taken = {name: value for name, value in request.items() if name not in self._refused}
        reply = self._endpoint.post("/chat/completions", json.dumps(taken).encode())
        refused = refused_by(reply.body, taken) if reply.status in _REFUSALS else set()
        if refused:
            self._refused.update(refused)
            return self._attempt(taken)
        return judged(reply, self._endpoint, self.name)


def _version(endpoint: "Endpoint", model: str) -> str | Trouble:
    """The model's version; trouble if it might be another one when asked again, or if nothing can be asked."""
    reply = models_reply(endpoint)
    trouble = refusal(reply, endpoint) or reply.flaw
    # A key may be good for questions alone.
    if trouble and (trouble.passing or reply.status == HTTPStatus.UNAUTHORIZED):
        return trouble
    return version_in(reply, model)
