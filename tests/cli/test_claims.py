"""`manuscribe evaluate --claim`."""

import json
import re
import shutil
from pathlib import Path

import pytest

from manuscribe.datasets.labelled import LabelledLine
from manuscribe.datasets.lines import write_lines
from manuscribe.formats.reading import read_document
from tests.cli.conftest import with_weights

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def lines(tmp_path, line_image):
    """Make a data set beside the card; the reader `size` reads `60x30` on an image 60 pixels wide."""

    def make(*texts, splits=None, **known):
        found = []
        for n, text in enumerate(texts):
            image = line_image(f"{n}.png", int(re.match(r"\d+", text)[0]))
            found.append(LabelledLine(image, text, split=splits[n] if splits else "", **known))
        write_lines(tmp_path / "lines.jsonl", found)

    return make


@pytest.fixture
def check(manuscribe, tmp_path):
    """Run `--claim` on a card; returns exit code, stdout and stderr."""

    def run(card, *arguments):
        (tmp_path / "card.yaml").write_text(card, encoding="utf-8")
        return manuscribe("evaluate", "--claim", tmp_path / "card.yaml", *arguments)

    return run


CARD = "reader: size\ndata: lines.jsonl\n"


def test_a_claim_that_holds(check, lines, tmp_path):
    lines("60x30", "70x31")
    code, out, err = check(f"{CARD}lines: 2\nmetric: cer\nvalue: 10.2 %", "--report", tmp_path / "report")
    assert code == 0, err
    assert "| 1: CER | confirmed | 10.20 % | 10.00 % (0.00–20.00) | -0.20 | 1.00 |" in out
    assert "would explain" not in out
    record = json.loads((tmp_path / "report" / "claim.json").read_text("utf-8"))
    (found,) = record["claims"]
    assert found["verdict"] == "confirmed"
    assert found["claim"]["value"] == pytest.approx(0.102)
    assert found["measured"]["value"] == 0.1
    assert found["measured"]["interval"] == [0.0, 0.2]
    assert found["difference"] == pytest.approx(-0.002)
    assert (found["lines"], found["compared"], found["causes"]) == (2, "normal form", [])
    assert (found["reader"]["name"], found["reader"]["version"]) == ("size", "1")
    assert "beams" not in found["reader"]["options"]


def test_a_card_that_overlooked_case(check, lines, tmp_path):
    lines("60X30", "70X30", "80x30")
    code, out, _ = check(f"{CARD}lines: 3\nmetric: cer\nvalue: 0\nsource: <b>a|b</b>", "--report", tmp_path / "report")
    assert code == 6
    assert "| 1: CER | worse | 0.00 % | 13.33 %" in out
    assert "| normalisation | normal form without case | 0.00 % | +0.00 | 3 | yes |" in out
    assert "Explained by: normal form without case" in out
    (found,) = json.loads((tmp_path / "report" / "claim.json").read_text("utf-8"))["claims"]
    first, *others = found["causes"]
    assert first == {
        "kind": "normalisation", "what": "normal form without case", "value": 0.0, "lines": 3, "explains": True,
        "nearer": True,
    }  # fmt: skip
    assert {cause["kind"] for cause in others} == {"normalisation", "averaging", "decoding"}
    for name in ("report.html", "report.md"):
        text = (tmp_path / "report" / name).read_text("utf-8")
        assert "normal form without case" in text
        assert "<b>a" not in text
        assert text.index("what would explain the difference") < text.index("Error rates")
    assert json.loads((tmp_path / "report" / "report.json").read_text("utf-8"))["kind"] == "lines"


def test_the_card_may_overlook_case_itself(check, lines):
    lines("60X30", "70X30", "80x30")
    code, out, _ = check(f"{CARD}lines: 3\nmetric: cer\nvalue: 0\noverlooked: [case]")
    assert code == 0
    assert "normal form without case" in out


def test_percent_without_the_sign_is_refused(check, lines):
    lines("60x30")
    code, out, err = check(f"{CARD}metric: cer\nvalue: 15.2")
    assert (code, out) == (2, "")
    assert "if it is percent, write 15.2 %" in err


