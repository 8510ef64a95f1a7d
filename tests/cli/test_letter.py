"""The sample page through the whole command, with the embedded models."""

import json
from pathlib import Path

import pytest

from manuscribe.evaluation.metrics import character_error_rate
from tests.cli.conftest import with_weights

pytestmark = with_weights
EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def truth():
    return [line for line in (EXAMPLES / "letter.txt").read_text(encoding="utf-8").splitlines() if line]


def test_the_letter_is_read(manuscribe, truth):
    code, out, err = manuscribe("read", EXAMPLES / "letter.jpg")
    assert (code, err) == (0, "")
    lines = [line for line in out.splitlines() if line]
    assert abs(len(lines) - len(truth)) <= 2
    assert character_error_rate([("\n".join(truth), "\n".join(lines))]) <= 0.35


def test_the_letter_in_all_formats(manuscribe, tmp_path):
    code, out, _ = manuscribe(
        "read", EXAMPLES / "letter.jpg", "-o", tmp_path, "-f", "txt,json,page,alto", "--nbest", "3"
    )
    assert (code, out) == (0, "")
    document = json.loads((tmp_path / "letter.json").read_text(encoding="utf-8"))
    lines = [line for page in document["pages"] for region in page["regions"] for line in region["lines"]]
    assert all(0 <= line["confidence"] <= 1 for line in lines)
    assert any(line.get("alternatives") for line in lines)
    for line in lines:
        assert "".join(character["text"] for character in line.get("characters", [])) == line.get("text", "")
    text = (tmp_path / "letter.txt").read_text(encoding="utf-8").split()
    assert " ".join(text) == " ".join(word for line in lines for word in line.get("text", "").split())
    assert len(list(tmp_path.glob("letter.*.xml"))) == 2


def test_the_same_page_gives_the_same_text_in_company(manuscribe, tmp_path, line_image):
    alone = manuscribe("read", EXAMPLES / "letter.jpg")[1]
    (tmp_path / "scans").mkdir()
    (tmp_path / "scans" / "letter.jpg").write_bytes((EXAMPLES / "letter.jpg").read_bytes())
    line_image("scans/a.png", 900, 120)
    assert manuscribe("read", tmp_path / "scans", "-o", tmp_path / "out", "--threads", "1")[0] == 0
    assert (tmp_path / "out" / "letter.txt").read_text(encoding="utf-8") == alone


@pytest.mark.parametrize("language", ["ru", "uk", "vi", "de", "fr", "en"])
def test_a_language_restricts_the_characters(manuscribe, line_image, language):
    from manuscribe.text.charset import charset

    code, out, _ = manuscribe("read", line_image(width=400, height=64), "--level", "line", "--language", language)
    assert code == 0
    assert set(out.strip()) <= set(charset(language))


def test_an_unknown_language_is_refused(manuscribe, line_image):
    code, out, err = manuscribe("read", line_image(), "--level", "line", "--language", "tlh")
    assert (code, out) == (2, "")
    assert "Known languages" in err


def test_models_are_listed_and_shown(manuscribe):
    code, out, _ = manuscribe("models", "list")
    assert code == 0
    assert [row.split()[0] for row in out.splitlines()] == ["characters", "compact", "segmenter"]
    for name in ("compact", "segmenter"):
        code, out, _ = manuscribe("models", "show", name)
        assert code == 0
        assert "CC-BY 4.0" in out
