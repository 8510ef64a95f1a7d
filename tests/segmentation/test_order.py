import random

from manuscribe.segmentation.boxes import Box
from manuscribe.segmentation.order import reading_order


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


def test_a_table_is_read_row_by_row_and_has_no_margins():
    head = [Box(100, 1000, 60, 30)]
    table = [
        Box(left, right, base, 30)
        for base in range(120, 600, 40)
        for left, right in ((100, 140), (180, 240), (300, 760), (820, 880))
    ]
    read, groups = order(head + table)
    assert read == head + table
    assert [len(group.lines) for group in groups] == [1] + [4] * 12
    assert {group.kind for group in groups} == {"text"}


def test_an_entry_of_a_register_is_read_cell_by_cell():
    entries = []
    for top in range(100, 900, 200):
        number, kind, text = column(100, 140, top, 1), column(220, 340, top, 2, 25), column(380, 800, top, 4)
        entries.append([*number, *kind, *text, *column(840, 880, top + 120, 1), *column(900, 960, top + 120, 1)])
    read, groups = order([box for entry in entries for box in entry])
    assert read == [box for entry in entries for box in entry]
    assert [len(group.lines) for group in groups] == [9] * 4


def test_a_spread_of_pages_with_notes_is_no_table():
    left = [*column(20, 90, 300, 3), *column(120, 500, 100, 20)]
    right = [*column(560, 630, 500, 3), *column(660, 1040, 100, 20)]
    read, groups = order(left + right)
    assert read == left + right
    assert [group.kind for group in groups] == ["margin", "text", "margin", "text"]


def test_a_few_lines_that_reach_over_the_fold_do_not_join_two_pages():
    left, right = column(100, 500, 100, 20), column(520, 920, 100, 20)
    left[4], right[9] = Box(100, 545, 260, 30), Box(490, 920, 460, 30)
    read, _ = order(left + right)
    assert read == left + right


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
