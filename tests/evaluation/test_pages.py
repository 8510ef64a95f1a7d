import pytest
from hypothesis import given
from hypothesis import strategies as st

from manuscribe.document import Line
from manuscribe.errors import InputError
from manuscribe.evaluation.metrics import character_error_rate
from manuscribe.evaluation.pages import PageScore, score_by_position, score_in_any_order, score_text

TEXTS = ["Dear sir,", "I have your letter", "of the ninth and", "remain yours"]


def box(left, top, right, bottom):
    return ((left, top), (right, top), (right, bottom), (left, bottom))


def page(texts, shift=0.0):
    return [Line(text, polygon=box(100.0, shift + 50 * i, 600.0, shift + 50 * i + 40)) for i, text in enumerate(texts)]


def test_the_truth_is_perfect():
    assert score_by_position(page(TEXTS), page(TEXTS)) == PageScore(0, sum(map(len, TEXTS)), matched=4)


def test_wrong_characters_are_errors_of_their_line():
    score = score_by_position(page(TEXTS), page(["Dear Sir", *TEXTS[1:]]))
    assert (score.errors, score.matched) == (2, 4)


def test_a_missed_line_counts_all_its_characters():
    score = score_by_position(page(TEXTS), page(TEXTS)[1:])
    assert (score.errors, score.matched, score.missed, score.extra) == (9, 3, 1, 0)


def test_an_extra_line_counts_all_its_characters():
    score = score_by_position(page(TEXTS), [*page(TEXTS), Line("noise", polygon=box(700, 0, 900, 40))])
    assert (score.errors, score.matched, score.missed, score.extra) == (5, 4, 0, 1)
    assert score.character_error_rate == 5 / score.length
    assert score.rate_without_extra == 0.0


def test_a_line_in_two_pieces_has_one_partner():
    pieces = [Line("Dear", polygon=box(100, 0, 350, 40)), Line("sir,", polygon=box(360, 0, 600, 40))]
    score = score_by_position(page(TEXTS), [*pieces, *page(TEXTS)[1:]])
    assert score == PageScore(5 + 4, sum(map(len, TEXTS)), matched=4, missed=0, extra=1, invented=4)


def test_reading_order_costs_nothing_by_position_or_in_any_order():
    assert score_by_position(page(TEXTS), page(TEXTS)[::-1]).errors == 0
    assert score_in_any_order(TEXTS, TEXTS[::-1]).errors == 0
    assert score_text("\n".join(TEXTS), "\n".join(TEXTS[::-1])).errors > 0


def test_the_closest_line_is_the_partner_of_a_shifted_one():
    assert score_by_position(page(TEXTS), page(TEXTS, shift=15.0)).errors == 0
    apart = score_by_position(page(TEXTS[:1]), page(TEXTS[:1], shift=35.0))
    assert apart == PageScore(18, 9, missed=1, extra=1, invented=9)


def test_polygons_need_not_be_convex():
    bent = ((0.0, 0.0), (400.0, 0.0), (400.0, 300.0), (360.0, 300.0), (360.0, 40.0), (0.0, 40.0))
    truth = [Line("bent", polygon=bent), Line("within", polygon=box(0, 60, 340, 100))]
    assert score_by_position(truth, truth[::-1]).errors == 0


def test_a_line_that_nobody_could_read_is_not_judged():
    truth = page(["Dear sir,", "", "of the ninth and"])
    assert score_by_position(truth, page(["Dear sir,", "whatever", "of the ninth and"])) == PageScore(0, 25, matched=2)
    assert score_by_position(truth, [truth[0], truth[2]]) == PageScore(0, 25, matched=2)


def test_a_found_line_without_text_is_no_line():
    assert score_by_position(page(TEXTS), page(["", *TEXTS[1:]])).missed == 1
    assert score_by_position([], page([" "])) == PageScore()


@pytest.mark.parametrize("score", [score_by_position, score_in_any_order])
def test_blank_pages(score):
    assert score([], []).character_error_rate == 0.0
    lines = page(["word"]) if score is score_by_position else ["word"]
    assert score(lines, []) == PageScore(4, 4, missed=1)
    assert score([], lines) == PageScore(4, 0, extra=1, invented=4)
    assert score([], lines).character_error_rate == 1.0
    assert score([], lines).rate_without_extra == 0.0


def test_lines_without_a_place_cannot_be_matched_by_it():
    with pytest.raises(InputError, match=r"The line 'Dear sir,' has no polygon\. Compare"):
        score_by_position([Line("Dear sir,")], [])


def test_in_any_order_each_line_finds_the_one_most_like_it():
    score = score_in_any_order(TEXTS, ["of the minth and", "remain yurs", "Dear sir,"])
    assert (score.errors, score.matched, score.missed, score.extra) == (2 + 18, 3, 1, 0)


def test_lines_with_nothing_in_common_are_no_partners():
    assert score_in_any_order(["abc"], ["xyz"]) == PageScore(6, 3, missed=1, extra=1, invented=3)


def test_texts_are_compared_in_their_normal_form():
    assert score_by_position(page(["l’été  der¬"]), page(["l'e\u0301te\u0301 der-"])).errors == 0
    assert score_text("l’été\nder¬", "l'été der-").errors == 0


def test_scores_add_up():
    total = score_by_position(page(TEXTS), page(TEXTS)) + score_by_position(page(TEXTS), []) + PageScore()
    assert (total.matched, total.missed) == (4, 4)
    assert total.character_error_rate == 0.5
    noise = score_in_any_order([], ["ab"])
    assert (noise + noise).invented == 4


WORDS = st.text(alphabet="abc é’", max_size=8)
SAID = WORDS.filter(lambda text: text.strip())
BOXES = st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(1, 50), st.integers(1, 30)).map(
    lambda b: box(b[0], b[1], b[0] + b[2], b[1] + b[3])
)
PAGES = st.lists(st.builds(Line, text=SAID, polygon=BOXES), max_size=5)


@given(PAGES, PAGES)
def test_either_page_may_be_the_truth(one, other):
    forth, back = score_by_position(one, other), score_by_position(other, one)
    assert (forth.errors, forth.matched, forth.missed, forth.extra) == (
        back.errors, back.matched, back.extra, back.missed,
    )  # fmt: skip
    assert forth.matched + forth.missed == len(one)
    assert forth.matched + forth.extra == len(other)
    assert 0 <= forth.rate_without_extra <= forth.character_error_rate


@given(st.lists(SAID, max_size=5), st.lists(SAID, max_size=5))
def test_no_errors_in_any_order_means_the_same_lines(one, other):
    score = score_in_any_order(one, other)
    same = sorted(" ".join(t.replace("’", "'").split()) for t in one) == sorted(
        " ".join(t.replace("’", "'").split()) for t in other
    )
    assert (score.character_error_rate == 0) == same
    assert score.errors == score_in_any_order(other, one).errors


@given(PAGES)
def test_a_page_with_distinct_places_is_equal_to_itself(lines):
    places = {line.polygon: line for line in lines}
    assert score_by_position(list(places.values()), list(places.values())[::-1]).errors == 0


@given(WORDS, WORDS)
def test_whole_texts_are_scored_as_the_error_rate_does(truth, read):
    assert score_text(truth, read).character_error_rate == character_error_rate([(truth, read)])
