"""Evaluations made up for tests."""

import numpy as np

from manuscribe.evaluation.evaluating import Evaluation, ReaderResult
from manuscribe.evaluation.processes import Expense
from manuscribe.evaluation.samples import Sample


def picture(width=300, height=40):
    """Paper with a bar of ink."""
    pixels = np.full((height, width, 3), 235, np.uint8)
    pixels[height // 3 : height // 2, 5:-5] = 40
    return pixels


def sample(text, **known):
    return Sample(text, known.pop("picture", picture), known.pop("name", "a.png"), **known)


def result(title, readings, **more):
    return ReaderResult(
        title, title.split()[0], "1", {"beams": "1"}, Expense(0.5, 2.0, 10**8), len(readings), readings, **more
    )


def evaluation(samples, readings, kind="lines", problems=()):
    """Of readers whose readings are listed line by line."""
    results = [result(title, dict(enumerate(texts))) for title, texts in readings.items()]
    return Evaluation("lines.jsonl", kind, tuple(samples), tuple(results), tuple(problems))
