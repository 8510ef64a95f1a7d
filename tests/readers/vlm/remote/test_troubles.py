"""Servers that fail: what is asked again, what is not, and what people are told."""

import socket
import time
from collections.abc import Callable, Iterable, Iterator

import pytest

from manuscribe.errors import ModelError
from manuscribe.readers.vlm.answers import Question
from manuscribe.readers.vlm.remote import endpoint as endpoint_module
from manuscribe.readers.vlm.remote.retrying import ATTEMPTS
from manuscribe.readers.vlm.remote.runtime import RemoteRuntime
from tests.readers.vlm.stub import DONE, MODEL, Asked, Stub, Told, event, models, part, plain, refused, streamed

Make = Callable[..., RemoteRuntime]
Ask = Callable[..., Question]


def one_by_one(replies: Iterable[Told]) -> Callable[[Asked], Told]:
    rest: Iterator[Told] = iter(replies)
    return lambda asked: next(rest)


PASSING = {
    "overload": refused(429, "slow down", Retry_After="0"),
    "failure": refused(500, "out of memory"),
    "gateway": Told([b"<html>Bad gateway</html>"], 502, "text/html"),
    "loading": refused(503, "loading the model"),
    "late gateway": refused(504),
    "nothing": Told(cut=True),
    "cut": Told([part("half of the te")], cut=True),
    "cut within an event": Told([part("half of the text")[:20]], cut=True),
    "no end": streamed("half of the te", finish=None, done=False),
    "no end of JSON": Told([plain("half of the text").chunks[0][:60]]),
    "empty": Told(),
    "error in the stream": Told([part("half"), event({"error": {"message": "engine died", "code": 500}}), DONE]),
    "error of llama.cpp": Told([part("half"), b'error: {"code": 503, "message": "busy"}\n\n']),
    "given up": streamed("half of the te", finish="abort"),
}


@pytest.mark.parametrize("reply", PASSING.values(), ids=PASSING)
def test_what_may_pass_is_asked_again(
    stub: Stub, runtime: Make, question: Ask, pauses: list[float], reply: Told
) -> None:
    stub.answer = one_by_one([reply, reply, streamed("whole")])
    assert runtime().ask([question()])[0].text == "whole"
    assert len(pauses) == 2


@pytest.mark.parametrize("reply", PASSING.values(), ids=PASSING)
def test_what_does_not_pass_ends(stub: Stub, runtime: Make, question: Ask, pauses: list[float], reply: Told) -> None:
    stub.answer = lambda asked: reply
    with pytest.raises(ModelError, match=f"^After {ATTEMPTS} attempts: 127.0.0.1:") as raised:
        runtime().ask([question()])
    assert raised.value.remedy
    assert "\n" not in str(raised.value)
    assert len(stub.asked) == ATTEMPTS == len(pauses) + 1


def test_silence_ends_by_the_time_limit(stub: Stub, runtime: Make, question: Ask) -> None:
    late = Told([part("a"), part("b"), DONE], pause=0.5)
    stub.answer = one_by_one([late, streamed("in time")])
    assert runtime(timeout=0.2).ask([question()])[0].text == "in time"
    stub.answer = lambda asked: late
    with pytest.raises(ModelError, match=r"sent nothing for 0\.05 seconds"):
        runtime(timeout=0.05).ask([question()])


def test_a_slow_stream_is_waited_for(stub: Stub, runtime: Make, question: Ask) -> None:
    stub.answer = lambda asked: streamed("slowly", pause=0.1)
    assert runtime(timeout=0.4).ask([question()])[0].text == "slowly"


def test_a_reply_that_never_ends_is_given_up(
    stub: Stub, runtime: Make, question: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint_module, "LONGEST_TIME", 0.05)
    stub.answer = lambda asked: Told([b": still here\n\n"] * 100, pause=0.02)
    with pytest.raises(ModelError, match="took longer than"):
        runtime().ask([question()])


def test_a_cut_behind_the_end_costs_nothing(stub: Stub, runtime: Make, question: Ask, pauses: list[float]) -> None:
    stub.answer = lambda asked: Told([part("whole", "stop")], cut=True)
    assert runtime().ask([question()])[0].text == "whole"
    assert pauses == []


@pytest.mark.parametrize(
    ("asked", "waited"),
    [
        ("0", (0, 0)),
        ("2.5", (2.5, 2.5)),
        ("86400", (60, 60)),
        ("-5", (0, 0)),
        ("nan", (0.5, 1)),
        ("soon", (0.5, 1)),
        ("Thu, 01 Jan 1970 00:00:00 GMT", (0, 0)),
        ("Thu, 31 Dec 2099 23:59:59 GMT", (60, 60)),
    ],
)
def test_the_server_may_say_how_long_to_wait(
    stub: Stub, runtime: Make, question: Ask, pauses: list[float], asked: str, waited: tuple[float, float]
) -> None:
    stub.answer = one_by_one([refused(429, Retry_After=asked), streamed("well")])
    runtime().ask([question()])
    assert waited[0] <= pauses[0] <= waited[1]


