"""The report as a browser shows it. The page itself may run no script: a frame around it asks where things are."""

import html
import json
import re
import shutil
import subprocess

import pytest

from manuscribe.evaluation.judging import judge
from manuscribe.evaluation.report.page import WORST, as_page
from tests.evaluation.samples import evaluation, sample

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="there is no Chromium: apt-get install chromium")

FRAME = """<!DOCTYPE html><meta name="color-scheme" content="light dark"><iframe id="frame"></iframe><script>
const frame = document.getElementById("frame");
frame.width = WIDTH; frame.height = 800; frame.srcdoc = PAGE;
frame.onload = () => {
  const inside = frame.contentDocument, all = selector => [...inside.querySelectorAll(selector)];
  const box = e => { const r = e.getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom]; };
  const style = frame.contentWindow.getComputedStyle(inside.body), told = document.createElement("pre");
  told.id = "found";
  told.textContent = JSON.stringify({
    width: inside.documentElement.clientWidth, scrolled: inside.documentElement.scrollWidth,
    plots: all("figure svg").map(box), words: all("figure svg").map(svg => [...svg.querySelectorAll("text")].map(box)),
    pictures: all("article img").map(image => [...box(image), image.naturalWidth]), diffs: all(".diff").map(box),
    colours: [style.color, style.backgroundColor],
  });
  document.body.append(told);
};
</script>"""


def open_page(path, width, *more):
    """What is in the page in the end, and what the browser said."""
    done = subprocess.run(
        [
            *(BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
            *("--enable-logging=stderr", f"--user-data-dir={path.parent / 'profile'}", f"--window-size={width},900"),
            *(*more, "--dump-dom", path.as_uri()),
        ],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


@pytest.fixture(scope="module")
def page():
    evil = "<script>document.title = 'caught'; console.error('caught')</script>"
    samples = [
        sample(f"{'a line of writing ' * (n % 4)}{evil if n % 2 else n}", group=f"writer {n % 5}") for n in range(40)
    ]
    readings = [s.text.replace("i", "l") for s in samples]
    longer = "/home/archivist/models/a-name-that-is-rather-long-2026.onnx"
    return as_page(judge(evaluation(samples, {"compact": readings, longer: [s.text[1:] for s in samples]})))


def test_the_console_has_no_errors(page, tmp_path):
    path = tmp_path / "report.html"
    path.write_text(page, encoding="utf-8")
    shown, said = open_page(path, 1200)
    assert said == []
    assert "<title>Evaluation of compact" in shown


@pytest.mark.parametrize("width", [390, 1200])
def test_everything_is_shown_and_nothing_is_cut_off(page, tmp_path, width):
    path = tmp_path / "frame.html"
    inside = json.dumps(page).replace("</", "<\\/").replace("<!--", "<\\!--")
    path.write_text(FRAME.replace("WIDTH", str(width)).replace("PAGE", inside), encoding="utf-8")
    shown, said = open_page(path, 1400, f"--blink-settings=preferredColorScheme={int(width > 390)}")
    found = json.loads(html.unescape(re.search(r'<pre id="found">(.*?)</pre>', shown, re.DOTALL)[1]))
    assert said == []
    assert width - 20 <= found["width"] <= width
    assert found["scrolled"] <= found["width"]
    assert len(found["plots"]) == 4
    for (left, top, right, bottom), words in zip(found["plots"], found["words"], strict=True):
        assert right - left > 250
        assert bottom - top > 50
        for word in words:
            assert left - 1 <= word[0] < word[2] <= right + 1
            assert top - 1 <= word[1] < word[3] <= bottom + 1
    assert len(found["pictures"]) == WORST
    assert all(natural > 0 and bottom - top >= 40 for _, top, _, bottom, natural in found["pictures"])
    assert all(right <= found["width"] for _, _, right, _ in found["diffs"])
    ink, paper = (sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in found["colours"])
    assert (ink > paper) == (width == 390)
