"""What the worker answers: readings as `manuscribe read` gives them, and peers as they are."""

import base64
import io

import pytest
from PIL import Image

from manuscribe.document import Line
from manuscribe.evaluation import worker

SAID, REPAIRED = "3 мaя 1889", "3 мая 1889"  # with a Latin a, and without


class Parrot:
    name, version = "parrot", "1"

    def read(self, lines, *, of_one_page=False):
        return [Line(SAID) for _ in lines]


@pytest.mark.parametrize(
    ("peer", "options", "text"),
    [(False, {}, REPAIRED), (False, {"lookalikes": False}, SAID), (True, {}, SAID)],
)
def test_readers_are_repaired_and_peers_are_not(monkeypatch, peer, options, text):
    monkeypatch.setattr(worker, "load_reader", lambda name, options: Parrot())
    monkeypatch.setattr(worker, "make_peer", lambda name, languages, threads: Parrot())
    file = io.BytesIO()
    Image.new("L", (60, 30)).save(file, "PNG")
    job = {"reader": "parrot", "options": options, "task": "lines", "peer": peer, "languages": []}
    answer = worker._prepare(job)({"images": [{"data": base64.b64encode(file.getvalue()).decode()}]})
    assert answer["texts"] == [text]
