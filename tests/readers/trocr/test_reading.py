"""What the reader makes of the decoder's texts: circles, texts that come twice, numbers that are none."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from manuscribe.errors import ModelError, UsageError
from manuscribe.readers.options import ReaderOptions
from manuscribe.readers.trocr.configuration import Generation
from manuscribe.readers.trocr.decoding import Written, log_softmax
from manuscribe.readers.trocr.guards import REPETITION
from manuscribe.readers.trocr.reader import TrocrReader

EXAMPLES = Path(__file__).parents[3] / "examples"
TINY = str(EXAMPLES / "trocr-tiny")
IMAGE = np.full((64, 600), 255, np.uint8)


def reader(**options: object) -> TrocrReader:
    return TrocrReader(TINY, ReaderOptions(threads=1, **options))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def letter_lines() -> list[np.ndarray]:
    paths = sorted((EXAMPLES / "letter-lines").glob("*.webp"))
    return [cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in paths]


def texts_of(
    monkeypatch: pytest.MonkeyPatch, first: tuple[str, float, bool], second: tuple[str, float, bool], nbest: int = 1
) -> tuple[list[str], tuple[str, ...]]:
    """What is told of a line, and its notes, where the decoder writes these texts (with log-probability, truncated)."""
    tiny = reader(nbest=nbest)

    def write(lines: Sequence[np.ndarray], settings: Generation) -> list[list[Written]]:
        text, log_probability, truncated = second if settings.no_repeat_ngram_size else first
        tokens = tuple(tiny._tokens.tokens(text))
        logs = (log_probability, *(0.0 for _ in tokens))[: len(tokens) + (not truncated)]
        return [[Written(tokens, logs, logs, log_probability, truncated)] for _ in lines]

    monkeypatch.setattr(tiny, "write", write)
    (line,) = tiny.read([IMAGE])
    return [line.text, *(other.text for other in line.alternatives)], line.notes


def test_what_was_written_four_times_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    found, notes = texts_of(monkeypatch, ("1915 1915 1915 1915", -2.0, False), ("1915 1915 19151913", -14.0, False))
    assert found == ["1915 1915 1915 1915"]
    assert REPETITION in notes


def test_circles_that_another_try_avoids(monkeypatch: pytest.MonkeyPatch) -> None:
    circles = "of the " + 20 * "and so on "
    for first in ((circles, -3.0, False), (circles, -0.1, True)):
        found, notes = texts_of(monkeypatch, first, ("of the year", -6.0, False), nbest=2)
        assert found == ["of the year", circles.strip()]
        assert REPETITION in notes


def test_circles_in_both_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    found, notes = texts_of(monkeypatch, ("do do do do do do", -3.0, False), ("la la la la la la", -1.0, False))
    assert found == ["do do do do do do"]
    assert REPETITION in notes


def test_other_readings_are_other_texts(letter_lines: list[np.ndarray]) -> None:
    for line in reader(nbest=4).read(letter_lines[:8]):
        texts = [line.text, *(other.text for other in line.alternatives)]
        assert len(texts) == len(set(texts)) > 1


def test_eight_bits_read_a_line_alike_in_any_batch(letter_lines: list[np.ndarray]) -> None:
    pytest.importorskip("onnxruntime")
    small = reader(precision="int8", engine="onnx")
    together = small.read(letter_lines)
    assert [small.read([line])[0] for line in letter_lines] == together


def test_how_many_beams_is_told_as_it_is() -> None:
    for options in ({"beams": 1, "nbest": 5}, {"nbest": 3}, {"beams": 7}):
        made = reader(**options)
        assert made.conditions["beams"] == made.choices["beams"] == str(made._width)


def test_scores_that_are_no_numbers() -> None:
    assert log_softmax(np.array([[0.0, -np.inf]], np.float32)).tolist() == [[0.0, -np.inf]]
    for worst in (np.nan, np.inf):
        with pytest.raises(ModelError, match="no number"):
            log_softmax(np.array([[0.0, worst]], np.float32))


def test_without_a_gpu_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(UsageError, match="finds no GPU"):
        reader(device="cuda")
    with pytest.raises(UsageError, match="openvino does not compute on a GPU"):
        reader(device="cuda", engine="openvino")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
def test_on_a_gpu(letter_lines: list[np.ndarray]) -> None:
    assert reader(device="cuda", precision="fp32").tokens(letter_lines) == reader().tokens(letter_lines)
    for precision in ("bf16", "fp16"):
        assert all(line.text for line in reader(device="cuda", precision=precision).read(letter_lines))