def test_only_the_split_is_read(check, lines):
    lines("60x30", "70x30", "80x31", splits=["test", "test", "train"])
    code, out, _ = check(f"{CARD}lines: 2\nsplit: test\nmetric: exact\nvalue: 1")
    assert code == 0
    assert "lines.jsonl, split test |" in out


def test_the_other_split_is_tried(check, lines):
    lines("60x30", "70x30", "80x31", splits=["test", "test", "train"])
    code, out, _ = check(f"{CARD}lines: 2\nsplit: test\nmetric: cer\nvalue: 20 %")
    assert code == 6
    assert "| 1: CER | better | 20.00 % | 0.00 %" in out
    assert "| split | split train | 20.00 % | +0.00 | 1 | yes |" in out


def test_a_split_that_is_not_there(check, lines):
    lines("60x30", splits=["train"])
    code, out, err = check(f"{CARD}split: test\nmetric: cer\nvalue: 0")
    assert (code, out) == (3, "")
    assert "no line of the split test. It has train" in err


def test_all_splits_together_are_told_apart(check, lines):
    lines("60x30", "70x31", splits=["test", "train"])
    _, out, _ = check(f"{CARD}lines: 2\nmetric: cer\nvalue: 0")
    assert "| split | split test alone | 0.00 % |" in out


def test_other_lines_than_the_cards(check, lines):
    lines("60x30", "70x31")
    code, out, _ = check(f"{CARD}lines: 300\nmetric: cer\nvalue: 10 %")
    assert code == 6
    assert "| 1: CER | cannot tell |" in out
    assert "the card states 300 lines, and 2 were found" in out


def test_several_claims_of_one_reading(check, lines, tmp_path):
    lines("60x30", "70x31")
    claims = "lines: 2\nclaims:\n- {metric: cer, value: 0.1}\n- {metric: wer, value: 0.5}\n- {metric: exact, value: 1}"
    code, out, err = check(CARD + claims, "--report", tmp_path / "report")
    assert code == 6
    assert "| 1: CER | confirmed |" in out
    assert "| 2: WER | confirmed |" in out
    assert "| 3: lines without any error | worse |" in out
    assert err.count("report.html") == 1
    assert not (tmp_path / "report" / "1").exists()


def test_several_readings_have_a_report_each(check, lines, tmp_path):
    lines("60x30", "70x30")
    claims = "lines: 2\nmetric: cer\nvalue: 0\nclaims:\n- {decoding: {beams: 1}}\n- {decoding: {beams: 2}}\n- {}"
    code, out, err = check(CARD + claims, "--report", tmp_path / "report")
    assert code == 0, err
    assert err.count("report.html") == 3
    assert "| 2: CER |" in (tmp_path / "report" / "2" / "report.md").read_text("utf-8")
    assert "| 1: CER |" not in (tmp_path / "report" / "2" / "report.md").read_text("utf-8")
    assert len(json.loads((tmp_path / "report" / "claim.json").read_text("utf-8"))["claims"]) == 3
    assert "beams 2" in out


def test_the_command_line_says_what_the_card_does_not(check, lines, tmp_path):
    lines("60x30")
    card = "metric: cer\nvalue: 0\nlines: 1\n"
    code, out, _ = check(card, tmp_path / "lines.jsonl", "--reader", "size", "--beams", "1", "--no-lookalikes")
    assert code == 0
    assert "beams 1" in out
    assert "lookalikes False" in out


def test_a_readme_with_a_model_index(manuscribe, lines, tmp_path):
    lines("60x30", "70x31")
    index = "[{name: a, results: [{dataset: {name: own}, metrics: [{type: cer, value: 10.0}]}]}]"
    (tmp_path / "README.md").write_text(f"---\nmodel-index: {index}\n---\n# A model\n", encoding="utf-8")
    data = tmp_path / "lines.jsonl"
    code, out, _ = manuscribe("evaluate", data, "--reader", "size", "--claim", tmp_path / "README.md")
    assert code == 6
    assert "| 1: CER | cannot tell | 10.00 % | 10.00 % (0.00–20.00) |" in out
    assert "model-index, own" in out


