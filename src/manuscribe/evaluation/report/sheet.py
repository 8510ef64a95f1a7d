"""What all reports are as pages: everything is inside, nothing is fetched, no script runs."""

from collections.abc import Sequence
from importlib.resources import files

from manuscribe.evaluation.report.elements import Markup, element, joined, raw
from manuscribe.evaluation.report.tables import Table

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""What a browser may do with the page: were something to slip through, it would still not run."""


def sheet(title: str, sections: Sequence[Markup]) -> str:
    """A whole page, HTML 5."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("style", raw(files(__package__).joinpath("style.css").read_text(encoding="utf-8"))),
    )
    body = element("body", element("header", element("h1", title)), element("main", *sections))
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}\n"


def table_of(table: Table) -> Markup:
    """A table with its title and its note."""
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
