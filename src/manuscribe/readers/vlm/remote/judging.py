"""What a reply means: an answer, or what is wrong and what to do."""

from typing import TYPE_CHECKING

from manuscribe.readers.vlm.answers import Answer
from manuscribe.readers.vlm.remote.key import VARIABLE
from manuscribe.readers.vlm.remote.models import offered
from manuscribe.readers.vlm.remote.replies import BadReplyError, read_reply
from manuscribe.readers.vlm.remote.troubles import OVERLOADED, Trouble, in_one_line, message_in

if TYPE_CHECKING:
    from manuscribe.readers.vlm.remote.endpoint import Endpoint, Reply

_CHECK_ADDRESS = "Check the address: mostly it ends in /v1."
_LOOK = "Look into the server's log; what was read so far is kept."


def judged(reply: "Reply", endpoint: "Endpoint", model: str) -> Answer | Trouble:
    """The answer in a reply to a question, or why there is none."""
    if reply.status == 404:
        return _absent(endpoint, model)
    return refusal(reply, endpoint) or _answer(reply, endpoint)


def refusal(reply: "Reply", endpoint: "Endpoint") -> Trouble | None:
    """Why a request was not let through; `None` if it was."""
    if not reply.status:
        return reply.flaw
    if 200 <= reply.status < 300:
        return None
    words = _words(reply.body, endpoint)
    if reply.status in OVERLOADED:
        return Trouble(f"{endpoint.name} fails with {reply.status}{words}", _LOOK, passing=True, wait=reply.wait)
    if reply.status in (401, 403):
        return _locked(reply.status, endpoint, words)
    if 300 <= reply.status < 400:
        return Trouble(f"{endpoint.name} leads to another address", "Give that address: a key is not sent on.")
    return Trouble(f"{endpoint.name} refuses the request with {reply.status}{words}", "Change what it complains of.")


def _locked(status: int, endpoint: "Endpoint", words: str) -> Trouble:
    does = f"refuses the key in {VARIABLE}" if endpoint.key else "asks for a key"
    return Trouble(
        f"{endpoint.name} {does} with {status}{words}",
        f"Set the environment variable {VARIABLE} to a key that it takes.",
    )


def _absent(endpoint: "Endpoint", model: str) -> Trouble:
    names = [in_one_line(endpoint.key.hidden_in(name), 80) for name in offered(endpoint)]
    remedy = f"Is the name right? It offers {', '.join(names)}." if names else f"Check the name. {_CHECK_ADDRESS}"
    return Trouble(f"{endpoint.name} has no model '{model}', or is no such endpoint", remedy)


def _answer(reply: "Reply", endpoint: "Endpoint") -> Answer | Trouble:
    if reply.flaw and not reply.flaw.passing:
        return reply.flaw
    try:
        read = read_reply(reply.body)
    except BadReplyError:
        return reply.flaw or Trouble(f"{endpoint.name} answers with something else than a chat", _CHECK_ADDRESS)
    if read.answer:
        return read.answer
    if read.error:
        passing = read.code in OVERLOADED
        return Trouble(f"{endpoint.name} ends with an error{_words(read.error, endpoint)}", _LOOK, passing=passing)
    return reply.flaw or Trouble(f"{endpoint.name} ends in the middle of an answer", _LOOK, passing=True)


def _words(body: bytes, endpoint: "Endpoint") -> str:
    """The server's own words, to be put behind ours; without the key, which some servers cite."""
    words = in_one_line(endpoint.key.hidden_in(message_in(body))).rstrip(".")
    return f": {words}" if words else ""
