"""Which lines are to be checked: the promise is kept, no line too many is listed, and no doubtful one is forgotten."""

from dataclasses import replace
from math import inf
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manuscribe.document import Document, Line, Page, Region
from manuscribe.errors import UsageError
from manuscribe.options import validated
from manuscribe.reading.options import ReviewOptions
from manuscribe.reading.review import NOTHING, UNKNOWN, ReviewLine, decide, to_check


def document(*regions: tuple[Line, ...]) -> Document:
    return Document((Page(100, 100, tuple(Region(lines, id=f"r{n}") for n, lines in enumerate(regions))),))


def line(length: int, rate: float | None, *notes: str) -> Line:
    return Line("x" * length, expected_cer=rate, notes=notes)


def listed(promise: float, *documents: Document) -> list[ReviewLine]:
    named = [(Path(f"{n}.jpg"), one) for n, one in enumerate(documents)]
    return list(to_check(named, decide(documents, promise)))


def test_the_surest_lines_are_accepted_as_long_as_the_promise_holds() -> None:
    pages = document((line(10, 0.3), line(30, 0.01)), (line(10, 0.05),)), document((line(50, 0.02),))
    summary = decide(pages, 0.03).summary
    # A line of 30 characters with an expected CER of 1 % may have 30 / 0.99 in truth.
    sizes = [30 / 0.99, 50 / 0.98, 10 / 0.95, 10 / 0.7]
    errors = [0.01 * sizes[0], 0.02 * sizes[1], 0.05 * sizes[2], 0.3 * sizes[3]]
    assert (summary.lines, summary.accepted, summary.to_check, summary.share) == (4, 3, 1, 0.25)
    assert summary.accepted_cer == pytest.approx(sum(errors[:3]) / sum(sizes[:3]))
    assert summary.cer == pytest.approx(sum(errors) / sum(sizes))
    (one,) = listed(0.03, *pages)
    assert (one.image, one.page, one.region, one.number) == (Path("0.jpg"), 1, "r0", 1)
    assert one.why == ("expected CER 0.3",)
    assert one.expected_errors == one.gain == pytest.approx(errors[3])


def test_the_promise_is_about_all_images_together() -> None:
    sure, doubtful = document((line(100, 0.0),)), document((line(10, 0.1),))
    assert listed(0.05, sure, doubtful) == []
    assert [one.image for one in listed(0.05, doubtful)] == [Path("0.jpg")]


def test_a_promise_that_is_kept_exactly_is_kept() -> None:
    assert listed(0.02, document(tuple(line(n, 0.02) for n in range(1, 200)))) == []


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (line(9, 0.0, "truncated: the reader's longest text was reached"), ("truncated",)),
        (line(9, 0.0, "look-alikes: c at 0 made Cyrillic", "repetition: it may"), ("repetition",)),
        (line(9, 0.0, "several lines: the image seems to hold more than one"), ("several lines",)),
        (line(9, 0.0, "truncated", "repetition: it may"), ("truncated", "repetition")),
        (line(0, None, "failed: it is not on its page"), ("failed",)),
        (line(0, 1.0), (NOTHING,)),
        (Line("  ", expected_cer=0.0), (NOTHING,)),
        (line(9, None), (UNKNOWN,)),
    ],
)
def test_what_is_always_listed(one: Line, why: tuple[str, ...]) -> None:
    found = listed(0.99, document((line(50, 0.0), one, line(50, 0.0))))
    assert [(review.number, review.why) for review in found] == [(2, why)]


def test_other_notes_are_no_reason() -> None:
    assert listed(0.1, document((line(9, 0.01, "squeezed: the line is too long", "impossible date: 31.2.1937"),))) == []


def test_lines_without_a_reading_bring_the_most() -> None:
    found = listed(0.01, document((line(40, 0.5), line(0, 1.0), line(10, 0.9), line(3, None))))
    assert [one.gain for one in found] == pytest.approx([40, inf, 90, 30])
    assert found[1].expected_errors is None


def test_numbers_go_on_over_regions_and_pages() -> None:
    page = Page(9, 9, (Region((line(1, 0.9), line(1, 0.9)), id="a"), Region((line(1, 0.9),), id="b")))
    found = listed(0.1, Document((page, page)))
    assert [(one.page, one.region, one.number) for one in found] == [
        (1, "a", 1), (1, "a", 2), (1, "b", 3), (2, "a", 4), (2, "a", 5), (2, "b", 6),
    ]  # fmt: skip


@pytest.mark.parametrize("pages", [(), (Document(),), (document(), document(()))])
def test_blank_pages_add_nothing(pages: tuple[Document, ...]) -> None:
    summary = decide(pages, 0.1).summary
    assert (summary.lines, summary.to_check, summary.share) == (0, 0, 0)
    assert summary.accepted_cer is summary.cer is None
    assert listed(0.1, *pages) == []


_lines = st.builds(
    Line,
    text=st.integers(0, 60).map("x".__mul__),
    expected_cer=st.none() | st.integers(0, 10_000).map(lambda n: n / 10_000),
    notes=st.sampled_from([(), (), ("truncated",)]),
)


def size_of(one: Line) -> float:
    """Characters that the truth may have, if all that is expected to be wrong is missing."""
    return len(one.text) / (1 - min(0.9, one.expected_cer or 0))


@given(st.lists(st.lists(_lines, max_size=6), max_size=6), st.floats(0.001, 0.999))
def test_the_promise_is_kept_and_no_line_too_many_is_listed(pages: list[list[Line]], promise: float) -> None:
    documents = [document(tuple(lines)) for lines in pages]
    decision = decide(documents, promise)
    everything = [one for page in documents for one in page.pages[0].lines]
    accepted = [one for one, kept in zip(everything, decision.accepted, strict=True) if kept]
    errors = sum((one.expected_cer or 0) * size_of(one) for one in accepted)
    characters = sum(map(size_of, accepted))
    assert errors <= promise * characters + 1e-6
    assert all(one.text and one.expected_cer is not None and not one.notes for one in accepted)
    found = listed(promise, *documents)
    assert len(found) + len(accepted) == len(everything)
    doubtful = [one.line for one in found if one.why[0].startswith("expected CER")]
    if doubtful:
        surest = min(doubtful, key=lambda one: one.expected_cer or 0)
        assert all((one.expected_cer or 0) <= (surest.expected_cer or 0) for one in accepted)
        more, longer = (surest.expected_cer or 0) * size_of(surest), size_of(surest)
        assert errors + more > promise * (characters + longer) - 1e-6


def test_documents_that_do_not_belong_to_the_decision_are_noticed() -> None:
    pages = [document((line(9, 0.5),))]
    longer = [(Path("a.jpg"), replace(pages[0], pages=pages[0].pages * 2))]
    with pytest.raises(ValueError, match="zip"):
        list(to_check(longer, decide(pages, 0.1)))


@pytest.mark.parametrize("rate", [0, 1, -0.1, 1.5, float("nan"), float("inf"), "many", None])
def test_rates_that_are_no_promise(rate: object) -> None:
    with pytest.raises(UsageError, match="'review_at'"):
        validated(ReviewOptions, review_at=rate)
