"""Which importer a source needs."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from manuscribe.datasets.importing.found import About, Problem
from manuscribe.datasets.importing.tables import tables_in
from manuscribe.datasets.importing.uit_hwdb import is_uit_hwdb
from manuscribe.datasets.labelled import LabelledLine
from manuscribe.errors import InputError, UsageError

KINDS = {
    "layout": "PAGE or ALTO files with their images",
    "pairs": "line images with .gt.txt files",
    "tables": "CSV, TSV, labels.json, or a folder with metadata.csv",
    "iam": "the IAM database's lines.txt",
    "uit_hwdb": "sets of UIT-HWDB: writers' folders with label.json",
    "hub": "a data set of Hugging Face's datasets, saved on disk or by its name",
}


def import_lines(source: str, about: About, kind: str | None = None) -> Iterator[LabelledLine | Problem]:
    """The lines of a source, and what could not be imported of it.

    Args:
        source: A folder, a file, or a name on the hub.
        kind: One of `KINDS`; found out by what the source holds if it is left out.

    Raises:
        InputError: The source is not there, or of no known kind.
        UsageError: There is no such kind.
    """
    if kind is not None and kind not in KINDS:
        raise UsageError(f"There is no kind '{kind}'.", f"Use one of {', '.join(KINDS)}.")
    kind = kind or kind_of(source)
    module = import_module(f"manuscribe.datasets.importing.{kind}")
    lines: Iterator[LabelledLine | Problem] = module.lines_of(source if kind == "hub" else Path(source), about)
    return lines


def kind_of(source: str) -> str:
    """What kind of source it is.

    Raises:
        InputError: It does not exist, or is of no known kind.
    """
    path = Path(source)
    if path.is_dir():
        return _kind_of_folder(path)
    if path.is_file():
        if path.name == "lines.txt":
            return "iam"
        if path.suffix in (".csv", ".tsv", ".json", ".jsonl"):
            return "tables"
        raise InputError(f"{path} is of no known kind.", "Say what it is with --kind.")
    if source.count("/") == 1 and not source.startswith((".", "/")):
        return "hub"
    raise InputError(f"{source} does not exist.", "Check the path, or give a name on the hub such as owner/name.")


def _kind_of_folder(folder: Path) -> str:
    if any((folder / name).is_file() for name in ("dataset_dict.json", "dataset_info.json")):
        return "hub"
    if tables_in(folder):
        return "tables"
    if next(folder.rglob("*.gt.txt"), None):
        return "pairs"
    if next(folder.rglob("*.xml"), None):
        return "layout"
    if is_uit_hwdb(folder):
        return "uit_hwdb"
    raise InputError(f"{folder} holds no ground truth that we know.", "Say what it is with --kind.")
