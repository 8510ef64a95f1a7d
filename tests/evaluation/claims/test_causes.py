import numpy as np
import pytest

from manuscribe.evaluation.claims.card import Claim
from manuscribe.evaluation.claims.causes import causes_of
from manuscribe.evaluation.claims.figures import Texts, figure
from manuscribe.evaluation.claims.forms import Form
from manuscribe.evaluation.claims.rereading import Reading
from manuscribe.evaluation.claims.surroundings import differences_in
from manuscribe.evaluation.claims.trials import Trial
from manuscribe.evaluation.judging import judge
from manuscribe.evaluation.scoring import Estimate
from tests.evaluation.samples import evaluation, sample


def texts(*pairs):
    return Texts(pairs, np.arange(len(pairs)))


def reading(*pairs, splits=None, problems=()):
    samples = [sample(truth, split=splits[n] if splits else "") for n, (truth, _) in enumerate(pairs)]
    found = evaluation(samples, {"size": [read for _, read in pairs]}, problems=problems)
    return Reading(found, tuple(range(len(pairs))), texts(*pairs))


def causes(claim, read, trials=()):
    return causes_of(claim, read, figure(read.texts, claim.metric, claim.form), trials)


def claim(value, metric="cer", **more):
    return Claim(metric=metric, value=value, reader="size", data="lines.jsonl", **more)


PAIRS = [("Dear Anna,", "dear anna"), ("we paid 12 pence", "we paid 12 pence"), ("No", "on"), ("", "x")]


@pytest.mark.parametrize(("metric", "name"), [("cer", "cer"), ("wer", "wer"), ("mean_cer", "mean"), ("exact", "exact")])
def test_figures_are_those_of_the_report(metric, name):
    read = reading(*PAIRS)
    expected = getattr(judge(read.evaluation).summaries[0], name)
    found = figure(read.texts, metric, Form())
    assert (found.value, found.low, found.high) == pytest.approx((expected.value, expected.low, expected.high))


def test_the_median_is_that_of_the_report():
    read = reading(*PAIRS)
    found = figure(read.texts, "median_cer", Form())
    assert found.value == judge(read.evaluation).summaries[0].median
    assert found.low < found.value < found.high


def test_the_median_of_one_unit_has_no_interval():
    one = Texts((("ab", "ab"), ("ab", "ax")), np.array([3, 3]))
    assert figure(one, "median_cer", Form()) == Estimate(0.25)


def test_the_mean_of_words():
    assert figure(texts(("a b", "a c"), ("a", "a")), "mean_wer", Form()).value == pytest.approx(0.25)


def test_forms():
    text = "“L’été”  n’est"
    assert Form()(text) == "\"L'été\" n'est"
    assert Form("none")(text) == text
    assert Form("nfc")("e\u0301  ’") == "é  ’"
    assert Form("default", frozenset({"case", "diacritics"}))("Été, là") == "ete, la"
    assert Form("default", frozenset({"case", "punctuation"})).name == "normal form without case, punctuation"


def test_variants_differ_from_the_form_and_each_other():
    form = Form("nfc", frozenset({"case"}))
    variants = list(form.variants())
    assert form not in variants
    assert len(set(variants)) == len(variants)
    assert Form("nfc") in variants
    assert Form("default", frozenset({"case"})) in variants
    assert Form("nfc", frozenset({"case", "punctuation", "diacritics"})) in variants


def test_a_card_without_case_is_found_out():
    first, *others = causes(claim(0.0), reading(("Dear Anna", "dear anna"), ("We", "we")))
    assert (first.kind, first.what, first.value, first.explains) == (
        "normalisation", "normal form without case", 0.0, True,
    )  # fmt: skip
    assert not next(cause for cause in others if cause.what == "normal form without diacritics").nearer


def test_a_card_that_overlooked_too_much():
    found = causes(claim(0.2, overlooked=("case",)), reading(("Dear Annas", "dear annas")))
    assert (found[0].what, found[0].value) == ("normal form", pytest.approx(0.2))


def test_texts_as_they_are():
    found = causes(claim(0.25), reading(("l’ab", "l'ab")))
    assert [cause.what for cause in found if cause.explains] == ["NFC only", "as they are"]


