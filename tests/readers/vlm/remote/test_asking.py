"""What is asked, and what becomes of good replies."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from manuscribe.errors import ModelError, UsageError
from manuscribe.readers.vlm.answers import Piece, Question
from manuscribe.readers.vlm.remote.runtime import RemoteRuntime
from tests.readers.vlm.stub import DONE, Asked, Stub, Told, entries, models, part, plain, refused, streamed

Make = Callable[..., RemoteRuntime]
Ask = Callable[..., Question]


def test_a_question_has_image_prompt_and_limits(stub: Stub, runtime: Make, question: Ask) -> None:
    (answer,) = runtime().ask([question(7, prompt="<image>\nFree OCR. ")])
    assert (answer.text, answer.ended, answer.looped) == ("mark 7", True, False)
    (asked,) = stub.asked
    assert asked.prompt == "Free OCR. "
    assert asked.data_url.startswith("data:image/png;base64,")
    assert np.array_equal(asked.image, np.full((8, 12, 3), 7))
    assert (asked.body["max_tokens"], asked.body["temperature"], asked.body["stream"]) == (50, 0, True)
    assert asked.body["logprobs"] is True
    assert "Authorization" not in asked.headers


def test_grey_images_are_sent_as_rgb(stub: Stub, runtime: Make) -> None:
    runtime().ask([Question(np.full((5, 4), 9, np.uint8), "Read.", 10)])
    assert np.array_equal(stub.asked[0].image, np.full((5, 4, 3), 9))


@pytest.mark.parametrize(
    ("shape", "size", "sent"),
    [
        ((3000, 1500), None, (2048, 1024)),
        ((3000, 1500), "1024", (1024, 512)),
        ((100, 50), "1024", (100, 50)),
        ((64, 3000), None, (64, 3000)),  # a line stays as high as lines are cut
        ((128, 6000), None, (64, 3000)),
        ((64, 20000), None, (26, 8192)),
        ((1, 20000), None, (1, 8192)),
    ],
)
def test_large_images_are_scaled_down(
    stub: Stub, runtime: Make, shape: tuple[int, int], size: str | None, sent: tuple[int, int]
) -> None:
    runtime().ask([Question(np.full((*shape, 3), 255, np.uint8), "Read.", 10, size=size)])
    assert stub.asked[0].image.shape[:2] == sent


def test_pages_are_sent_as_jpeg_close_to_what_they_are(stub: Stub, runtime: Make) -> None:
    page = np.full((1200, 1000, 3), 240, np.uint8)
    page[500:510, 100:900] = (40, 30, 120)
    runtime().ask([Question(page, "Read.", 10)])
    assert stub.asked[0].data_url.startswith("data:image/jpeg;")
    assert np.abs(stub.asked[0].image.astype(int) - page).mean() < 0.5


def test_a_size_that_is_none_is_refused(stub: Stub, runtime: Make, question: Ask) -> None:
    reader = runtime()
    assert reader.sizes[0] == "2048"
    with pytest.raises(UsageError, match="no size 'huge'"):
        reader.ask([question(size="huge")])
    assert stub.asked == []


def test_answers_come_in_order_and_few_at_once(stub: Stub, runtime: Make, question: Ask) -> None:
    def answer(asked: Asked) -> Told:
        time.sleep(0.03 if asked.mark % 2 else 0.0)
        return streamed(f"mark {asked.mark}")

    stub.answer = answer
    reader = runtime(at_once=3)
    together: dict[int, list[str]] = {}

    def ask(group: int) -> None:
        together[group] = [a.text for a in reader.ask([question(10 * group + mark) for mark in range(10)])]

    threads = [threading.Thread(target=ask, args=(group,)) for group in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == {group: [f"mark {10 * group + mark}" for mark in range(10)] for group in range(3)}
    assert sorted(stub.marks) == list(range(30))
    assert stub.most == 3


def test_no_questions_have_no_answers(runtime: Make) -> None:
    assert runtime().ask([]) == []


def test_a_failure_among_several_is_raised_and_the_rest_left(stub: Stub, runtime: Make, question: Ask) -> None:
    stub.answer = lambda asked: refused(400, "too dark") if asked.mark == 2 else streamed("fine")
    with pytest.raises(ModelError, match="too dark"):
        runtime(at_once=2).ask([question(mark) for mark in range(40)])
    assert len(stub.asked) < 40


@pytest.mark.parametrize("form", [streamed, plain])
def test_both_forms_of_replies_are_read(stub: Stub, runtime: Make, question: Ask, form: Callable[..., Told]) -> None:
    tokens = entries([("Ça", -0.1), (" va", -0.2), ("<end>", -0.3)])
    stub.answer = lambda asked: form("Ça va", finish="length", logprobs=tokens)
    (answer,) = runtime().ask([question()])
    assert (answer.text, answer.ended) == ("Ça va", False)
    assert answer.pieces == (Piece("Ça", -0.1), Piece(" va", -0.2))


def test_an_empty_answer_is_one(stub: Stub, runtime: Make, question: Ask) -> None:
    stub.answer = lambda asked: plain(None)
    (answer,) = runtime().ask([question()])
    assert (answer.text, answer.ended, answer.pieces) == ("", True, ())


def test_circles_that_the_server_finds_are_told(stub: Stub, runtime: Make, question: Ask) -> None:
    stub.answer = lambda asked: streamed("ha ha ha", finish="repetition")
    (answer,) = runtime().ask([question()])
    assert (answer.looped, answer.ended) == (True, False)


def test_streams_may_be_chopped_anywhere_and_hold_what_we_do_not_need(stub: Stub, runtime: Make, question: Ask) -> None:
    body = b": ping\r\n\r\nevent: message\r\nid: 1\r\n" + part("naïve ") + part("ça", "stop") + DONE
    body = body.replace(b'"delta"', b'"reasoning": {"deep": [1]}, "delta"')
    stub.answer = lambda asked: Told([body[i : i + 7] for i in range(0, len(body), 7)])
    assert runtime().ask([question()])[0].text == "naïve ça"


def test_log_probabilities_in_another_form_cost_nothing_but_themselves(
    stub: Stub, runtime: Make, question: Ask
) -> None:
    stub.answer = lambda asked: plain("word", logprobs={"content": [{"token": "word", "logprob": None}]})
    (answer,) = runtime().ask([question()])
    assert (answer.text, answer.pieces) == ("word", ())


@pytest.mark.parametrize("status", [400, 422])
def test_what_a_server_refuses_is_left_out_from_then_on(
    stub: Stub, runtime: Make, question: Ask, pauses: list[float], status: int
) -> None:
    def answer(asked: Asked) -> Told:
        for name in ("logprobs", "repetition_penalty", "repeat_penalty", "vllm_xargs"):
            if name in asked.body:
                return refused(status, f"Unrecognized request argument supplied: {name}")
        return streamed("fine")

    stub.answer = answer
    reader = runtime()
    assert [reader.ask([question(careful=True)])[0].text for _ in range(2)] == ["fine", "fine"]
    assert len(stub.asked) == 4 + 1 + 1
    assert pauses == []


def test_careful_questions_ask_for_measures_against_circles(stub: Stub, runtime: Make, question: Ask) -> None:
    runtime().ask([question()])
    runtime().ask([question(careful=True)])
    assert "repetition_penalty" not in stub.asked[0].body
    assert stub.asked[1].body["repetition_penalty"] > 1
    assert stub.asked[1].body["vllm_xargs"]["ngram_size"] > 1


def test_versions_stay_and_tell_models_apart(stub: Stub, runtime: Make) -> None:
    first, second = runtime(), runtime()
    assert first.version == second.version == "id stub/reader, root weights, max_model_len 8192"
    stub.models = lambda: models({"id": "stub/reader", "root": "others"}, {"id": "another"})
    assert runtime().version == "id stub/reader, root others"
    assert runtime("neither").version == "remote"


def test_the_only_model_goes_by_any_name(stub: Stub, runtime: Make) -> None:
    stub.models = lambda: models({"id": "file.gguf"})
    assert runtime("ours").version == "id file.gguf"


@pytest.mark.parametrize("reply", [refused(404), refused(403, "not for this key"), Told([b"<html>"]), plain("hello")])
def test_a_server_that_does_not_tell_its_models_is_no_obstacle(
    stub: Stub, runtime: Make, question: Ask, reply: Told
) -> None:
    stub.models = lambda: reply
    reader = runtime()
    assert reader.version == "remote"
    assert reader.ask([question(3)])[0].text == "mark 3"


def test_a_runtime_tells_about_itself(stub: Stub, runtime: Make) -> None:
    reader = runtime(at_once=2)
    where = stub.endpoint.removeprefix("http://")
    assert (reader.name, reader.at_once, reader.choices) == ("stub/reader", 2, {"endpoint": where})
    assert repr(reader) == f"RemoteRuntime('stub/reader' at {where})"
    assert set(reader.prompts) == {"word", "line", "paragraph", "page"}
    assert len(set(reader.prompts.values())) == 4
    assert set(runtime("deepseek-ai/DeepSeek-OCR-2").prompts.values()) == {"<image>\nFree OCR. "}


@pytest.mark.parametrize(
    ("options", "problem"), [({"at_once": 0}, "cannot be asked at once"), ({"model": ""}, "has no name")]
)
def test_arguments_without_sense_are_refused(runtime: Make, options: dict[str, object], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        runtime(**options)


def test_without_httpx_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from manuscribe.readers.vlm.remote import runtime as module

    monkeypatch.setattr(module, "missing", lambda *modules: list(modules))
    with pytest.raises(UsageError, match="pip install"):
        RemoteRuntime("model", "http://localhost/v1")


@pytest.mark.parametrize(
    ("prompt", "told", "asked"),
    [
        ("<image>\nFree OCR. ", None, "Free OCR. "),
        ("To XML.<image>", "To XML.", None),
        ("You read.<image>Read.", "You read.", "Read."),
        ("Read.", None, "Read."),
    ],
)
def test_what_stands_before_the_image_is_told_at_the_outset(
    stub: Stub, runtime: Make, question: Ask, prompt: str, told: str | None, asked: str | None
) -> None:
    runtime().ask([replace(question(), prompt=prompt)])
    *outset, user = stub.asked[-1].body["messages"]
    assert [message["content"] for message in outset] == ([told] if told else [])
    assert [part["text"] for part in user["content"] if part["type"] == "text"] == ([asked] if asked else [])


@pytest.mark.parametrize(
    ("model", "beginning"),
    [("deepseek-ai/DeepSeek-OCR", "<image>\nFree OCR."), ("PaddlePaddle/PaddleOCR-VL", "<image>OCR:"),
     ("stanford-oval/churro-3B", "Transcribe the entiretly"), ("Qwen/Qwen3-VL", "<image>Transcribe all")],
)  # fmt: skip
def test_models_are_asked_what_they_learnt(stub: Stub, runtime: Make, model: str, beginning: str) -> None:
    assert runtime(model=model).prompts["page"].startswith(beginning)


def test_a_server_with_little_room_decides_itself_how_long_an_answer_may_be(
    stub: Stub, runtime: Make, question: Ask
) -> None:
    def answer(asked: Asked) -> Told:
        return refused(400, "max_tokens is too large: 4096") if "max_tokens" in asked.body else streamed("yes")

    stub.answer = answer
    asking = runtime()
    assert [found.text for found in asking.ask([question()])] == ["yes"]
    asking.ask([question()])
    assert ["max_tokens" in asked.body for asked in stub.asked] == [True, False, False]