def test_a_line_that_cannot_be_opened_is_told(check, lines, tmp_path):
    lines("60x30", "70x30")
    (tmp_path / "1.png").unlink()
    code, out, err = check(f"{CARD}lines: 1\nmetric: cer\nvalue: 0")
    assert code == 6
    assert "| 1: CER | confirmed |" in out
    assert "line 2 is left out" in err


@pytest.mark.parametrize(
    ("code", "card", "arguments", "words"),
    [
        (2, f"{CARD}metric: cer\nvalue: 0\ncolour: red", [], "colour"),
        (2, f"{CARD}metric: bleu\nvalue: 0", [], "metric"),
        (2, f"{CARD}metric: cer\nvalue: 0", ["--reader", "size"], "Leave --reader out"),
        (2, "data: lines.jsonl\nmetric: cer\nvalue: 0", [], "Name one with --reader"),
        (2, "reader: size\nmetric: cer\nvalue: 0", [], "manuscribe evaluate DATA"),
        (2, f"{CARD}metric: cer\nvalue: 0", ["--beams", "1", "--beams", "2"], "Give --beams once"),
        (2, f"{CARD}metric: cer\nvalue: 0", ["--peer", "tesseract"], "Leave --peer out"),
        (2, f"{CARD}metric: cer\nvalue: 0", ["--report", "CARD"], "Name a folder"),
        (2, "reader: size\ndata: .\nsplit: test\nmetric: cer\nvalue: 0", [], "it has no splits"),
        (3, "reader: size\ndata: absent.jsonl\nmetric: cer\nvalue: 0", [], "No data set at"),
        (4, "reader: nobody\ndata: lines.jsonl\nmetric: cer\nvalue: 0", [], "Installed readers"),
    ],
)
def test_what_makes_no_sense_is_told(check, lines, tmp_path, code, card, arguments, words):
    lines("60x30")
    arguments = [tmp_path / "card.yaml" if argument == "CARD" else argument for argument in arguments]
    left, out, err = check(card, *arguments)
    assert (left, out) == (code, "")
    assert words in err
    assert len(err.splitlines()) == 1


def test_a_card_that_is_not_there(manuscribe, tmp_path):
    code, _, err = manuscribe("evaluate", "--claim", tmp_path / "absent.yaml")
    assert code == 3
    assert "absent.yaml cannot be read" in err


def test_neither_data_nor_card(manuscribe):
    code, _, err = manuscribe("evaluate", "--reader", "size")
    assert code == 2
    assert "Name DATA, or a card with --claim" in err


@with_weights
def test_pages_are_measured_too(manuscribe, check, tmp_path):
    shutil.copy(EXAMPLES / "letter.jpg", tmp_path)
    manuscribe("read", tmp_path / "letter.jpg", "-o", tmp_path, "-f", "page", "--reader", "size", "--threads", 1, "-q")
    (page,) = read_document(tmp_path / "letter.page.xml").pages
    count = len(list(page.lines))
    code, out, err = check(f"reader: size\ndata: .\nlines: {count}\nmetric: cer\nvalue: 0.5", "--threads", 1)
    assert code == 6, err
    assert "| 1: CER | better | 50.00 % | 0.00 %" in out
    assert "as they are" not in out


@with_weights
def test_the_examples_are_as_the_tutorial_says(manuscribe, tmp_path):
    shutil.copytree(EXAMPLES / "letter-lines", tmp_path / "letter-lines")
    code, out, err = manuscribe("evaluate", "--claim", tmp_path / "letter-lines" / "card.yaml")
    assert code == 0, (out, err)
    code, out, _ = manuscribe("evaluate", "--claim", tmp_path / "letter-lines" / "forgetful.yaml")
    assert code == 6
    assert re.search(r"\| decoding \| 1 beam \| .* \| yes \|", out)
    assert "openvino 2024.0.0 stated" in out
