"""The key goes to the endpoint, and nowhere else."""

import logging
import traceback
from collections.abc import Callable

import pytest

from manuscribe.errors import ManuscribeError, ModelError, UsageError
from manuscribe.readers.vlm.answers import Question
from manuscribe.readers.vlm.remote.key import VARIABLE, Key
from manuscribe.readers.vlm.remote.runtime import RemoteRuntime
from tests.readers.vlm.stub import Asked, Stub, Told, event, models, refused, streamed

KEY = "sk-secret-0123456789"
Make = Callable[..., RemoteRuntime]
Ask = Callable[..., Question]


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    monkeypatch.setenv(VARIABLE, f" {KEY}\n")
    for name in (None, "httpx", "httpcore"):
        caplog.set_level(logging.DEBUG, name)
    return caplog


def citing(asked: Asked) -> Told:
    return refused(400, f"invalid request with {asked.headers['Authorization']}")


REPLIES: dict[str, Callable[[Asked], Told]] = {
    "answer": lambda asked: streamed("fine"),
    "refusal": lambda asked: refused(401, f"Incorrect API key provided: {KEY}"),
    "cited": citing,
    "cited where words are cut": lambda asked: refused(400, "x" * 290 + KEY),
    "cited in a stream": lambda asked: Told([event({"error": {"message": KEY, "code": 400}})]),
    "failure": lambda asked: refused(500, KEY),
    "cut": lambda asked: Told(cut=True),
    "elsewhere": lambda asked: refused(302, Location="/v1/elsewhere"),
    "absent": lambda asked: refused(404, KEY),
}


@pytest.mark.parametrize("answer", REPLIES.values(), ids=REPLIES)
def test_it_is_sent_and_never_told(
    stub: Stub, runtime: Make, question: Ask, logs: pytest.LogCaptureFixture, answer: Callable[[Asked], Told]
) -> None:
    stub.models = lambda: models({"id": f"model of {KEY}"}, {"id": "another"})
    stub.answer = answer
    reader = runtime()
    told = [repr(reader), repr(reader.choices), reader.version, *map(repr, vars(reader).values())]
    try:
        reader.ask([question()])
    except ManuscribeError as error:
        told += traceback.format_exception(error)
        told += [repr(error), repr(vars(error)), repr(error.__cause__), repr(error.__context__)]
    assert stub.asked[0].headers["Authorization"] == f"Bearer {KEY}"
    assert logs.records, "the loggers of the libraries were heard"
    told += [record.getMessage() + repr(record.args) for record in logs.records]
    assert not [text for text in told if KEY[:8] in text]


def test_it_is_not_sent_to_where_the_endpoint_leads(
    stub: Stub, runtime: Make, question: Ask, logs: pytest.LogCaptureFixture
) -> None:
    with Stub() as other:
        stub.answer = lambda asked: refused(307, Location=f"{other.endpoint}/chat/completions")
        with pytest.raises(ModelError, match="another address"):
            runtime().ask([question()])
        assert other.asked == []


@pytest.mark.parametrize("key", ["two words", "sk-zeile\nzwei", "clé", "\x07"])
def test_what_can_be_no_key_is_refused_without_citing_it(
    stub: Stub, runtime: Make, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv(VARIABLE, key)
    with pytest.raises(UsageError, match=VARIABLE) as raised:
        runtime()
    assert key not in str(raised.value)


def test_an_empty_key_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, " ")
    key = Key()
    assert (bool(key), key.headers, key.hidden_in("a text"), repr(key)) == (False, {}, "a text", "Key(none)")
    monkeypatch.setenv(VARIABLE, KEY)
    assert repr(Key()) == "Key(set)"


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        (f"http://user:{KEY}@host/v1", "holds credentials"),
        (f"http://{KEY}@host/v1", "holds credentials"),
        (f"ftp://user:{KEY}@host/v1", "holds credentials"),
        ("ftp://host/v1", "http:// or https://"),
        ("file:///etc/passwd", "http:// or https://"),
        ("localhost:8000/v1", "http:// or https://"),
        ("", "http:// or https://"),
        ("http://", "http:// or https://"),
        (f"http://host:{KEY}/v1", "http:// or https://"),
        (f"http://{'a' * 70}.org/v1", "http:// or https://"),
        ("http://a..b/v1", "http:// or https://"),
        ("http://xn--a/v1", "http:// or https://"),
        ("http://host/v1\x00", "http:// or https://"),
        (f"http://host/v1?key={KEY}", "a query"),
        (f"http://host/v1#{KEY}", "a fragment"),
    ],
)
def test_addresses_that_are_none_or_hold_secrets_are_refused(address: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem) as raised:
        RemoteRuntime("model", address)
    assert KEY not in "".join(traceback.format_exception(raised.value))


def test_addresses_are_told_by_host_and_path() -> None:
    from manuscribe.readers.vlm.remote.address import checked

    place = checked(" HTTPS://Example.org:8443/api/v1/ ")
    assert (place.url, place.name) == ("https://example.org:8443/api/v1", "example.org:8443/api/v1")
    assert checked("http://bücher.example/v1").name == "xn--bcher-kva.example/v1"
    assert checked("http://[::1]:8000").url == "http://[::1]:8000"
