"""`manuscribe data …`: from an archive's files to divided, checked lines."""

import json

import numpy as np
import pytest
from PIL import Image

from manuscribe.datasets.labelled import LabelledLine
from manuscribe.datasets.lines import read_lines, write_lines
from manuscribe.errors import ExitCode
from tests.datasets.conftest import picture


@pytest.fixture
def pairs(tmp_path):
    """Twelve line images with `.gt.txt` files, in a folder for each of three writers."""
    for number in range(12):
        path = tmp_path / "hands" / f"writer{number // 4}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(f"line {number}"))
        path.with_suffix(".gt.txt").write_text(f"line {number}", encoding="utf-8")
    return tmp_path / "hands"


def test_from_pairs_to_divided_lines_and_back(manuscribe, tmp_path, pairs):
    lines, divided, back = tmp_path / "lines.jsonl", tmp_path / "divided.parquet", tmp_path / "back"
    code, out, err = manuscribe("data", "import", pairs, lines, "--language", "en")
    assert (code, out) == (ExitCode.OK, "")
    assert "12 lines in" in err
    assert manuscribe("data", "split", lines, divided, "--validation", "0.3")[0] == ExitCode.OK
    splits = {(line.group, line.split) for line in read_lines([divided])}
    assert len(splits) == 3
    assert {split for _, split in splits} == {"train", "validation"}
    code, out, _ = manuscribe("data", "check", divided, "--reader", "compact")
    assert (code, out) == (ExitCode.OK, "12 lines: no faults, 0 remarks.\n")
    assert manuscribe("data", "export", divided, back, "--to", "imagefolder")[0] == ExitCode.OK
    again = tmp_path / "again.parquet"
    assert manuscribe("data", "import", back, again)[0] == ExitCode.OK
    known = [[(x.text, x.group, x.split, x.language, x.source) for x in read_lines([f])] for f in (divided, again)]
    assert sorted(known[0]) == sorted(known[1])
    assert manuscribe("data", "export", divided, back, "--to", "gt")[0] == ExitCode.OUTPUT
    assert manuscribe("data", "export", divided, tmp_path / "gt")[0] == ExitCode.OK
    assert len(list((tmp_path / "gt").rglob("*.gt.txt"))) == 12


def test_one_hand_is_divided_by_lines(manuscribe, tmp_path, pairs):
    one, out = tmp_path / "one.jsonl", tmp_path / "out.jsonl"
    assert manuscribe("data", "import", pairs / "writer0", one)[0] == ExitCode.OK
    code, _, err = manuscribe("data", "split", one, out)
    assert code == ExitCode.USAGE
    assert "--by line" in err
    assert manuscribe("data", "split", one, out, "--by", "line", "--validation", "0.25")[0] == ExitCode.OK
    assert sorted(line.split for line in read_lines([out])) == ["train"] * 3 + ["validation"]


def test_what_cannot_be_imported_is_told_and_the_rest_is_there(manuscribe, tmp_path, pairs):
    for number in range(7):
        (pairs / f"alone{number}.gt.txt").write_text("x")
    code, _, err = manuscribe("data", "import", pairs, tmp_path / "lines.jsonl")
    assert code == ExitCode.SOME_FAILED
    assert err.count("has no image") == 5
    assert "… and 2 more" in err
    assert len(read_lines([tmp_path / "lines.jsonl"])) == 12


def test_faults_are_told_with_their_lines(manuscribe, tmp_path):
    lines = [LabelledLine(picture("one"), "one"), LabelledLine(b"damaged", "two"), LabelledLine(picture("x"), "")]
    write_lines(tmp_path / "a.parquet", lines)
    code, out, _ = manuscribe("data", "check", tmp_path / "a.parquet")
    assert code == ExitCode.SOME_FAILED
    assert "fault: unreadable: 1 of 3" in out
    assert "    line 2: 'two'" in out
    assert out.endswith("2 faults, 0 remarks.\n")
    code, out, _ = manuscribe("data", "check", tmp_path / "a.parquet", "--json")
    assert {finding["kind"]: finding["lines"] for finding in json.loads(out)} == {"unreadable": [1], "empty": [2]}


