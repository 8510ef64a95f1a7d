import pytest
from hypothesis import given
from hypothesis import strategies as st

from manuscribe.evaluation.forms import NORMALISATION, OVERLOOKING
from manuscribe.text.charset import normalise


@pytest.mark.parametrize(
    ("overlooked", "text", "expected"),
    [
        ("case", "Đường Élysée ЙОД", "đường élysée йод"),
        ("punctuation", "l'été, (1878) - «fin».", "lété 1878 fin"),
        ("diacritics", "Đường số 5, phường Bến Nghé", "Duong so 5, phuong Ben Nghe"),
        ("diacritics", "й ё ї", "и е і"),
        ("all three", "Đường Nguyễn-Huệ.", "duong nguyenhue"),
    ],
)
def test_what_is_overlooked(overlooked, text, expected):
    assert OVERLOOKING[overlooked](normalise(text)) == expected


@given(st.sampled_from(sorted(OVERLOOKING)), st.text(max_size=30))
def test_to_overlook_twice_is_to_overlook_once(overlooked, text):
    once = OVERLOOKING[overlooked](normalise(text))
    assert OVERLOOKING[overlooked](once) == once


def test_what_is_said_of_the_comparison_is_true():
    for sign in "’‘ʼʹ":
        assert sign in NORMALISATION
        assert normalise(sign) == "'"
    for sign in "“”„":
        assert sign in NORMALISATION
        assert normalise(sign) == '"'
    for sign in "‑−¬":
        assert sign in NORMALISATION
        assert normalise(sign) == "-"
    assert normalise(" a\u00a0\n b\u00ad⋎ ") == "a b"