def test_a_mean_of_lines_is_found_out():
    found = causes(claim(0.5), reading(("a", "b"), ("abcdefghij", "abcdefghij")))
    assert (found[0].kind, found[0].explains) == ("averaging", True)


@pytest.mark.parametrize(("metric", "value", "what"), [("cer", 0.0, "median"), ("median_cer", 1 / 3, "mean")])
def test_a_median_is_taken_for_another_average(metric, value, what):
    found = causes(claim(value, metric), reading(("a", "b"), ("cdef", "cdef"), ("ghij", "ghij")))
    assert [cause.what for cause in found if cause.explains] == [f"{what} of the lines' CER"]


def test_a_split_alone_is_found_out():
    read = reading(("aaaa", "aaaa"), ("bbbb", "bxxb"), splits=["test", "train"])
    first = causes(claim(0.0), read)[0]
    assert (first.kind, first.what, first.lines) == ("split", "split test alone", 1)


def test_a_setting_moves_the_value_as_much_as_that_of_its_lines():
    read = reading(("aaaa", "aaaa"), ("bbbb", "bbxx"), ("cccc", "cccx"), ("dddd", "dddd"))  # 3 of 16
    before = read.texts.part([1, 3])  # 2 of 8
    trial = Trial("decoding", "1 beam", texts(("bbbb", "bbbb"), ("dddd", "dddd")), before)
    (found,) = [cause for cause in causes(claim(0.05), read, [trial]) if cause.kind == "decoding"]
    assert found.value == pytest.approx(max(0, 3 / 16 - 2 / 8))
    assert found.lines == 2


def test_another_split_has_its_own_value():
    trial = Trial("split", "split train", texts(("abcd", "abcx")))
    found = causes(claim(0.25), reading(("abcd", "abcd")), [trial])[0]
    assert (found.what, found.value, found.explains) == ("split train", 0.25, True)


def test_what_explains_comes_first_then_what_is_nearer_then_what_is_not_measured():
    read = reading(("Ab, cd", "ab cx"), ("ef", "ef"), problems=["line 3 is left out"])
    failed = Trial("decoding", "fit pad", None, problem="there is no fit")
    found = causes(claim(0.14, libraries={"numpy": "0.1"}, lines=7), read, [failed])
    ranks = [(cause.explains, cause.nearer, cause.value is None) for cause in found]
    assert ranks[0][0]
    assert ranks == sorted(ranks, key=lambda rank: (not rank[0], not rank[1], not rank[2]))
    told = " ".join(cause.what for cause in found if cause.value is None)
    for words in ("numpy 0.1 stated", "7 lines stated, 2 found", "fit pad, which cannot be tried", "1 lines or pages"):
        assert words in told


def test_libraries(monkeypatch):
    monkeypatch.setattr("manuscribe.evaluation.claims.surroundings.version", lambda library: "2.4.6")
    assert list(differences_in(claim(0.1, libraries={"numpy": "2.4"}))) == []
    assert list(differences_in(claim(0.1, libraries={"numpy": "2.4.6"}))) == []
    assert list(differences_in(claim(0.1, libraries={"numpy": "2.40"}))) == ["numpy 2.40 stated, 2.4.6 installed"]


def test_a_library_that_is_not_installed():
    (told,) = differences_in(claim(0.1, libraries={"no-such-library": "1"}))
    assert told == "no-such-library 1 stated, not installed here"


def test_an_old_checkpoint(tmp_path, monkeypatch):
    monkeypatch.setattr("manuscribe.evaluation.claims.surroundings.version", lambda library: "5.23.0")
    (tmp_path / "config.json").write_text('{"transformers_version": "4.15.0"}')
    old = Claim(metric="cer", value=0.1, reader=str(tmp_path), data="a")
    told = list(differences_in(old))
    assert "the checkpoint was saved with transformers 4.15.0, 5.23.0 is installed" in told
    assert any("no tokenizer.json" in one for one in told)
    (tmp_path / "tokenizer.json").write_text("{}")
    (tmp_path / "config.json").write_text('{"transformers_version": "5.23.0"}')
    assert list(differences_in(old)) == []
    (tmp_path / "config.json").write_text("no settings")
    assert list(differences_in(old)) == []