def test_stats_merge_and_preview(manuscribe, tmp_path, pairs):
    for name in ("a.jsonl", "b.jsonl"):
        manuscribe("data", "import", pairs, tmp_path / name, "--label", name[0])
    assert manuscribe("data", "merge", tmp_path / "*.jsonl", "-o", tmp_path / "all.parquet")[0] == ExitCode.OK
    some = ("--where", "label=a", "--where", "group=writer0", "--where", "group=writer1", "--where", "text!=line 1")
    assert manuscribe("data", "merge", tmp_path / "all.parquet", "-o", tmp_path / "b.parquet", *some)[0] == ExitCode.OK
    assert len(read_lines([tmp_path / "b.parquet"])) == 7
    code, out, _ = manuscribe("data", "stats", tmp_path / "all.parquet")
    assert code == ExitCode.OK
    assert "lines       24, 148 characters" in out
    assert "label       a 12, b 12" in out
    _, out, _ = manuscribe("data", "stats", tmp_path / "all.parquet", "--json")
    assert json.loads(out)["lengths"] == [6, 6, 6, 6, 7]
    code, _, _ = manuscribe("data", "preview", tmp_path / "all.parquet", tmp_path / "sheet.png", "--lines", "6")
    assert code == ExitCode.OK
    with Image.open(tmp_path / "sheet.png") as sheet:
        pixels = np.asarray(sheet)
    assert pixels.std() > 10
    assert manuscribe("data", "preview", tmp_path / "all.parquet", tmp_path / "sheet.doc")[0] == ExitCode.USAGE


def test_a_preview_shows_also_what_is_damaged(manuscribe, tmp_path):
    write_lines(tmp_path / "a.parquet", [LabelledLine(b"damaged", "two\nlines, which is wrong")])
    assert manuscribe("data", "preview", tmp_path / "a.parquet", tmp_path / "sheet.png")[0] == ExitCode.OK
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert (180, 0, 0) in {colour for _, colour in sheet.getcolors(1 << 20)}


def test_augment(manuscribe, tmp_path, pairs):
    manuscribe("data", "import", pairs, tmp_path / "a.jsonl")
    assert manuscribe("data", "augment", tmp_path / "a.jsonl", tmp_path / "b.parquet")[0] == ExitCode.USAGE
    manuscribe("data", "split", tmp_path / "a.jsonl", tmp_path / "d.jsonl", "--validation", "0.3")
    code, _, err = manuscribe("data", "augment", tmp_path / "d.jsonl", tmp_path / "b.parquet", "--variants", "2")
    assert code == ExitCode.OK
    assert "28 lines in" in err
    assert len(read_lines([tmp_path / "b.parquet"])) == 28


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("import", "nowhere/at/all", "a.jsonl"), ExitCode.INPUT, "does not exist"),
        (("import", ".", "a.csv"), ExitCode.USAGE, ".jsonl or .parquet"),
        (("import", ".", "a.jsonl"), ExitCode.INPUT, "--kind"),
        (("import", ".", "a.jsonl", "--kind", "pairs"), ExitCode.INPUT, "gives no line"),
        (("split", "a.jsonl", "b.jsonl"), ExitCode.INPUT, "No data set"),
        (("split", "a.jsonl", "b.jsonl", "--by", "moon"), ExitCode.USAGE, "--by group or --by line"),
        (("split", "a.jsonl", "b.jsonl", "--validation", "0.6", "--test", "0.5"), ExitCode.USAGE, "Nothing"),
        (("export", "a.jsonl", "b", "--to", "word"), ExitCode.INPUT, "No data set"),
        (("augment", "a.jsonl", "b.jsonl", "--policy", "cia"), ExitCode.USAGE, "kgb"),
        (("merge", "m.jsonl", "-o", "b.jsonl", "--where", "colour=red"), ExitCode.USAGE, "no condition"),
        (("merge", "m.jsonl", "-o", "b.jsonl", "--where", "label=red"), ExitCode.USAGE, "No line meets"),
        (("stats", "x*.parquet"), ExitCode.INPUT, "No data set"),
    ],
)  # fmt: skip
def test_bad_input(manuscribe, tmp_path, monkeypatch, arguments, code, told):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.jsonl").write_text('{"image": "a.png", "text": "a"}')
    found, _, err = manuscribe("data", *arguments)
    assert (found, told in err) == (code, True), err
