import pytest

from manuscribe.evaluation.confusions import Confusion, confusions_of_characters, confusions_of_words
from manuscribe.evaluation.counting import Counts
from manuscribe.evaluation.judging import FREQUENT, judge
from manuscribe.evaluation.lines import figures_of
from manuscribe.evaluation.scoring import units_of
from tests.evaluation.samples import evaluation, sample

TRUTHS = ["Dear Anna,", "we paid 12 pence", "", "no letter came on Monday"]
READINGS = ["Dear Anna,", "we paid 72 pense", "x", "no leter came on monday"]


def test_the_figures_are_those_of_training():
    found = judge(evaluation(map(sample, TRUTHS), {"a": READINGS})).summaries[0]
    expected = figures_of(list(zip(TRUTHS, READINGS, strict=True)))
    assert (found.lines, found.cer.value, found.wer.value, found.exact.value) == (
        expected.lines, expected.cer, expected.wer, expected.exact,
    )  # fmt: skip


def test_mean_and_median_are_of_lines():
    found = judge(evaluation(map(sample, TRUTHS), {"a": READINGS})).summaries[0]
    rates = sorted([0.0, 2 / 16, 1.0, 2 / 24])
    assert found.mean.value == pytest.approx(sum(rates) / 4)
    assert found.median == pytest.approx((rates[1] + rates[2]) / 2)


def test_a_line_s_rate_is_not_cut_off():
    found = judge(evaluation([sample("ab"), sample("cd")], {"a": ["ab", "x" * 8]})).summaries[0]
    assert (found.mean.value, found.median, found.cer.value) == (2.0, 2.0, 2.0)


def test_an_empty_truth_counts_once_whatever_was_invented():
    found = judge(evaluation([sample(""), sample(""), sample("ab")], {"a": ["x" * 9, "", "ab"]})).summaries[0]
    assert (found.mean.value, found.median) == (pytest.approx(1 / 3), 0.0)


def test_counts_by_kind():
    found = judge(evaluation([sample("abcd"), sample("ef")], {"a": ["abxd", "exxf"]})).summaries[0]
    assert found.characters == Counts(hits=5, substitutions=1, insertions=2)
    assert found.words == Counts(substitutions=2)


def test_empty_truths_have_insertions_only():
    found = judge(evaluation([sample(""), sample("")], {"a": ["ab", ""]})).summaries[0]
    assert found.characters == Counts(insertions=2)
    assert (found.cer.value, found.mean.value, found.exact.value) == (1.0, 0.5, 0.5)
    assert (found.cer.low, found.cer.high) == (0.0, 1.0)


def test_one_line_has_no_interval_and_no_test():
    judgement = judge(evaluation([sample("abc")], {"a": ["abc"], "b": ["abd"]}))
    assert judgement.summaries[0].cer.low is None
    assert judgement.comparisons[0].p is None
    assert judgement.comparisons[0].difference.value == pytest.approx(1 / 3)


def test_what_is_overlooked_is_no_error():
    judgement = judge(evaluation([sample("Đường, Huệ")], {"a": ["đuong Hue"]}))
    rates = {name: found[0].cer.value for name, found in judgement.overlooking.items()}
    assert rates["all three"] == 0
    assert 0 < rates["diacritics"] < judgement.summaries[0].cer.value
    assert rates["case"] < judgement.summaries[0].cer.value
    assert rates["punctuation"] < judgement.summaries[0].cer.value


@pytest.mark.parametrize(
    ("groups", "kind", "units", "said"),
    [
        (["a", "a", "b"], "lines", 2, "2 groups (writers or documents)"),
        (["a", "a", ""], "lines", 2, "1 lines without a group"),
        (["", "", ""], "lines", 3, "groups are not known"),
        (["a", "a", "a"], "lines", 3, "nothing of other hands"),
        (["p", "p", "q"], "pages", 2, "2 pages"),
    ],
)
def test_what_is_resampled(groups, kind, units, said):
    found = units_of(evaluation([sample("x", group=group) for group in groups], {"a": ["x"] * 3}, kind))
    assert len(set(found.numbers.tolist())) == units
    assert said in found.account


def test_few_groups_are_said_to_be_few():
    assert "So few" in units_of(evaluation([sample("x", group=g) for g in "ab"], {"a": ["x"] * 2})).account
    many = [sample("x", group=str(g)) for g in range(12)]
    assert "So few" not in units_of(evaluation(many, {"a": ["x"] * 12})).account


def test_parts_of_the_data():
    samples = [sample("Monday", label="date"), sample("Anna", label="text"), sample("Otto", label="text")]
    found = judge(evaluation(samples, {"a": ["Monday", "Anna", "Ottx"], "b": ["", "", ""]})).breakdowns
    assert list(found) == ["label"]
    assert list(found["label"]) == ["text", "date"]
    assert [summary.cer.value for summary in found["label"]["text"]] == [1 / 8, 1.0]
    assert [summary.lines for summary in found["label"]["date"]] == [1, 1]


def test_rare_groups_are_taken_together():
    samples = [sample("x", group=str(n // 2)) for n in range(2 * FREQUENT + 7)]
    found = judge(evaluation(samples, {"a": ["x"] * len(samples)})).breakdowns["group"]
    assert len(found) == FREQUENT + 1
    assert list(found)[-1] == "the other 4"
    assert sum(summaries[0].lines for summaries in found.values()) == len(samples)


def test_lengths_are_in_their_order():
    samples = [sample("x" * n) for n in (60, 3, 12, 30, 0, 3)]
    found = judge(evaluation(samples, {"a": ["x"] * 6})).breakdowns["length"]
    assert list(found) == ["0", "1-9", "10-24", "25-49", "50 and more"]


def test_a_better_reader_is_better():
    samples = [sample("abcdefghij", group=str(n)) for n in range(40)]
    good, bad = ["abcdefghij"] * 40, ["abcdefgh"] * 39 + ["abcdefghij"]
    (found,) = judge(evaluation(samples, {"bad": bad, "good": good})).comparisons
    assert (found.title, found.first, found.better, found.worse, found.equal) == ("good", "bad", 39, 0, 1)
    assert found.difference.value == pytest.approx(-0.195)
    assert found.difference.high < 0
    assert found.p < 0.001


def test_equal_readers_are_equal():
    samples = [sample("abcdefghij") for _ in range(40)]
    readings = ["abcdefghij", "abcdefghiX"] * 20
    (found,) = judge(evaluation(samples, {"one": readings, "other": readings[::-1]})).comparisons
    assert found.difference.value == 0
    assert found.difference.low < 0 < found.difference.high
    assert found.p == 1.0


def test_extra_and_missed_lines_of_pages():
    samples = [sample("abcd", group="p"), sample("efgh", group="q"), sample("", group="p", extra=True)]
    judgement = judge(evaluation(samples, {"a": ["abcd", None, "xx"]}, "pages"))
    assert judgement.summaries[0].characters == Counts(hits=4, deletions=4, insertions=2)
    assert judgement.characters == ([],)


def test_frequent_errors():
    pairs = [("no letter", "no leter"), ("now", "mow"), ("ten", "tem"), ("a", "ab")]
    assert confusions_of_characters(pairs, 3) == [
        Confusion("n", "m", 2, 3),
        Confusion("", "b", 1, 0),
        Confusion("t", "", 1, 3),
    ]
    assert confusions_of_words([("no letter", "no leter"), ("a", "a b")], 5) == [
        Confusion("", "b", 1, 0),
        Confusion("letter", "leter", 1, 1),
    ]
