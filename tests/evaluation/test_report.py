import base64
import io
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from manuscribe.errors import InputError
from manuscribe.evaluation.evaluating import PageScores
from manuscribe.evaluation.forms import NORMALISATION
from manuscribe.evaluation.judging import judge
from manuscribe.evaluation.pages import PageScore
from manuscribe.evaluation.report.diff import diff
from manuscribe.evaluation.report.page import WORST, as_page
from manuscribe.evaluation.report.record import as_json
from manuscribe.evaluation.report.tables import cell
from manuscribe.evaluation.report.writing import as_report, as_summary, write_report
from tests.evaluation.samples import evaluation, picture, result, sample

EVIL = "<script>alert('x')</script>"


class Elements(HTMLParser):
    """The elements of a page with their attributes, and its text."""

    def __init__(self, page):
        super().__init__()
        self.found, self.text, self.open = [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture(scope="module")
def judgement():
    samples = [
        sample(f"{'a line of writing ' * (n % 4)}no {n}", group=f"writer {n % 5}", name=f"{n}.png") for n in range(40)
    ]
    readings = [s.text.replace("i", "l") if n % 3 else s.text for n, s in enumerate(samples)]
    return judge(evaluation(samples, {"compact": readings, "other | one": [s.text[1:] for s in samples]}))


def evil():
    samples = [
        sample(EVIL, label=EVIL, language=EVIL, source=EVIL, group=EVIL, name=EVIL),
        sample("plain", label="text", language='" onload="alert(1)', source="</style>", group="]]>", name="b.png"),
    ]
    return judge(evaluation(samples, {EVIL: [EVIL[1:], "<img src=x onerror=alert(1)>"]}, problems=[EVIL]))


def test_what_comes_from_data_is_never_markup():
    page = Elements(as_page(evil()))
    assert {tag for tag, _ in page.found} <= {
        *("html", "head", "meta", "title", "style", "body", "header", "main", "section", "article", "nav", "a"),
        *("h1", "h2", "p", "b", "div", "span", "small", "ul", "li", "img", "figure", "figcaption"),
        *("table", "thead", "tbody", "tr", "th", "td", "svg", "g", "line", "circle", "polygon", "polyline", "text"),
    }
    assert not page.open
    for tag, attributes in page.found:
        assert not [name for name in attributes if name.startswith("on")]
        if tag == "img":
            assert attributes["src"].startswith("data:image/jpeg;base64,")
    assert EVIL in "".join(page.text)


def test_what_comes_from_data_is_no_markdown():
    for text in (as_report(evil()), as_summary(evil())):
        assert "<" not in text
    assert cell("a|b *c* [d](e) `f` <g> &amp;\nh") == "a\\|b \\*c\\* \\[d\\](e) \\`f\\` &lt;g&gt; &amp;amp; h"


def test_nothing_is_fetched_and_no_script_runs(judgement):
    page = as_page(judgement)
    policy = next(a["content"] for _, a in Elements(page).found if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")
    assert not re.search(r"https?://|@import|url\(", page)


def test_the_normalisation_is_named_everywhere(judgement):
    assert NORMALISATION in "".join(Elements(as_page(judgement)).text)
    assert cell(NORMALISATION) in as_report(judgement)
    assert cell(NORMALISATION) in as_summary(judgement)
    assert json.loads(as_json(judgement))["normalisation"] == NORMALISATION


def test_markdown_tables_are_whole(judgement):
    tables = [line for line in as_report(judgement).splitlines() if line.startswith("|")]
    widths = [len(re.findall(r"(?<!\\)\|", line)) for line in tables]
    for line, width, before in zip(tables[1:], widths[1:], widths, strict=False):
        if line.startswith("| :--"):
            assert width == before
    assert any("other \\| one" in line for line in tables)
    for title in (
        "Error rates",
        "Compared with compact",
        "Kinds of errors",
        "By length",
        "By group",
        "Words: frequent",
    ):
        assert f"## {title}" in as_report(judgement)


def test_the_record_has_every_figure_and_every_line(judgement):
    record = json.loads(as_json(judgement))
    assert [reader["title"] for reader in record["readers"]] == ["compact", "other | one"]
    first = record["readers"][0]
    assert first["figures"]["cer"]["value"] == judgement.summaries[0].cer.value
    assert first["figures"]["cer"]["interval"][0] <= first["figures"]["cer"]["value"]
    assert first["figures"]["characters"]["errors"] == judgement.summaries[0].characters.errors
    assert len(record["lines"]) == 40
    assert record["lines"][3]["readings"]["compact"] == record["lines"][3]["truth"]
    assert record["comparisons"][0]["p"] == judgement.comparisons[0].p


def before_and_after():
    samples = [sample("một hai", label="line"), sample("ba", label="word"), sample("bốn", label="word")]
    readings = {"before": ["mot hai x", "", "bốn"], "after": ["một hai", "ba", "bon"]}
    return judge(evaluation(samples, readings))


def test_each_label_has_its_rates_and_kinds_of_errors_for_each_reader():
    text = as_report(before_and_after())
    rates, kinds = (
        text.partition(f"## {title}\n")[2].partition("##")[0] for title in ("By label", "Kinds of errors by label")
    )
    assert "| label | reader | lines | characters | CER | WER | mean of lines | median | exact |" in rates
    assert re.search(r"\| word \| before \| 2 \| 5 \| 40.00 % .*\| 50.00 % \(\S+\) \| 50.00 % \| 50.00 % \|", rates)
    assert re.search(r"\| word \| after \| 2 \| 5 \| 20.00 % .*\| 16.67 % \(\S+\) \| 16.67 % \| 50.00 % \|", rates)
    assert "| line | before | 7 | 3 | 1 (33 %) | 0 (0 %) | 2 (67 %) |" in kinds
    assert "| word | before | 5 | 2 | 0 (0 %) | 2 (100 %) | 0 (0 %) |" in kinds
    assert "| line | after | 7 | 0 | 0 (0 %) | 0 (0 %) | 0 (0 %) |" in kinds


def test_the_record_and_the_page_have_them_too():
    record = json.loads(as_json(before_and_after()))["breakdowns"]["label"]["word"]["before"]
    assert (record["mean_cer"]["value"], record["median_cer"], record["exact"]["value"]) == (0.5, 0.5, 0.5)
    assert record["characters"]["deletions"] == 2
    page = "".join(Elements(as_page(before_and_after())).text)
    assert "Kinds of errors by label" in page
    assert "mean of lines" in page.partition("By label")[2]


def test_one_label_is_no_breakdown():
    found = as_report(judge(evaluation([sample("a", label="text"), sample("b", label="text")], {"a": ["a", "x"]})))
    assert "by label" not in found.lower()


def test_the_worst_lines_are_shown(judgement):
    page = as_page(judgement)
    assert len(re.findall("<article>", page)) == WORST
    assert page.count("<img ") == WORST


def test_without_errors_there_are_no_worst_lines():
    page = as_page(judge(evaluation([sample("abc")], {"a": ["abc"]})))
    assert "No line has an error." in page
    assert "<article>" not in page


def test_pictures_are_made_small_and_encoded_anew():
    noise = np.random.default_rng(1).integers(0, 255, size=(900, 9000, 3), dtype=np.uint8)
    page = as_page(judge(evaluation([sample("abc", picture=lambda: noise)], {"a": [""]})))
    data = base64.b64decode(re.search(r"data:image/jpeg;base64,([^\"]+)", page)[1])
    shown = Image.open(io.BytesIO(data))
    assert shown.format == "JPEG"
    assert shown.width <= 1200
    assert shown.height <= 120
    assert len(data) < 150_000


def test_a_picture_that_is_gone_is_told():
    def gone():
        raise InputError("a.png is gone.")

    assert "a.png is gone." in as_page(judge(evaluation([sample("abc", picture=gone)], {"a": [""]})))


def test_grey_pictures_are_shown():
    page = as_page(judge(evaluation([sample("abc", picture=lambda: picture()[..., 0])], {"a": [""]})))
    assert "data:image/jpeg" in page


def test_a_diff_marks_its_differences_without_colour():
    found = diff("cat nap", "cut naps")
    assert found.count('class="substitution"') == 1
    assert found.count('class="insertion"') == 1
    assert 'class="deletion"' in diff("cat", "at")
    assert "∅" in diff("cat", "at")
    assert "␣" in diff("a b", "ab")
    assert diff("", "").count("<span") == 0


def test_very_long_texts_are_cut():
    assert len(diff("a" * 100_000, "b" * 100_000)) < 60_000


def test_pages_have_their_table():
    score = PageScore(errors=6, length=8, matched=1, missed=1, extra=1, invented=2)
    found = evaluation([sample("abcd", group="p"), sample("efgh", group="p"), sample("", group="p", extra=True)], {})
    results = (result("a", {0: "abcd", 1: None, 2: "xx"}, pages=PageScores(1, score, score, score)),)
    pages = judge(type(found)("pages", "pages", found.samples, results, ()))
    assert "| a | 75.00 % | 50.00 % | 75.00 % | 75.00 % | 1 | 1 | 1 |" in as_summary(pages)
    assert "not found on the page" in as_page(pages)
    assert json.loads(as_json(pages))["readers"][0]["pages"]["by_position"]["missed"] == 1


def test_lines_to_learn_from_are_told():
    found = judge(evaluation([sample("a", split="train"), sample("b", split="test")], {"a": ["a", "b"]}))
    assert "Lines of the split train: 1." in as_summary(found)


def test_the_same_readings_give_the_same_report(judgement, tmp_path):
    for name in "ab":
        write_report(judgement, tmp_path / name)
    for name in ("report.json", "report.md", "report.html"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
