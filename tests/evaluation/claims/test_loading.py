import pytest

from manuscribe.errors import InputError, ManuscribeError, UsageError
from manuscribe.evaluation.claims.loading import filled, load_claims

INDEX = """---
license: mit
model-index:
- name: tiny
  results:
  - task: {type: image-to-text}
    dataset: {name: IAM, type: iam}
    metrics:
    - {type: cer, value: 4.2}
    - {type: WER, value: 0.11}
    - {type: bleu, value: 60}
    - {type: Median CER, value: 8}
---

# A model
"""


@pytest.fixture
def card(tmp_path):
    """Write a card and load it."""

    def load(text, name="card.yaml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return load_claims(path)

    return load


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("0.152", 0.152),
        ("15.2 %", 0.152),
        ("15.2%", 0.152),
        ("'15,2 %'", 0.152),
        ("1", 1.0),
        ("0", 0.0),
        ("120 %", 1.2),
    ],
)
def test_values_are_shares_or_have_the_sign(card, written, value):
    (claim,) = card(f"metric: cer\nvalue: {written}")
    assert claim.value == pytest.approx(value)
    assert claim.tolerance == 0.01


@pytest.mark.parametrize(
    ("written", "metric"),
    [
        ("CER", "cer"),
        ("Mean CER", "mean_cer"),
        ("mean-wer", "mean_wer"),
        ("median  CER", "median_cer"),
        ("perfect match", "exact"),
        ("Perfect Match Rate", "exact"),
        ("exact_match", "exact"),
    ],
)
def test_metrics_may_have_the_names_that_cards_give_them(card, written, metric):
    (claim,) = card(f"metric: {written}\nvalue: 0.1")
    assert claim.metric == metric


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("metric: cer\nvalue: 15.2", "15.2 is above 1, which is all of it; if it is percent, write 15.2 %"),
        ("metric: cer\nvalue: about 15", "'about 15' is no share"),
        ("metric: cer\nvalue: -0.1", "Option 'value'"),
        ("metric: cer\nvalue: .nan", "Option 'value'"),
        ("metric: cer\nvalue: true", "Option 'value'"),
        ("metric: exact\nvalue: 120 %", "more than all lines"),
        ("metric: bleu\nvalue: 0.1", "'cer', 'wer'"),
        ("metric: cer", "Option 'value': Field required"),
        ("metric: cer\nvalue: 0.1\ntolerance: 0.2", "less than or equal to 0.1"),
        ("metric: cer\nvalue: 0.1\ntolerance: 1", "less than or equal to 0.1"),
        ("metric: cer\nvalue: 0.1\nreeder: compact", "Known keys: reader, revision, data"),
        ("metric: cer\nvalue: 0.1\ndecoding: {beam_width: 4}", "decoding.beam_width"),
        ("metric: cer\nvalue: 0.1\ndecoding: {beams: 0}", "Option 'beams'"),
        ("metric: cer\nvalue: 0.1\ndecoding: {fit: stretch}", "Option 'fit'"),
        ("metric: cer\nvalue: 0.1\noverlooked: [colour]", "overlooked.0"),
        ("metric: cer\nvalue: 0.1\nlibraries: {torch: 2.10}", "libraries.torch"),
        ("metric: cer\nvalue: 0.1\nsplit: dev", "Option 'split'"),
        ("metric: cer\nvalue: 0.1\nlines: 0", "Option 'lines'"),
        ("claims: []", "no list of claims"),
        ("claims: {metric: cer}", "no list of claims"),
        ("claims:\n- {metric: cer, value: 0.1}\n- {metric: cer, value: 10}", "card.yaml, claim 2: Option 'value'"),
        ("claims:\n- {metric: cer, value: 0.1, 3: 4}", "'3' is no key"),
        ("- a list", "is no card"),
        ("1: 2", "is no card"),
        ("", "is no card"),
        ("a: [", "is not YAML"),
        ("a: 2024-99-99", "is not YAML"),
        ("[" * 5000, "is not YAML"),
        ("a: !!python/object/apply:os.getcwd []", "is not YAML"),
    ],
)
def test_what_makes_no_sense_is_refused(card, text, words):
    with pytest.raises(UsageError) as refused:
        card(text)
    assert words in str(refused.value)
    assert "card.yaml" in str(refused.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "cannot be read"), (b"\xff\xfe", "is not UTF-8"), (b" " * (1 << 21), "larger than 1 MiB")],
)
def test_what_cannot_be_read_is_told(tmp_path, content, words):
    path = tmp_path / "card.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=words):
        load_claims(path)


