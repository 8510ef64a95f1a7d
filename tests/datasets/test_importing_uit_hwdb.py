"""UIT-HWDB, as it is published and as people unpack it."""

import json
from dataclasses import replace

import pytest

from manuscribe.datasets.importing.found import About, Problem
from manuscribe.datasets.importing.kinds import import_lines, kind_of
from manuscribe.datasets.lines import read_lines, write_lines
from manuscribe.datasets.splits import split_lines
from manuscribe.errors import InputError
from tests.datasets.conftest import picture

ABOUT = About("uit")


@pytest.fixture
def writer(tmp_path):
    """Write a writer's folder: a name and a text for each image."""

    def write(place, texts, name="label.json", images=None):
        folder = tmp_path / place
        folder.mkdir(parents=True)
        for image in texts if images is None else images:
            (folder / image).write_bytes(picture(f"{place}{image}"))
        (folder / name).write_text(json.dumps(texts), encoding="utf-8")
        return folder

    return write


@pytest.fixture
def sets(writer, tmp_path):
    """All three sets, as they are published."""
    writer("UIT_HWDB_word/train_data/1", {"1.jpg": "Thứ", "2.jpg": "hai"})
    writer("UIT_HWDB_word/train_data/10", {"1.jpg": "Võ"})
    writer("UIT_HWDB_word/train_data/2", {"1.jpg": "Đông."})
    writer("UIT_HWDB_word/test_data/250", {"1.jpg": "Bắc"})
    writer("UIT_HWDB_line/train_data/1", {"1.jpg": " Nước ta giáp với biển Đông "})
    writer("UIT_HWDB_line/test_data/250", {"1.jpg": "ở hai phía"})
    writer("UIT_HWDB_paragraph/test_data/250", {"1.jpg": "ở hai phía\nĐông và Nam."})
    return tmp_path


def items_of(source, kind=None, about=ABOUT):
    return list(import_lines(str(source), about, kind))


def lines_of(source, kind=None, about=ABOUT):
    items = items_of(source, kind, about)
    assert not [item for item in items if isinstance(item, Problem)]
    return items


def problems_of(source, kind=None):
    return [item.what for item in items_of(source, kind) if isinstance(item, Problem)]


def test_all_sets(sets):
    found = lines_of(sets)
    assert [(line.text, line.label, line.group, line.split) for line in found] == [
        ("ở hai phía", "line", "uit-hwdb 250", "test"),
        ("Nước ta giáp với biển Đông", "line", "uit-hwdb 1", "train"),
        ("Bắc", "word", "uit-hwdb 250", "test"),
        ("Thứ", "word", "uit-hwdb 1", "train"),
        ("hai", "word", "uit-hwdb 1", "train"),
        ("Đông.", "word", "uit-hwdb 2", "train"),
        ("Võ", "word", "uit-hwdb 10", "train"),
        ("ở hai phía\nĐông và Nam.", "paragraph", "uit-hwdb 250", "test"),
    ]
    assert {(line.language, line.source) for line in found} == {("vi", "uit")}
    assert found[0].encoded() == picture("UIT_HWDB_line/test_data/2501.jpg")


def test_line_breaks_of_paragraphs_are_kept_and_measured_as_spaces(sets):
    write_lines(sets / "lines.jsonl", lines_of(sets))
    (found,) = (line for line in read_lines([str(sets / "lines.jsonl")]) if line.label == "paragraph")
    assert found.text == "ở hai phía\nĐông và Nam."
    assert found.learnt == "ở hai phía Đông và Nam."


def test_a_writer_stays_whole_over_the_sets(sets):
    divided = split_lines(lines_of(sets), {"train": 0.5, "validation": 0.5})
    assert all(len({line.split for line in divided if line.group == f"uit-hwdb {n}"}) == 1 for n in (1, 2, 10, 250))


@pytest.mark.parametrize("part", ["UIT_HWDB_line", "UIT_HWDB_line/test_data", "UIT_HWDB_line/test_data/250"])
def test_a_part_knows_what_it_is_part_of(sets, part, monkeypatch):
    assert kind_of(str(sets / part)) == "uit_hwdb"
    monkeypatch.chdir(sets / part)
    for source in (sets / part, "."):
        line = lines_of(source)[0]
        assert (line.label, line.group, line.split) == ("line", "uit-hwdb 250", "test")


@pytest.mark.parametrize(
    ("place", "name", "label", "split"),
    [
        ("uit-hwdb/UIT_HWDB_line/UIT_HWDB_line/train_data/7", "label.json", "line", "train"),
        ("UIT_HWDB_line_v2/TRAIN_DATA/7", "Label.JSON", "line", "train"),
        ("uit-hwdb-words/Test/7", "labels.json", "word", "test"),
        ("Paragraph/validation/7", "label.json", "paragraph", "validation"),
        ("test/word/7", "label.json", "word", "test"),
        ("UIT_HWDB_paragraph/7", "label.json", "paragraph", ""),
        ("train_data/7", "label.json", "text", "train"),
    ],
)
def test_other_ways_to_lay_it_out(writer, tmp_path, place, name, label, split):
    writer(f"data/{place}", {"1.JPG": "Võ"}, name)
    (line,) = lines_of(tmp_path / "data")
    assert (line.text, line.label, line.group, line.split) == ("Võ", label, "uit-hwdb 7", split)


