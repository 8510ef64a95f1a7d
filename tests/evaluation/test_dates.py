"""Figures of dates: in one convention, and by the day that is meant."""

import json

import pytest

from manuscribe.evaluation.judging import judge
from manuscribe.evaluation.report.record import as_json
from manuscribe.evaluation.report.writing import as_summary
from tests.evaluation.samples import evaluation, sample


def dates(*lines, **known):
    """The figures of a reader on lines labelled `date`, given as truth and reading."""
    truths, readings = zip(*lines, strict=True)
    samples = [sample(text, label="date", **known) for text in truths]
    (found,) = judge(evaluation(samples, {"a": readings})).dates
    return found


@pytest.mark.parametrize(
    ("truth", "reading", "right"),
    [
        ("3.V.1889", "3 мая 1889", True),
        ("3.V.1889", "3.V.1888", False),
        ("3.V.1889", "3.V.1889, 4.V.1889", False),  # one too many
        ("3.V.1889, 4.V.1889", "4.V.1889, 3.V.1889", False),
        ("12/XI-37", "12.XI.37", True),
        ("12/XI-37", "12.XI.1937", False),  # the century was not on the paper
        ("31.II.1889", "31.II.1889", True),
        ("31.II.1889", "32.II.1889", False),  # both impossible, and not the same
        ("born 3.V.1889", "bom 3.V.1889", True),
        ("3.V.1889", "", False),
    ],
)
def test_a_date_is_right_if_it_means_the_same_day(truth, reading, right):
    found = dates((truth, reading))
    assert (found.lines, found.understood) == (1, 1)
    assert found.right.value == right


def test_in_one_convention_only_other_days_are_errors():
    found = dates(("am 3.V.1889", "am 3. Mai 1889"), ("4.V.1889", "5.V.1889"))
    assert found.cer.value > 1 / 4
    assert found.cer_normalised.value == pytest.approx(1 / (13 + 10))
    assert found.cer_normalised.low == 0


def test_lines_whose_truth_is_not_understood_prove_nothing():
    found = dates(("onze juin", "onze juin"), ("onze juin", "12.X.1937"))
    assert (found.lines, found.understood, found.right) == (2, 0, None)
    samples = [sample("onze juin", label="date")]
    judgement = judge(evaluation(samples, {"a": ["onze juin"]}))
    assert "| a | 1 | 0.00 % | 0.00 % | 0 | – |" in as_summary(judgement)
    assert json.loads(as_json(judgement))["readers"][0]["dates"]["right"] is None


def test_a_line_that_was_not_read_counts():
    samples = [sample("3.V.1889", label="date")]
    (found,) = judge(evaluation(samples, {"a": [None]})).dates
    assert (found.cer.value, found.cer_normalised.value, found.right.value) == (1, 1, 0)


@pytest.mark.parametrize(
    ("language", "right"), [("en", True), ("fr", False), ("", True), ("la", True), ("de-AT", True)]
)
def test_the_language_of_the_line_counts(language, right):
    # Only in English may the month come first, where no language is known too.
    assert dates(("5/25/1889", "May 25, 1889"), language=language).right.value == right


def test_other_labels_are_not_dates():
    samples = [sample("3.V.1889", label="text"), sample("3.V.1889", label="date")]
    judgement = judge(evaluation(samples, {"a": ["", "3.V.1889"], "b": ["3.V.1889", "4.V.1889"]}))
    assert [(found.lines, found.right.value) for found in judgement.dates] == [(1, 1), (1, 0)]
    assert judge(evaluation(samples[:1], {"a": [""]})).dates == ()
