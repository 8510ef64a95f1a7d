"""A page's text goes to the lines that it belongs to, and nothing of it is lost."""

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manuscribe.formats.page_reading import read
from manuscribe.reading.placing import Placement, placed

LINES = ["Paris, le 3 mai 1858.", "Monsieur et cher ami,", "J'ai reçu hier votre lettre", "et je vous en remercie."]
HINTS = ["Pavis, lc 3 mai 1858", "Monsieur ct cher arni,", "J'ai recu bier votre letre", "et je vous cn remercic"]
SIGNS = "abcdefghijklmnopqrstuvwxyz "


def pieces(text: str, placement: Placement) -> list[str]:
    return [" ".join(line.span.of(text).split()) if line.span else "" for line in placement.lines]


def unplaced(text: str, placement: Placement) -> list[tuple[str, int | None]]:
    return [(rest.span.of(text), rest.after) for rest in placement.unplaced]


@pytest.mark.parametrize("between", ["\n", " ", "\n\n", " \n  "])
def test_each_line_gets_its_piece(between: str) -> None:
    text = between.join(LINES)
    placement = placed(text, HINTS)
    assert pieces(text, placement) == LINES
    assert placement.unplaced == ()
    assert all(0.7 < line.similarity < 1 for line in placement.lines)


def test_a_line_that_the_segmenter_missed_stays_between_the_others() -> None:
    text = "\n".join(LINES)
    placement = placed(text, [HINTS[0], *HINTS[2:]])
    assert pieces(text, placement) == [LINES[0], *LINES[2:]]
    assert unplaced(text, placement) == [(LINES[1], 0)]
    placement = placed(text, HINTS[1:])
    assert unplaced(text, placement) == [(LINES[0], None)]


@pytest.mark.parametrize("between", ["\n", " "])
def test_a_line_that_the_text_lacks_has_no_piece(between: str) -> None:
    text = between.join([LINES[0], *LINES[2:]])
    placement = placed(text, HINTS)
    assert pieces(text, placement) == [LINES[0], "", *LINES[2:]]
    assert placement.lines[1].span is None
    assert placement.lines[1].similarity == 0


def test_a_line_without_a_hint_gets_what_stands_there() -> None:
    text = "\n".join(LINES)
    placement = placed(text, [HINTS[0], "", *HINTS[2:]])
    assert pieces(text, placement) == LINES
    assert placement.lines[1].similarity == 0


def test_the_end_of_a_line_that_its_hint_lacks() -> None:
    text = "\n".join(LINES)
    assert pieces(text, placed(text, [*HINTS[:2], "J'ai rec", HINTS[3]])) == LINES


def test_a_word_that_the_text_joins_goes_to_the_line_that_has_more_of_it() -> None:
    text = "inscrit sur le registre du greffe de la commune"
    assert pieces(text, placed(text, ["inscrit sur le regis-", "tre du greffe", "de la commune"])) == [
        "inscrit sur le registre",
        "du greffe",
        "de la commune",
    ]
    text = "il faut que la commune déclare"
    assert pieces(text, placed(text, ["il faut que la com-", "mune déclare"]))[0].startswith("il faut que la")


def test_marks_of_markdown_do_no_harm() -> None:
    text = f"# {LINES[0]}\n\n**{LINES[1]}**\n\n| {LINES[2]} | {LINES[3]} |\n"
    placement = placed(text, HINTS)
    got = [piece.strip("#*| ") for piece in pieces(text, placement)]
    assert got == LINES
    assert placement.lines[0].similarity > 0.8


def test_cells_of_a_table_in_one_line() -> None:
    text = "<table><tr><td>Jean Dupont</td><td>rentier</td></tr><tr><td>Paul Martin</td><td>meunier</td></tr></table>"
    placement = placed(text, ["Jcan Dupont", "renticr", "Paul Marlin", "meumier"])
    for piece, cell in zip(pieces(text, placement), ["Jean Dupont", "rentier", "Paul Martin", "meunier"], strict=True):
        assert cell in piece


def test_a_margin_that_the_text_has_at_its_end() -> None:
    margin, hints = ["Reçu le 4 mai", "par M. Dupont"], ["Recu le 4 mni", "par M Duponl"]
    text = "\n".join([*LINES, *margin])
    placement = placed(text, [*hints, *HINTS])
    assert pieces(text, placement) == [*margin, *LINES]
    assert placement.unplaced == ()


def test_a_text_that_has_nothing_to_do_with_the_lines_has_low_similarities() -> None:
    text = "Completely other words stand here. " * 3
    placement = placed(text, HINTS)
    assert all(line.similarity < 0.4 for line in placement.lines)


@pytest.mark.parametrize(("text", "hints"), [("", []), ("", ["a", ""]), (" \n", ["a"]), ("a b", []), ("a", ["", ""])])
def test_little_or_nothing(text: str, hints: list[str]) -> None:
    placement = placed(text, hints)
    assert len(placement.lines) == len(hints)
    assert whole(text, placement)


def whole(text: str, placement: Placement) -> bool:
    """Whether every character that is no white space is in exactly one span, and no span is empty or has blank ends."""
    spans = [line.span for line in placement.lines if line.span] + [rest.span for rest in placement.unplaced]
    inside = Counter(place for span in spans for place in range(span.start, span.end))
    assert all(count == 1 for count in inside.values())
    assert all(span.of(text) == span.of(text).strip() != "" for span in spans)
    return all(place in inside for place, character in enumerate(text) if not character.isspace())


