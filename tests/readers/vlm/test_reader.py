import numpy as np
import pytest

from manuscribe.errors import UsageError
from manuscribe.readers.options import ReaderOptions
from manuscribe.readers.protocol import load_bare_reader
from manuscribe.readers.trocr.guards import REPETITION, TRUNCATED
from manuscribe.readers.vlm.answers import Answer, Question
from manuscribe.readers.vlm.naming import Named, named
from manuscribe.readers.vlm.reader import SUSPECT, VlmReader
from tests.readers.vlm.fakes import FakeRuntime, said

IMAGE = np.full((20, 60, 3), 255, np.uint8)
LOOP = "and the same again " * 80


def reader(answer, **options) -> tuple[VlmReader, FakeRuntime]:
    runtime = FakeRuntime(answer)
    return VlmReader("vlm:fake", ReaderOptions(**options), runtime), runtime


def test_a_line_is_read_with_its_prompt_and_its_confidence():
    found, runtime = reader(lambda _: said("Betaald op\nmorgen"), level="line")
    (line,) = found.read([IMAGE])
    assert line.text == "Betaald op morgen"
    assert 0 < line.confidence < 1
    assert line.notes == ()
    assert [(asked.prompt, asked.size, asked.careful) for asked in runtime.asked] == [
        ("<image>\nRead the line.", None, False)
    ]


@pytest.mark.parametrize("level", ["word", "paragraph", "page"])
def test_each_level_has_its_prompt(level):
    found, runtime = reader(lambda _: said("a\nb"), level=level)
    (passage,) = found.read_whole([IMAGE])
    assert [line.text for line in passage.lines] == ["a", "b"]
    assert runtime.asked[0].prompt == f"<image>\nRead the {level}."
    assert found.choices["prompt"] == runtime.asked[0].prompt


def test_a_prompt_and_a_size_of_ones_own():
    found, runtime = reader(lambda _: said("a"), prompt="What is it?", size="small")
    found.read([IMAGE])
    assert (runtime.asked[0].prompt, runtime.asked[0].size) == ("What is it?", "small")
    assert found.conditions == {"level": "line", "prompt": "What is it?", "size": "small"}


def test_a_loop_is_asked_again_carefully_then_at_other_sizes():
    def answer(question: Question) -> Answer:
        return said("All is well") if question.size == "tiles" else said(LOOP, looped=True)

    found, runtime = reader(answer)
    (line,) = found.read([IMAGE])
    assert (line.text, line.notes) == ("All is well", (REPETITION,))
    assert [(asked.size, asked.careful) for asked in runtime.asked] == [
        (None, False), (None, True), ("small", True), ("tiles", True),
    ]  # fmt: skip


def test_a_loop_that_the_runtime_did_not_notice_is_noticed():
    found, runtime = reader(lambda question: said("fine") if question.careful else said(LOOP))
    assert found.read([IMAGE])[0].text == "fine"
    assert len(runtime.asked) == 2


def test_what_loops_at_every_size_is_suspect_and_kept():
    found, _ = reader(lambda _: said("no end in sight", ended=False, looped=True))
    (line,) = found.read([IMAGE])
    assert line.text == "no end in sight"
    assert line.notes == (SUSPECT, TRUNCATED)
    found, _ = reader(lambda question: said("ended" if question.careful else LOOP, looped=True))
    assert found.read([IMAGE])[0].notes == (SUSPECT,)


def test_the_sizes_nearest_to_its_own_are_tried():
    found, runtime = reader(lambda _: said(LOOP, looped=True), size="tiles")
    found.read([IMAGE])
    assert [asked.size for asked in runtime.asked] == ["tiles", "tiles", "small", "large"]


def test_an_answer_as_long_as_answers_can_be_is_kept():
    found, runtime = reader(lambda _: said("a very long page", ended=False))
    (passage,) = found.read_whole([IMAGE])
    assert (passage.text, passage.notes) == ("a very long page", (TRUNCATED,))
    assert len(runtime.asked) == 1


def test_lines_of_a_page_are_asked_as_lines_with_the_models_own_prompt():
    found, runtime = reader(lambda _: said("a"), level="paragraph", prompt="<image>Where?")
    found.read_whole([IMAGE])
    found.read([IMAGE], of_one_page=True)
    assert [(asked.prompt, asked.longest) for asked in runtime.asked] == [
        ("<image>Where?", 1024),
        ("<image>\nRead the line.", 256),
    ]


def test_one_image_in_trouble_does_not_touch_the_others():
    answers = iter([said("one"), said(LOOP), said("three"), said("two")])
    found, _ = reader(lambda _: next(answers))
    assert [line.text for line in found.read([IMAGE] * 3)] == ["one", "two", "three"]


def test_options_of_other_readers_are_refused_and_the_other_way_round():
    for options in ({"language": "fr"}, {"beams": 4}, {"nbest": 2}, {"fit": "wide"}, {"draft": True}):
        with pytest.raises(UsageError, match="vision-language model has no"):
            reader(lambda _: said("a"), **options)
    with pytest.raises(UsageError, match="--at-once is for an endpoint"):
        reader(lambda _: said("a"), at_once=3)
    with pytest.raises(UsageError, match="does not see images at the size"):
        reader(lambda _: said("a"), size="gigantic")
    for options in ({"prompt": "x"}, {"size": "base"}, {"endpoint": "http://x/v1"}):
        with pytest.raises(UsageError, match="is for vision-language models"):
            load_bare_reader("compact", ReaderOptions(**options))
    with pytest.raises(UsageError, match="The embedded reader has no device"):
        load_bare_reader("compact", ReaderOptions(device="cuda"))


def test_names(tmp_path):
    assert named("vlm:owner/model") == Named("owner/model")
    assert named("vlm:owner/model+other/adapter") == Named("owner/model", "other/adapter")
    folder = tmp_path / "a+b"
    folder.mkdir()
    assert named(f"vlm:{folder}") == Named(str(folder))
    assert named("vlm:a+b", served=True) == Named("a+b")
    assert named(f"vlm:{folder}+{tmp_path}") == Named(str(folder), str(tmp_path))
    for wrong in ("vlm:", "vlm:+adapter", "vlm:model+"):
        with pytest.raises(UsageError):
            named(wrong)


def test_signals_are_finite_also_of_nothing():
    found, _ = reader(lambda _: said("well read"))
    ((_, signals),) = found.read_with_signals([IMAGE])
    assert set(signals.line) == {"tokens", "worst"}
    found, _ = reader(lambda _: Answer(""))
    ((line, signals),) = found.read_with_signals([IMAGE])
    assert (line.text, dict(signals.line)) == ("", {})
