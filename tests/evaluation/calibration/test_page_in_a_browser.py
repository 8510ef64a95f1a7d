"""A calibration's page as a browser shows it."""

import html
import json
import re

import pytest

from manuscribe.evaluation.calibration.calibrating import calibrate
from manuscribe.evaluation.calibration.report import write_report
from tests.evaluation.calibration.making import Guesser, lines
from tests.evaluation.test_report_in_a_browser import BROWSER, FRAME, open_page

pytestmark = pytest.mark.skipif(BROWSER is None, reason="there is no Chromium: apt-get install chromium")


@pytest.mark.parametrize("width", [390, 1200])
def test_the_plots_are_shown_and_nothing_is_cut_off(tmp_path, width):
    some, texts = lines(80)
    evil = "<script>console.error('caught')</script>"
    write_report(*calibrate(evil, Guesser(texts), some), tmp_path)
    inside = json.dumps((tmp_path / "report.html").read_text(encoding="utf-8")).replace("</", "<\\/")
    path = tmp_path / "frame.html"
    path.write_text(FRAME.replace("WIDTH", str(width)).replace("PAGE", inside), encoding="utf-8")
    shown, said = open_page(path, 1400)
    found = json.loads(html.unescape(re.search(r'<pre id="found">(.*?)</pre>', shown, re.DOTALL)[1]))
    assert said == []
    assert found["scrolled"] <= found["width"]
    assert len(found["plots"]) == 4
    for (left, top, right, bottom), words in zip(found["plots"], found["words"], strict=True):
        assert right - left > 250
        assert bottom - top > 50
        assert all(left - 1 <= word[0] and word[2] <= right + 1 for word in words)