texts = st.lists(st.sampled_from([*"abcé|<>#*İß\u0301", "word", "<td>", "</td>", "\n", " ", "\t", "\u2028"])).map(
    "".join
)


@settings(max_examples=300)
@given(texts, st.lists(texts, max_size=5))
def test_nothing_is_lost_and_nothing_doubled(text: str, hints: list[str]) -> None:
    placement = placed(text, hints)
    assert len(placement.lines) == len(hints)
    assert whole(text, placement)
    assert all(0 <= line.similarity <= 1 for line in placement.lines)
    starts = [rest.span.start for rest in placement.unplaced]
    assert starts == sorted(starts)
    for rest in placement.unplaced:
        if rest.after is not None:
            before = placement.lines[rest.after].span
            assert before
            assert not text[before.end : rest.span.start].strip()


@given(st.text(max_size=80), st.lists(st.text(max_size=30), max_size=4))
def test_any_characters(text: str, hints: list[str]) -> None:
    assert whole(text, placed(text, hints))


@pytest.fixture(scope="module")
def pages(shared: Path) -> list[list[str]]:
    """The lines of the development pages."""
    files = sorted((shared / "data" / "pages" / "dev").glob("*.xml"))
    if not files:
        pytest.skip("the development pages are not there")
    found = ([" ".join(line.text.split()) for line in read(file.read_bytes()).pages[0].lines] for file in files)
    return [[line for line in lines if line] for lines in found]


def misread(line: str, rate: float, dice: random.Random) -> str:
    """The line with a share of its characters changed, left out or doubled by another."""
    return "".join(
        dice.choices(
            [character, dice.choice(SIGNS), "", character + dice.choice(SIGNS)],
            [1 - rate, rate * 0.6, rate * 0.2, rate * 0.2],
        )[0]
        for character in line
    )


def share_right(
    pages: Sequence[list[str]],
    rate: float,
    page: Callable[[list[str], random.Random], tuple[str, list[str], list[str]]],
) -> float:
    """Share of the lines that got exactly their text, over all pages.

    `page` makes the text, the lines that are segmented, and what each of them should get.
    """
    dice = random.Random(7)
    right = lines = 0
    for written in pages:
        text, segmented, expected = page(written, dice)
        placement = placed(text, [misread(line, rate, dice) for line in segmented])
        right += sum(got == true for got, true in zip(pieces(text, placement), expected, strict=True))
        lines += len(expected)
        assert whole(text, placement)
    return right / lines


@pytest.mark.parametrize(("between", "rate", "least"), [("\n", 0.2, 0.995), (" ", 0.2, 0.985), (" ", 0.4, 0.96)])
def test_real_pages(pages: list[list[str]], between: str, rate: float, least: float) -> None:
    share = share_right(pages, rate, lambda lines, dice: (between.join(lines), lines, lines))
    print(f"{between!r} between lines, hints with {rate:.0%} errors: {share:.2%} of the lines right")
    assert share >= least


@pytest.mark.parametrize(("between", "least"), [("\n", 0.98), (" ", 0.93)])
def test_real_pages_of_which_the_segmenter_missed_a_tenth(pages: list[list[str]], between: str, least: float) -> None:
    def page(lines: list[str], dice: random.Random) -> tuple[str, list[str], list[str]]:
        found = [line for line in lines if dice.random() > 0.1]
        return between.join(lines), found, found

    share = share_right(pages[::2], 0.2, page)
    print(f"{between!r} between lines, a tenth missed: {share:.2%} of the others right")
    assert share >= least


@pytest.mark.parametrize(("between", "least"), [("\n", 0.98), (" ", 0.98)])
def test_real_pages_of_which_the_text_lacks_a_tenth(pages: list[list[str]], between: str, least: float) -> None:
    def page(lines: list[str], dice: random.Random) -> tuple[str, list[str], list[str]]:
        read_ones = [line if dice.random() > 0.1 else "" for line in lines]
        return between.join(filter(None, read_ones)), lines, read_ones

    share = share_right(pages[::2], 0.2, page)
    print(f"{between!r} between lines, a tenth not in the text: {share:.2%} of the lines right")
    assert share >= least


@pytest.mark.parametrize(("between", "least"), [("\n", 0.99), (" ", 0.98)])
def test_real_pages_whose_halves_are_swapped(pages: list[list[str]], between: str, least: float) -> None:
    def page(lines: list[str], dice: random.Random) -> tuple[str, list[str], list[str]]:
        cut = dice.randrange(len(lines) // 4, 3 * len(lines) // 4)
        return between.join(lines[cut:] + lines[:cut]), lines, lines

    share = share_right(pages[::2], 0.2, page)
    print(f"{between!r} between lines, two blocks swapped: {share:.2%} of the lines right")
    assert share >= least


def test_a_page_takes_a_moment() -> None:
    dice = random.Random(1)
    lines = ["".join(dice.choices(SIGNS + "     ", k=60)) for _ in range(50)]
    began = time.process_time()
    placed(" ".join(lines), [misread(line, 0.2, dice) for line in lines])
    taken = time.process_time() - began
    print(f"a page of 3,000 characters: {taken:.2f} s")
    assert taken < 3  # a tenth of that where nothing else runs
