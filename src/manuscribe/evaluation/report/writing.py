"""Reports as files."""

from collections.abc import Sequence
from pathlib import Path

from manuscribe.errors import OutputError, UsageError
from manuscribe.evaluation.judging import Judgement
from manuscribe.evaluation.report.page import as_page
from manuscribe.evaluation.report.record import as_json
from manuscribe.evaluation.report.tables import Table, as_markdown, cell, further_tables, main_tables, notes
from manuscribe.formats.writing import write_atomically


def make_folder(folder: Path) -> None:
    """Make the folder of a report, before work is done for it.

    Raises:
        OutputError: It cannot be made.
        UsageError: It is a file.
    """
    if folder.is_file():
        raise UsageError(f"--report names a folder, and {folder} is a file.", "Name a folder.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{folder} cannot be made: {error.strerror or error}.", "Name another folder with --report."
        ) from error


def write_report(judgement: Judgement, folder: Path, first: Sequence[Table] = ()) -> None:
    """Write `report.json`, `report.md` and `report.html`, each whole or not at all.

    Args:
        judgement: The figures.
        folder: Where to.
        first: Tables that Markdown and the page begin with: what was found on claims.

    Raises:
        OutputError: One cannot be written.
    """
    texts = {
        "report.json": as_json(judgement),
        "report.md": as_report(judgement, first),
        "report.html": as_page(judgement, first),
    }
    for name, text in texts.items():
        write_atomically(folder / name, text.encode())


def as_summary(judgement: Judgement) -> str:
    """What is printed, in Markdown: the main tables, and what must be known of them."""
    return f"{as_markdown(main_tables(judgement), level=3)}\n\n{_notes(judgement)}\n"


def as_report(judgement: Judgement, first: Sequence[Table] = ()) -> str:
    """All tables in Markdown."""
    tables = as_markdown([*first, *main_tables(judgement), *further_tables(judgement)])
    return f"# Evaluation\n\n{_notes(judgement)}\n\n{tables}\n"


def _notes(judgement: Judgement) -> str:
    return "\n".join(f"- {cell(note)}" for note in notes(judgement))