def test_without_yaml_it_says_what_to_install(card, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "yaml", None)
    with pytest.raises(UsageError, match="pip install pyyaml"):
        card("metric: cer\nvalue: 0.1")


def test_several_claims_share_what_stands_beside_them(card):
    one, other = card(
        "reader: compact\nlines: 3\nclaims:\n- {metric: cer, value: 0.1}\n- {metric: wer, value: 1, lines: 4}"
    )
    assert (one.reader, one.metric, one.lines) == ("compact", "cer", 3)
    assert (other.reader, other.metric, other.lines) == ("compact", "wer", 4)


def test_what_lies_beside_the_card_is_found_there(card, tmp_path):
    (tmp_path / "tiny").mkdir()
    (tmp_path / "compact").mkdir()
    text = "data: lines.jsonl\nclaims:\n" + "\n".join(
        f"- {{metric: cer, value: 0.1, reader: {name}}}"
        for name in ("tiny", "compact", "owner/name", "mine.onnx", "./absent", "/elsewhere/model")
    )
    claims = card(text)
    assert [claim.reader for claim in claims] == [
        str(tmp_path / "tiny"), "compact", "owner/name", str(tmp_path / "mine.onnx"), str(tmp_path / "absent"),
        "/elsewhere/model",
    ]  # fmt: skip
    assert {claim.data for claim in claims} == {str(tmp_path / "lines.jsonl")}


def test_the_model_index_of_a_readme(card):
    cer, wer, median = card(INDEX, "README.md")
    assert (cer.metric, cer.value, cer.source) == ("cer", pytest.approx(0.042), "model-index, IAM")
    assert (wer.metric, wer.value) == ("wer", 0.11)
    assert (median.metric, median.value) == ("median_cer", pytest.approx(0.08))


@pytest.mark.parametrize(
    "text",
    [
        "# No front matter",
        "---\nlicense: mit\n---\n# None",
        "---\nmodel-index: 3\n---\n",
        "---\nmodel-index: [3, {results: x}, {results: [y, {metrics: z}, {metrics: [1, {value: 2}]}]}]\n---\n",
    ],
)
def test_a_readme_without_claims_is_refused(card, text):
    with pytest.raises(UsageError, match="no model-index with a CER or WER"):
        card(text, "README.md")


def test_the_command_line_fills_what_is_left_out(card):
    claims = card("metric: cer\nvalue: 0.1\ndecoding: {fit: pad}")
    (claim,) = filled(claims, {"reader": "compact", "data": "a.jsonl", "revision": None}, {"beams": 2, "fit": None})
    assert (claim.reader, claim.data, claim.decoding) == ("compact", "a.jsonl", {"fit": "pad", "beams": 2})


@pytest.mark.parametrize(
    ("text", "given", "decoding", "words"),
    [
        ("reader: compact", {"data": "a", "reader": "size"}, {}, "Leave --reader out"),
        ("data: b\nreader: compact", {"data": "a"}, {}, "Leave DATA out"),
        ("reader: x/y\nrevision: v1", {"data": "a", "revision": "v2"}, {}, "Leave --revision out"),
        ("reader: compact\ndecoding: {beams: 4}", {"data": "a"}, {"beams": 1}, "what beams is: 4. Leave --beams out"),
        ("data: b", {}, {}, "Name one with --reader"),
        ("reader: compact", {}, {}, "manuscribe evaluate DATA"),
        ("reader: compact", {"data": "a"}, {"beams": 0}, "Option 'beams'"),
    ],
)
def test_both_or_neither_is_refused(card, text, given, decoding, words):
    claims = card(f"{text}\nmetric: cer\nvalue: 0.1")
    with pytest.raises(ManuscribeError) as refused:
        filled(claims, given, decoding)
    assert words in str(refused.value)
