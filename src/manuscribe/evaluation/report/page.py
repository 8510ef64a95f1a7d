"""The report as one page: everything is inside it, nothing is fetched, no script runs."""

from collections import Counter
from collections.abc import Sequence
from importlib.resources import files

from manuscribe.evaluation.counting import count
from manuscribe.evaluation.evaluating import ReaderResult
from manuscribe.evaluation.judging import Judgement
from manuscribe.evaluation.report.diff import diff
from manuscribe.evaluation.report.elements import Markup, element, joined, raw
from manuscribe.evaluation.report.pictures import picture
from manuscribe.evaluation.report.plots import differences, distribution, legend, rates_by_length, rates_by_reader
from manuscribe.evaluation.report.tables import Table, further_tables, main_tables, notes
from manuscribe.evaluation.samples import Sample

WORST = 30
"""Lines that are shown."""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""What a browser may do with the page: were something to slip through, it would still not run."""


def as_page(judgement: Judgement) -> str:
    """The whole page, HTML 5."""
    title = f"Evaluation of {' and '.join(result.title for result in judgement.evaluation.results)}"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("style", raw(files(__package__).joinpath("style.css").read_text(encoding="utf-8"))),
    )
    body = element("body", element("header", element("h1", title)), element("main", *_sections(judgement)))
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}\n"


def _sections(judgement: Judgement) -> list[Markup]:
    first, *others = main_tables(judgement)
    what, *how = notes(judgement)
    explained = [element("h2", "How to read the figures"), *(element("p", note) for note in how)]
    links = (("#explained", "How to read the figures"), ("#details", "Details"), ("#worst", "Worst lines"))
    return [
        element("p", what, class_="lead"),
        element("nav", *(element("a", name, href=address) for address, name in links)),
        element("section", _table(first), *_plots(judgement), id="summary"),
        element("section", *map(_table, others)),
        element("section", *explained, id="explained"),
        element("section", *map(_table, further_tables(judgement)), id="details"),
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


def _table(table: Table) -> Markup:
    kinds = ["name" if place < table.names else "figure" for place in range(len(table.columns))]
    heads = [element("th", name, scope="col", class_=kind) for name, kind in zip(table.columns, kinds, strict=True)]
    rows = [element("tr", *map(_cell, row, kinds)) for row in table.rows]
    whole = element("table", element("thead", element("tr", *heads)), element("tbody", *rows))
    scrolled = element("div", whole, class_="scrolled", tabindex=0, role="region", aria_label=table.title)
    note = element("p", table.note, class_="note") if table.note else ""
    return joined(element("h2", table.title), scrolled, note)


def _cell(text: str, kind: str) -> Markup:
    """A cell; what is in parentheses behind a figure is a line of its own: rows of intervals would be too wide."""
    figure, opened, more = text.partition(" (")
    if kind == "figure" and opened:
        return element("td", figure, element("small", more.removesuffix(")")), class_=kind)
    return element("td", text, class_=kind)


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
