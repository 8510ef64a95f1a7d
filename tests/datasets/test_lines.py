"""Manifests: what is written is read, and what is none is named."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from manuscribe.datasets.lines import read_lines, write_lines
from manuscribe.errors import InputError, OutputError, UsageError
from tests.datasets.conftest import picture


@pytest.fixture
def some(labelled):
    return [labelled(f"text {i}", group=str(i), split="train", language="en", label="date") for i in range(5)]


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl"])
def test_what_is_written_is_read(tmp_path, some, suffix):
    path = tmp_path / "new" / f"a{suffix}"
    write_lines(path, some)
    back = read_lines([path])
    assert [line.encoded() for line in back] == [line.encoded() for line in some]
    known = [(line.text, line.group, line.split, line.language, line.label, line.source) for line in back]
    assert known == [(line.text, line.group, line.split, line.language, line.label, line.source) for line in some]
    assert not [file for file in path.parent.iterdir() if file.suffix == ".new"]


def test_json_lines_name_their_images_relative_to_themselves(tmp_path, labelled, monkeypatch):
    (tmp_path / "crops").mkdir()
    (tmp_path / "crops" / "1.png").write_bytes(picture("a"))
    (tmp_path / "m.jsonl").write_text('{"image": "crops/1.png", "text": "a", "note": "hm"}\n\n', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    lines = read_lines(["m.jsonl"])
    assert lines[0].rgb().shape == (24, 18, 3)
    assert lines[0].label == "text"
    (tmp_path / "deep").mkdir()
    write_lines(tmp_path / "deep" / "m.jsonl", lines)
    assert json.loads((tmp_path / "deep" / "m.jsonl").read_text())["image"] == "../crops/1.png"
    assert read_lines(["deep/m.jsonl"])[0].rgb().shape == (24, 18, 3)


def test_parquet_as_hugging_face_writes_it_is_read(tmp_path):
    (tmp_path / "2.png").write_bytes(picture("b"))
    images = [{"bytes": picture("a"), "path": None}, {"bytes": None, "path": "2.png"}]
    pq.write_table(pa.table({"image": images, "text": ["a", "b"], "other": [1, 2]}), tmp_path / "a.parquet")
    assert [line.encoded() for line in read_lines([tmp_path / "a.parquet"])] == [picture("a"), picture("b")]


def test_patterns_are_read_in_the_order_of_names(tmp_path, labelled):
    for name in ("b", "a"):
        write_lines(tmp_path / f"x-{name}.parquet", [labelled(name)])
    assert [line.text for line in read_lines(["x-*.parquet"], tmp_path)] == ["a", "b"]


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("x.parquet", b"not parquet", r"x\.parquet is not a line data set"),
        ("x.jsonl", b'{"image": "a.png"}', "line 1, lacks"),
        ("x.jsonl", b'{"image": "a.png", "text": 3}', "line 1, lacks"),
        ("x.jsonl", b"\n[]", "line 2, lacks"),
        ("x.jsonl", b"{", "line 1, is not JSON"),
        ("x.jsonl", "é".encode("latin-1"), "not UTF-8"),
    ],
)
def test_what_is_no_manifest_is_named(tmp_path, name, content, problem):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=problem):
        read_lines([name], tmp_path)


def test_missing_sets_and_columns_are_named(tmp_path):
    for name in ("none-*.parquet", "none.jsonl"):
        with pytest.raises(InputError, match="No data set"):
            read_lines([name], tmp_path)
    pq.write_table(pa.table({"image": [b""], "label": ["x"]}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match="no column `text`"):
        read_lines(["a.parquet"], tmp_path)
    pq.write_table(pa.table({"image": [None], "text": ["x"]}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match="without an image"):
        read_lines(["a.parquet"], tmp_path)


def test_a_damaged_or_missing_image_is_named(tmp_path, labelled):
    with pytest.raises(InputError, match="no"):
        labelled(image=b"nothing").pixels()
    with pytest.raises(InputError, match=r"gone\.png"):
        labelled(image=tmp_path / "gone.png").pixels()


def test_names_that_say_no_form_are_refused_and_so_is_a_file_for_a_folder(tmp_path, some):
    with pytest.raises(UsageError, match=r"\.jsonl or \.parquet"):
        write_lines(tmp_path / "a.csv", some)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        write_lines(tmp_path / "file" / "a.jsonl", some)


def test_no_manifest_takes_the_images_of_another(tmp_path, labelled):
    write_lines(tmp_path / "a.jsonl", [labelled("ten"), labelled("twenty")])
    first = read_lines([tmp_path / "a.jsonl"])
    write_lines(tmp_path / "a.jsonl", [labelled("other"), *first])
    assert [line.encoded() for line in first] == [picture("ten"), picture("twenty")]
    assert [line.encoded() for line in read_lines([tmp_path / "a.jsonl"])] == [
        picture(t) for t in ("other", "ten", "twenty")
    ]


def test_line_separators_in_texts_survive(tmp_path, labelled):
    write_lines(tmp_path / "a.jsonl", [labelled("a\u2028b\u0085c")])
    assert read_lines([tmp_path / "a.jsonl"])[0].text == "a\u2028b\u0085c"


def test_splits_have_known_names_alone(tmp_path, labelled):
    assert labelled(split="Dev").split == "validation"
    (tmp_path / "a.jsonl").write_text('{"image": "a.png", "text": "a", "split": "/etc"}')
    with pytest.raises(InputError, match="no split '/etc'"):
        read_lines([tmp_path / "a.jsonl"])
