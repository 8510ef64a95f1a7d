"""The report as JSON, for programs and for those who want to check: every figure, every line.

Rates are shares (0.05 is 5 %), intervals `[low, high]` or null, memory in bytes, times in seconds. `lines` has every
line with its truth and each reader's reading; a reading of null is a line of a page that was not found. An extra line
has a truth of null, and the reading of the reader that found it alone.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from manuscribe.evaluation.counting import Counts
from manuscribe.evaluation.dates import DatesRead
from manuscribe.evaluation.evaluating import Evaluation, PageScores, ReaderResult
from manuscribe.evaluation.forms import NORMALISATION
from manuscribe.evaluation.judging import Judgement
from manuscribe.evaluation.resampling import LEVEL, RESAMPLES, SHUFFLES
from manuscribe.evaluation.scoring import Estimate, Summary
from manuscribe.version import __version__


def as_json(judgement: Judgement) -> str:
    """The whole record."""
    evaluation = judgement.evaluation
    titles = [result.title for result in evaluation.results]
    record = {
        "manuscribe": __version__,
        "data": evaluation.data,
        "kind": evaluation.kind,
        "normalisation": NORMALISATION,
        "resampling": {"units": judgement.units.account, "samples": RESAMPLES, "draws": SHUFFLES, "level": LEVEL},
        "problems": list(evaluation.problems),
        "readers": [_reader(judgement, place, result) for place, result in enumerate(evaluation.results)],
        "comparisons": [
            asdict(comparison) | {"difference": _estimate(comparison.difference)}
            for comparison in judgement.comparisons
        ],
        "breakdowns": {
            by: {part: dict(zip(titles, map(_summary, summaries), strict=True)) for part, summaries in found.items()}
            for by, found in judgement.breakdowns.items()
        },
        "lines": _lines(evaluation),
    }
    return json.dumps(record, ensure_ascii=False, indent=1)


def _reader(judgement: Judgement, place: int, result: ReaderResult) -> dict[str, Any]:
    return {
        "title": result.title,
        "name": result.name,
        "version": result.version,
        "options": dict(result.options),
        "lines_read": result.lines,
        "seconds_loading": result.expense.loading,
        "seconds_reading": result.expense.reading,
        "peak_memory": result.expense.peak,
        "figures": _summary(judgement.summaries[place]),
        "overlooking": {name: _summary(found[place]) for name, found in judgement.overlooking.items()},
        "pages": _pages(result.pages),
        "dates": _dates(judgement.dates[place]) if judgement.dates else None,
        "characters": [asdict(confusion) for confusion in judgement.characters[place]],
        "words": [asdict(confusion) for confusion in judgement.words[place]],
    }


def _summary(summary: Summary) -> dict[str, Any]:
    return {
        "lines": summary.lines,
        "characters": _counts(summary.characters),
        "words": _counts(summary.words),
        "cer": _estimate(summary.cer),
        "wer": _estimate(summary.wer),
        "mean_cer": _estimate(summary.mean),
        "median_cer": summary.median,
        "exact": _estimate(summary.exact),
    }


def _counts(counts: Counts) -> Mapping[str, int]:
    return asdict(counts) | {"length": counts.length, "errors": counts.errors}


def _estimate(estimate: Estimate) -> Mapping[str, Any]:
    return {"value": estimate.value, "interval": None if estimate.low is None else [estimate.low, estimate.high]}


def _pages(scores: PageScores | None) -> Mapping[str, Any] | None:
    return None if scores is None else asdict(scores)


def _dates(dates: DatesRead) -> Mapping[str, Any]:
    return {
        "lines": dates.lines,
        "cer": _estimate(dates.cer),
        "cer_normalised": _estimate(dates.cer_normalised),
        "understood": dates.understood,
        "right": None if dates.right is None else _estimate(dates.right),
    }


def _lines(evaluation: Evaluation) -> Sequence[Mapping[str, Any]]:
    known = ("name", "label", "language", "source", "group", "split")
    return [
        {"number": number + 1, "truth": None if sample.extra else sample.text}
        | {key: value for key in known if (value := getattr(sample, key))}
        | {"readings": {r.title: r.readings[number] for r in evaluation.results if number in r.readings}}
        for number, sample in enumerate(evaluation.samples)
        if any(number in result.readings for result in evaluation.results)
    ]
