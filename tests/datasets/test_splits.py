"""Splits keep together what belongs together."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manuscribe.datasets.labelled import LabelledLine
from manuscribe.datasets.splits import split_groups, split_lines
from manuscribe.errors import UsageError

SHARES = {"train": 0.8, "validation": 0.2}


def line(source="s", group="g", text="text", label="text", image=b""):
    return LabelledLine(image, text, source, group, label=label)


@given(
    sizes=st.lists(st.integers(1, 30), min_size=5, max_size=40),
    seed=st.integers(0, 3),
    shares=st.sampled_from([SHARES, {"train": 0.6, "validation": 0.2, "test": 0.2}]),
)
def test_groups_stay_whole_and_shares_are_kept_to_the_largest_group(sizes, seed, shares):
    lines = [line("ab"[g % 2], str(g)) for g, size in enumerate(sizes) for _ in range(size)]
    divided = split_lines(lines, shares, seed=seed)
    splits = {}
    for found in divided:
        assert splits.setdefault((found.source, found.group), found.split) == found.split
    for split, share in shares.items():
        count = sum(found.split == split for found in divided)
        assert abs(count - share * len(lines)) <= max(sizes)
    assert divided == split_lines(lines, shares, seed=seed)


def test_single_lines_are_divided_alike_in_label_and_length():
    kinds = [("date", "1 mai"), ("text", "x" * 20), ("text", "x" * 60)]
    lines = [
        line(text=text, label=label, image=f"{label}{text}{i}".encode()) for label, text in kinds for i in range(50)
    ]
    divided = split_lines(lines, SHARES, by="line", seed=1)
    counts = Counter((found.label, len(found.text), found.split) for found in divided)
    assert {count for (_, _, split), count in counts.items() if split == "validation"} == {10}
    assert [found.text for found in divided] == [found.text for found in lines]
    assert divided != split_lines(lines, SHARES, by="line", seed=2)


def test_a_picture_that_is_there_twice_goes_to_one_split():
    lines = [line(image=bytes([i // 2])) for i in range(100)]
    divided = split_lines(lines, SHARES, by="line")
    assert all(a.split == b.split for a, b in zip(divided[::2], divided[1::2], strict=True))


def test_too_few_groups_are_refused_with_a_remedy():
    with pytest.raises(UsageError, match="--by line"):
        split_lines([line(), line()], SHARES)


def test_held_out_groups_are_never_torn_apart():
    lines = [line(source, f"{source}{i % 10}") for source in "ab" for i in range(50)] + [line("single", "only")]
    rest, held = split_groups(lines, 0.2, seed=1)
    assert len(rest) + len(held) == len(lines)
    assert not {(x.source, x.group) for x in rest} & {(x.source, x.group) for x in held}
    assert {x.source for x in held} == {"a", "b"}  # a source of one group stays whole in training
    assert len({x.group for x in held}) == 4
    assert split_groups(lines, 0.2, seed=1) == (rest, held)


@pytest.mark.parametrize("groups", [2, 3, 5, 10])
@pytest.mark.parametrize("share", [0.05, 0.2])
def test_no_split_that_was_asked_for_is_empty(groups, share):
    lines = [line(group=str(n)) for n in range(groups) for _ in range(20)]
    found = split_lines(lines, {"train": 1 - share, "validation": share})
    assert {line.split for line in found} == {"train", "validation"}
    if groups > 2:
        found = split_lines(lines, {"train": 1 - 2 * share, "validation": share, "test": share})
        assert {line.split for line in found} == {"train", "validation", "test"}