def test_what_is_asked_for_goes_before_what_is_usual(sets):
    found = lines_of(sets, about=replace(ABOUT, group="one", language="vi-VN", label="x"))
    assert {(line.group, line.language) for line in found} == {("one", "vi-VN")}
    assert {line.label for line in found} == {"word", "line", "paragraph"}


def test_a_text_may_be_in_an_object(writer, tmp_path):
    writer("line/train/1", {"1.jpg": {"text": "Võ", "x": 1}, "2.jpg": {"transcription": "Bắc"}})
    assert [line.text for line in lines_of(tmp_path)] == ["Võ", "Bắc"]


def test_what_is_no_text_is_told(writer, tmp_path):
    texts = {"1.jpg": 5, "2.jpg": None, "3.jpg": ["a"], "4.jpg": {"x": "a"}, "5.jpg": " ", "6.jpg": "\ud800"}
    writer("line/train/1", {**texts, "7.jpg": {"text": 5}, "8.jpg": "Võ"})
    told = problems_of(tmp_path)
    assert len(told) == 7
    assert all("is empty, or is none" in what for what in told)


def test_missing_images_and_texts_are_told(writer, tmp_path):
    writer("line/train/1", {"1.jpg": "a", "2.jpg": "b"}, images=["2.jpg", "3.jpg", "._3.jpg"])
    writer("line/train/2", {"1.jpg": "a"})
    (tmp_path / "line/train/2/label.json").unlink()
    (tmp_path / "line/train/3").mkdir()
    told = problems_of(tmp_path)
    assert len(told) == 3
    assert "no image '1.jpg'" in told[0]
    assert "3.jpg has no text in label.json" in told[1]
    assert "has images and no label.json" in told[2]


def test_a_label_leads_to_no_file_outside_its_folder(writer, tmp_path):
    (tmp_path / "x.jpg").write_bytes(picture("x"))
    names = ["../x.jpg", "..\\x.jpg", "../../../x.jpg", str(tmp_path / "x.jpg"), "1\0.jpg", "a" * 5000, "", "."]
    folder = writer("line/train/1", {**dict.fromkeys(names, "a"), "link.jpg": "b"}, images=[])
    (folder / "link.jpg").symlink_to(tmp_path / "x.jpg")
    items = items_of(tmp_path)
    assert all(isinstance(item, Problem) for item in items)
    assert len(items) == len(names) + 1
    assert "link.jpg is not in" in items[-1].what


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "is not JSON"),
        (b"\xff\xfe", "cannot be read"),
        (b"[1]", "lists no texts"),
        (b"[" * 100_000, "is not JSON"),
        (b"", "is not JSON"),
        (b" " * ((16 << 20) + 1), "larger than 16 MiB"),
    ],
)
def test_a_broken_file_does_not_stop_the_others(writer, tmp_path, content, words):
    writer("line/train/1", {"1.jpg": "a"}).joinpath("label.json").write_bytes(content)
    writer("line/train/2", {"1.jpg": "b"})
    problem, line = items_of(tmp_path)
    assert words in problem.what
    assert "train/1/label.json" in problem.what
    assert line.text == "b"


def test_a_byte_order_mark_is_no_text(writer, tmp_path):
    folder = writer("line/train/1", {"1.jpg": "a"})
    (folder / "label.json").write_text('{"1.jpg": "Võ"}', encoding="utf-8-sig")
    assert [line.text for line in lines_of(tmp_path)] == ["Võ"]


def test_what_others_import_stays_theirs(writer, tmp_path):
    assert kind_of(str(writer("flat", {"1.jpg": "a"}, "labels.json"))) == "tables"
    writer("split/train", {"1.jpg": "a"}, "labels.json")
    assert kind_of(str(tmp_path / "split")) == "tables"
    writer("pairs/train/1", {"1.jpg": "a"})
    (tmp_path / "pairs/train/1/1.gt.txt").write_text("a")
    assert kind_of(str(tmp_path / "pairs")) == "pairs"


def test_other_folders_are_taken_only_if_that_is_asked_for(writer, tmp_path):
    writer("mine/anna", {"1.jpg": "a"})
    with pytest.raises(InputError, match="--kind"):
        kind_of(str(tmp_path / "mine"))
    (line,) = lines_of(tmp_path / "mine", "uit_hwdb")
    assert (line.group, line.label, line.split) == ("uit-hwdb anna", "text", "")
