import random

import jiwer
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manuscribe.evaluation.counting import Counts, align, count
from manuscribe.evaluation.metrics import character_error_rate, word_error_rate
from manuscribe.text.charset import normalise

# Combining marks on their own, letters that NFC joins with them, spaces of all kinds, and what jiwer would strip.
ALPHABET = "abcdé đĐệ\u0301\u0323\u0302жй'.,-–’\u00a0"
TEXTS = st.text(alphabet=ALPHABET, max_size=24)


@pytest.mark.parametrize(
    ("truth", "reading", "expected"),
    [
        ("", "", Counts()),
        ("abc", "", Counts(deletions=3)),
        ("", "abc", Counts(insertions=3)),
        ("abc", "abd", Counts(hits=2, substitutions=1)),
        ("abc", "ac", Counts(hits=2, deletions=1)),
        ("abc", "abxc", Counts(hits=3, insertions=1)),
    ],
)
def test_counts(truth, reading, expected):
    assert count(truth, reading) == expected


def test_an_empty_truth_has_the_rate_0_or_1():
    assert count("", "").rate == 0.0
    assert count("", "abcdef").rate == 1.0
    assert count("ab", "cdefgh").rate == 3.0


def made_up(number):
    """A text and a reading of it, in normal form; some are empty, some have nothing in common."""
    chance = random.Random(number)
    truth = "".join(chance.choices(ALPHABET, k=chance.choice([0, 1, 5, 30, 80])))
    if chance.random() < 0.1:
        return normalise(truth), ""
    reading = [chance.choice(ALPHABET) if chance.random() < 0.2 else letter for letter in truth]
    reading = [letter for letter in reading if chance.random() > 0.1]
    reading += chance.choices(ALPHABET, k=chance.choice([0, 0, 3]))
    return normalise(truth), normalise("".join(reading))


def test_the_counts_are_those_of_jiwer():
    pairs = [made_up(number) for number in range(1000)]
    assert sum(not truth for truth, _ in pairs) > 20
    assert sum(not reading for _, reading in pairs) > 20
    characters = jiwer.Compose([jiwer.ReduceToListOfListOfChars()])
    words = jiwer.Compose([jiwer.ReduceToListOfListOfWords()])
    for truth, reading in pairs:
        for transform, ours in ((characters, (truth, reading)), (words, (truth.split(), reading.split()))):
            theirs = jiwer.process_words(truth, reading, transform, transform)
            found = count(*ours)
            assert (found.hits, found.substitutions, found.deletions, found.insertions) == (
                theirs.hits, theirs.substitutions, theirs.deletions, theirs.insertions,
            ), (truth, reading)  # fmt: skip
    known = [(truth, reading) for truth, reading in pairs if truth]
    assert character_error_rate(known) == pytest.approx(jiwer.cer(*map(list, zip(*known, strict=True))))
    assert word_error_rate(known) == pytest.approx(jiwer.wer(*map(list, zip(*known, strict=True))))


@given(TEXTS, TEXTS)
def test_counts_are_symmetrical(one, other):
    forth, back = count(one, other), count(other, one)
    assert forth.errors == back.errors
    assert forth.length == len(one)
    assert back.length == len(other)
    # Shortest alignments differ in how many errors are substitutions, never in what deletions exceed insertions by.
    assert forth.deletions - forth.insertions == back.insertions - back.deletions == len(one) - len(other)
    assert (forth.errors == 0) == (one == other)


@given(TEXTS, TEXTS)
def test_an_alignment_is_what_was_counted(one, other):
    pieces = list(align(one, other))
    assert "".join("".join(piece.truth) for piece in pieces) == one
    assert "".join("".join(piece.reading) for piece in pieces) == other
    assert sum(not piece.right for piece in pieces) == count(one, other).errors
    assert sum(len(piece.truth) for piece in pieces if piece.right) == count(one, other).hits


@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=5))
def test_rates_are_sums_of_counts(pairs):
    total = sum((count(normalise(truth), normalise(reading)) for truth, reading in pairs), Counts())
    assert character_error_rate(pairs) == total.rate
