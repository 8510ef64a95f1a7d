"""What was found of a calibration, as JSON, Markdown and a page."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from manuscribe.evaluation.calibration.calibrating import CHECKED, PARTS, Measured
from manuscribe.evaluation.calibration.measuring import BINS, reliability
from manuscribe.evaluation.report.drawing import legend, shares
from manuscribe.evaluation.report.elements import Markup, element
from manuscribe.evaluation.report.sheet import sheet, table_of
from manuscribe.evaluation.report.tables import Table, as_markdown, cell, percent
from manuscribe.formats.writing import write_atomically
from manuscribe.readers.trust.calibration import Calibration
from manuscribe.version import __version__

_PARTS = ("characters", "words", "lines")
_CURVE = np.linspace(0, 1, 21)
_TITLES = ("as the reader says", "calibrated")


def as_summary(calibration: Calibration, measured: Sequence[Measured]) -> str:
    """What is printed, in Markdown."""
    tables = as_markdown([table for one in measured for table in _tables(one)], level=3)
    return tables + "\n\n" + "\n".join(f"- {cell(note)}" for note in _notes(calibration, measured)) + "\n"


def write_report(calibration: Calibration, measured: Sequence[Measured], folder: Path) -> None:
    """Write `report.json`, `report.md` and `report.html`, each whole or not at all.

    Raises:
        OutputError: One cannot be written.
    """
    texts = {
        "report.json": json.dumps(_record(calibration, measured), ensure_ascii=False, indent=1) + "\n",
        "report.md": f"# Calibration of {calibration.reader}\n\n{as_summary(calibration, measured)}",
        "report.html": _page(calibration, measured),
    }
    for name, text in texts.items():
        write_atomically(folder / name, text.encode())


def _notes(calibration: Calibration, measured: Sequence[Measured]) -> list[str]:
    conditions = ", ".join(f"{key} {value}" for key, value in calibration.conditions.items())
    empty = sum(one.empty for one in measured)
    found = [
        f"Calibration {calibration.id} of {calibration.reader}, version {calibration.version}"
        f"{f' ({conditions})' if conditions else ''}, found on {calibration.lines:,} lines of "
        f"{', '.join(calibration.data)}; manuscribe {__version__}.",
        f"Cross-validation: the lines are divided into {PARTS} parts, whole writers or documents in each where there "
        "are so many, otherwise single lines, which makes it hopeful; what is said of a part is found on the others.",
        f"Calibration error: how far what is said is from what is true, on average over {BINS} bins of probability "
        "(Guo et al. 2017). AUROC: how probable it is that what is right has a higher probability than what is wrong; "
        "0.5 is guessing. A character or word is right if it belongs to what reading and truth share.",
        "What the reader says itself: a word is as sure as its least sure character, and the expected errors of a line "
        "are what its characters lack to certainty.",
        "It holds for writing like that which it was found on; of quite other hands the reader is mostly surer than it "
        "should be.",
    ]
    return [*found, f"Lines in which nothing was read: {empty}; they are in no figure."] if empty else found


def _tables(measured: Measured) -> list[Table]:
    return [_confidences(measured), _checking(measured), _promises(measured)]


def _confidences(measured: Measured) -> Table:
    truth = measured.truth
    rows = [
        (
            part,
            f"{len(getattr(truth, part)):,}",
            percent(float(getattr(truth, part).mean())),
            *(percent(measured.error(part, before=before)) for before in (True, False)),
            *(_score(measured.sorts(part, before=before)) for before in (True, False)),
        )
        for part in _PARTS
    ]
    errors, sorting = "calibration error", "AUROC"
    columns = ("", "number", "right", errors, f"{errors}, calibrated", sorting, f"{sorting}, calibrated")
    return Table(f"Confidences, {measured.title}", columns, tuple(rows))


def _checking(measured: Measured) -> Table:
    rows = [
        (f"the least sure {100 * share:.0f} %", percent(before), percent(after), percent(best))
        for share, before, after, best in zip(
            CHECKED,
            measured.found(CHECKED, before=True),
            measured.found(CHECKED),
            measured.best(CHECKED),
            strict=True,
        )
    ]
    columns = ("lines checked", "errors found", "errors found, calibrated", "at best")
    note = "The share of all wrong characters that is in the lines of which most errors are expected."
    return Table(f"Checking, {measured.title}", columns, tuple(rows), note)


def _promises(measured: Measured) -> Table:
    rows = [
        (
            percent(kept.promise),
            f"{kept.lines:,}",
            percent(kept.share),
            "–" if kept.rate is None else percent(kept.rate),
        )
        for kept in measured.kept()
    ]
    columns = ("promised CER", "lines accepted", "of all", "their CER")
    note = "manuscribe read --review-at accepts so many lines that what is expected of them together is the promise."
    return Table(f"Promises, {measured.title}", columns, tuple(rows), note)


def _score(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _page(calibration: Calibration, measured: Sequence[Measured]) -> str:
    what, *how = _notes(calibration, measured)
    sections = [element("p", what, class_="lead")]
    for one in measured:
        plots = element("div", *(_reliability(one, part) for part in _PARTS), _curve(one), class_="plots")
        sections.append(element("section", *map(table_of, _tables(one)), legend([*_TITLES, "at best"]), plots))
    sections.append(element("section", element("h2", "How to read the figures"), *(element("p", note) for note in how)))
    return sheet(f"Calibration of {calibration.reader}", sections)


def _reliability(measured: Measured, part: str) -> Markup:
    right = getattr(measured.truth, part)
    said = [getattr(one, part) for one in (measured.before, measured.after)]
    curves = [[(one.said, one.true) for one in reliability(some, right)] for some in said]
    name = f"{part.capitalize()}: what is said and what is true, {measured.title}"
    return shares(name, "probability said", "share that is right", curves, marked=True, diagonal=True)


def _curve(measured: Measured) -> Markup:
    checked = _CURVE.tolist()
    found = [measured.found(checked, before=True), measured.found(checked), measured.best(checked)]
    curves = [list(zip(checked, one, strict=True)) for one in found]
    name = f"Errors found by checking the least sure lines, {measured.title}"
    return shares(name, "lines checked", "share of errors", curves, diagonal=True)


def _record(calibration: Calibration, measured: Sequence[Measured]) -> dict[str, Any]:
    about = calibration.model_dump(exclude={"levels", "figures"})
    return {"calibration": {"id": calibration.id, **about}, "measured": [_measured(one) for one in measured]}


def _measured(measured: Measured) -> dict[str, Any]:
    parts = {
        part: {
            "number": len(getattr(measured.truth, part)),
            "right": float(getattr(measured.truth, part).mean()),
            **{
                when: {
                    "calibration_error": measured.error(part, before=before),
                    "auroc": measured.sorts(part, before=before),
                    "bins": [
                        asdict(one)
                        for one in reliability(
                            getattr(measured.before if before else measured.after, part), getattr(measured.truth, part)
                        )
                    ],
                }
                for when, before in (("before", True), ("after", False))
            },
        }
        for part in _PARTS
    }
    checked = _CURVE.tolist()
    return {
        "lines": measured.title,
        "empty": measured.empty,
        **parts,
        "checking": {
            "share_of_lines": checked,
            "before": measured.found(checked, before=True),
            "after": measured.found(checked),
            "best": measured.best(checked),
        },
        "promises": [asdict(kept) for kept in measured.kept()],
    }
