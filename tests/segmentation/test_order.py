import random

from manuscribe.segmentation.order import Box, reading_order


def column(left, right, top, count, distance=40, height=30):
    return [Box(left, right, top + distance * k, height) for k in range(count)]


def order(boxes):
    """Group sizes and, whatever order the boxes are given in, the boxes as they are read."""
    shuffled = boxes[:]
    random.Random(1).shuffle(shuffled)
    groups = reading_order(shuffled)
    return [shuffled[i] for group in groups for i in group.lines], groups


def test_empty_page():
    assert reading_order([]) == []


def test_one_column_from_top_to_bottom():
    text = column(100, 900, 100, 20)
    read, groups = order(text)
    assert read == text
    assert len(groups) == 1


def test_two_columns_left_first():
    text = column(100, 450, 100, 20) + column(520, 900, 110, 20)
    read, groups = order(text)
    assert read == text
    assert [group.kind for group in groups] == ["text", "text"]


def test_a_heading_over_two_columns_comes_first():
    text = [Box(200, 800, 50, 40), *column(100, 450, 120, 10), *column(520, 900, 120, 10)]
    read, _ = order(text)
    assert read == text


def test_a_spread_with_columns_of_unequal_length():
    text = column(100, 900, 100, 30) + column(1050, 1800, 300, 8)
    read, _ = order(text)
    assert read == text


def test_a_marginal_note_is_a_margin():
    note, text = column(20, 120, 300, 3), column(160, 900, 100, 20)
    read, groups = order(note + text)
    assert read == note + text
    assert [group.kind for group in groups] == ["margin", "text"]


def test_a_date_at_the_right_above_the_salutation_stays_above():
    text = [Box(600, 900, 80, 30), Box(100, 350, 140, 30), *column(100, 900, 200, 10)]
    read, groups = order(text)
    assert read == text
    assert len(groups) == 1


def test_a_table_is_read_column_by_column_and_has_no_margins():
    head = [Box(100, 1000, 60, 30)]
    table = [
        box for left, right in ((100, 140), (180, 240), (300, 760), (820, 880)) for box in column(left, right, 120, 12)
    ]
    read, groups = order(head + table)
    assert read == head + table
    assert {group.kind for group in groups} == {"text"}


def test_pieces_of_one_row_from_left_to_right():
    text = [*column(100, 900, 100, 5), Box(100, 400, 302, 30), Box(440, 900, 298, 30), *column(100, 900, 340, 5)]
    read, groups = order(text)
    assert read == text
    assert len(groups) == 1


def test_a_single_word_in_the_margin_does_not_break_the_text():
    text = [*column(100, 900, 100, 6), *column(60, 900, 340, 10)]
    word = Box(10, 70, 182, 30)
    _, groups = order([*text, word])
    assert len(groups) == 1


def test_every_line_is_read_once():
    generator = random.Random(7)
    for _ in range(50):
        boxes = [
            Box(x := generator.uniform(0, 900), x + generator.uniform(5, 500), generator.uniform(0, 900), 30)
            for _ in range(generator.randrange(40))
        ]
        indices = [i for group in reading_order(boxes) for i in group.lines]
        assert sorted(indices) == list(range(len(boxes)))
