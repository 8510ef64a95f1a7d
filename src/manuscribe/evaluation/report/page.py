"""The report as one page: everything is inside it, nothing is fetched, no script runs."""

from collections import Counter
from collections.abc import Sequence

from manuscribe.evaluation.counting import count
from manuscribe.evaluation.evaluating import ReaderResult
from manuscribe.evaluation.judging import Judgement
from manuscribe.evaluation.report.diff import diff
from manuscribe.evaluation.report.drawing import legend
from manuscribe.evaluation.report.elements import Markup, element
from manuscribe.evaluation.report.pictures import picture
from manuscribe.evaluation.report.plots import differences, distribution, rates_by_length, rates_by_reader
from manuscribe.evaluation.report.sheet import sheet, table_of
from manuscribe.evaluation.report.tables import Table, further_tables, main_tables, notes
from manuscribe.evaluation.samples import Sample

WORST = 30
"""Lines that are shown."""


def as_page(judgement: Judgement, first: Sequence[Table] = ()) -> str:
    """The whole page, HTML 5, with some tables before its own."""
    title = f"Evaluation of {' and '.join(result.title for result in judgement.evaluation.results)}"
    return sheet(title, _sections(judgement, first))


def _sections(judgement: Judgement, first: Sequence[Table]) -> list[Markup]:
    rates, *others = main_tables(judgement)
    what, *how = notes(judgement)
    explained = [element("h2", "How to read the figures"), *(element("p", note) for note in how)]
    links = (("#explained", "How to read the figures"), ("#details", "Details"), ("#worst", "Worst lines"))
    return [
        element("p", what, class_="lead"),
        element("nav", *(element("a", name, href=address) for address, name in links)),
        *([element("section", *map(table_of, first))] if first else []),
        element("section", table_of(rates), *_plots(judgement), id="summary"),
        element("section", *map(table_of, others)),
        element("section", *explained, id="explained"),
        element("section", *map(table_of, further_tables(judgement)), id="details"),
        _worst(judgement),
    ]


def _plots(judgement: Judgement) -> list[Markup]:
    plots = [rates_by_reader(judgement)]
    if judgement.comparisons:
        plots.append(differences(judgement.comparisons))
    if "length" in judgement.breakdowns:
        plots.append(rates_by_length(judgement))
    plots.append(distribution(judgement))
    titles = [result.title for result in judgement.evaluation.results]
    return [legend(titles), element("div", *plots, class_="plots")]


def _worst(judgement: Judgement) -> Markup:
    results, samples = judgement.evaluation.results, judgement.evaluation.samples
    errors: Counter[int] = Counter()
    for scored in judgement.scored:
        errors.update(dict(zip(scored.samples.tolist(), scored.characters[:, 1:].sum(axis=1).tolist(), strict=True)))
    worst = [number for number, n in sorted(errors.items(), key=lambda item: (-item[1], item[0]))[:WORST] if n]
    told = (
        f"The {len(worst)} lines with the most errors, of all readers together: they weigh most in the CER. Above is "
        "the truth, below the reading. Framed: read as something else; struck out: not read; underlined: read, but not "
        "there."
    )
    shown = [_line(number, samples[number], results) for number in worst]
    told = told if worst else "No line has an error."
    return element("section", element("h2", "Worst lines"), element("p", told, class_="note"), *shown, id="worst")


def _line(number: int, sample: Sample, results: Sequence[ReaderResult]) -> Markup:
    about = [f"Line {number + 1}", sample.name, sample.group or sample.source]
    readings = [(result.title, result.readings[number]) for result in results if number in result.readings]
    return element(
        "article",
        element("p", " · ".join(dict.fromkeys(part for part in about if part)), class_="about"),
        picture(sample),
        *_readings(sample.text, readings),
    )


def _readings(truth: str, readings: Sequence[tuple[str, str | None]]) -> list[Markup]:
    found = []
    for title, reading in readings:
        counts = count(truth, reading or "")
        what = "not found on the page" if reading is None else f"{counts.errors} errors, CER {100 * counts.rate:.0f} %"
        found.append(element("p", element("b", title), f": {what}", class_="who"))
        found.append(diff(truth, reading or ""))
    return found