def test_pauses_grow(stub: Stub, runtime: Make, question: Ask, pauses: list[float]) -> None:
    stub.answer = lambda asked: refused(503)
    with pytest.raises(ModelError):
        runtime().ask([question()])
    assert all(2**turn / 2 <= pause <= 2**turn for turn, pause in enumerate(pauses))


LASTING = {
    "no key": (refused(401, "Unauthorized"), "asks for a key with 401: Unauthorized. Set .* MANUSCRIBE_API_KEY"),
    "forbidden": (refused(403), "MANUSCRIBE_API_KEY"),
    "no image": (refused(400, "this model sees no images"), "with 400: this model sees no images"),
    "invalid": (Told([b'{"detail": [{"loc": ["model"]}]}'], 422), 'with 422: .*"model"'),
    "too large": (Told([b"Request Entity Too Large"], 413), "413: Request Entity Too Large"),
    "elsewhere": (refused(307, Location="http://127.0.0.1:9/v1"), "leads to another address"),
    "a web page": (Told([b"<html>Hello</html>"], kind="text/html"), "something else than a chat.*/v1"),
    "other JSON": (Told([b'{"choices": "none"}']), "something else than a chat"),
    "wrong JSON": (Told([b"data: {choices]\n\n", DONE]), "something else than a chat"),
    "deep JSON": (Told([b'{"choices":' + b"[" * 100_000 + b"}"]), "something else than a chat"),
    "a list": (Told([b"[1, 2]"]), "something else than a chat"),
    "other encoding": (Told([b"\xff\xfe\x00"]), "something else than a chat"),
    "refusal in the stream": (Told([event({"error": {"message": "bad image", "code": 400}})]), "error: bad image"),
    "huge": (Told([part("x" * 1000) * 1000] * 6, pause=0), "more than 4 MiB"),
}


@pytest.mark.parametrize(("reply", "told"), LASTING.values(), ids=LASTING)
def test_what_lasts_is_told_at_once(
    stub: Stub, runtime: Make, question: Ask, pauses: list[float], reply: Told, told: str
) -> None:
    stub.answer = lambda asked: reply
    with pytest.raises(ModelError, match=told) as raised:
        runtime().ask([question()])
    assert (len(stub.asked), pauses) == (1, [])
    assert "\n" not in str(raised.value)


def test_a_wrong_name_is_told_with_the_right_ones(stub: Stub, runtime: Make, question: Ask) -> None:
    stub.answer = lambda asked: refused(404, "The model does not exist.")
    stub.models = lambda: models({"id": "one"}, {"id": "two\x1b[31m"})
    with pytest.raises(ModelError, match=r"no model 'wrong'.*It offers one, two \[31m\.$"):
        runtime("wrong").ask([question()])
    stub.models = lambda: refused(404)
    with pytest.raises(ModelError, match=r"no model 'wrong'.*ends in /v1\.$"):
        runtime("wrong").ask([question()])


def test_long_words_of_a_server_are_cut(stub: Stub, runtime: Make, question: Ask) -> None:
    stub.answer = lambda asked: refused(400, "no\n" * 10_000)
    with pytest.raises(ModelError) as raised:
        runtime().ask([question()])
    assert len(str(raised.value)) < 500


def test_an_endpoint_that_is_not_there_is_told_before_reading(pauses: list[float]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        with pytest.raises(ModelError, match=r"cannot be reached.*server runs"):
            RemoteRuntime(MODEL, f"http://127.0.0.1:{taken.getsockname()[1]}/v1", pause=pauses.append)
    assert len(pauses) == ATTEMPTS - 1


def test_a_server_that_is_loading_is_waited_for(stub: Stub, runtime: Make) -> None:
    loaded = stub.models
    replies = iter([refused(503), Told([b'{"data"'], cut=True), loaded()])
    stub.models = lambda: next(replies)
    assert runtime().version.startswith("id stub/reader")


def test_a_missing_key_is_told_before_reading(stub: Stub, runtime: Make) -> None:
    stub.models = lambda: refused(401, "Unauthorized")
    with pytest.raises(ModelError, match="MANUSCRIBE_API_KEY"):
        runtime()


def test_a_huge_list_of_models_is_no_obstacle(stub: Stub, runtime: Make) -> None:
    stub.models = lambda: Told([b'{"data": [' + b" " * (5 << 20) + b"]}"])
    begun = time.monotonic()
    assert runtime().version == "remote"
    assert time.monotonic() - begun < 5
