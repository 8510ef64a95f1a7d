"""Line data sets in parquet."""

from pathlib import Path

import pytest

from manuscribe.datasets.lines import LabelledLine, read_lines, split_groups, write_lines
from manuscribe.errors import InputError


def line(source: str = "s", group: str = "g", image: bytes = b"") -> LabelledLine:
    return LabelledLine(image, "text", source, group, "p", "en")


def test_what_is_written_is_read(tmp_path: Path) -> None:
    lines = [line(group=str(i), image=bytes([i])) for i in range(5)]
    write_lines(tmp_path / "a.parquet", lines)
    assert read_lines(["a.parquet"], tmp_path) == lines
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]


def test_a_missing_set_and_a_file_of_another_kind_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No data set"):
        read_lines(["none-*.parquet"], tmp_path)
    (tmp_path / "x.parquet").write_bytes(b"not parquet")
    with pytest.raises(InputError, match=r"x\.parquet is not a line data set"):
        read_lines(["x.parquet"], tmp_path)


def test_a_damaged_image_is_named() -> None:
    with pytest.raises(InputError, match="damaged"):
        line(image=b"nothing").pixels()


def test_splits_never_tear_a_group_apart() -> None:
    lines = [line(source, f"{source}{i % 10}") for source in "ab" for i in range(50)] + [line("single", "only")]
    rest, held = split_groups(lines, 0.2, seed=1)
    assert len(rest) + len(held) == len(lines)
    assert not {(x.source, x.group) for x in rest} & {(x.source, x.group) for x in held}
    assert {x.source for x in held} == {"a", "b"}  # a source of one group stays whole in training
    assert len({x.group for x in held}) == 4
    assert split_groups(lines, 0.2, seed=1) == (rest, held)
