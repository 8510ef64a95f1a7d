"""The IAM database: `lines.txt`, `forms.txt` where it is beside it, and the folder of line images.

Source: U.-V. Marti and H. Bunke, The IAM-database, IJDAR 5 (2002); the fields are described in the files' heads.
"""

from collections.abc import Iterator
from pathlib import Path

from manuscribe.datasets.importing.found import About, Problem
from manuscribe.datasets.labelled import LabelledLine
from manuscribe.errors import InputError

_FIELDS = 9  # id, ok or err, grey level, components, box (4), text


def lines_of(path: Path, about: About) -> Iterator[LabelledLine | Problem]:
    """The lines that the file lists; a group is a writer, or a form where `forms.txt` is missing.

    Raises:
        InputError: A file cannot be read.
    """
    writers = _writers(path.with_name("forms.txt"))
    folders = [about.images] if about.images else [path.parent / "lines", path.parent.parent / "lines", path.parent]
    for row in _rows(path):
        fields = row.split(" ", _FIELDS - 1)
        if len(fields) < _FIELDS:
            yield Problem(f"{path}: '{row[:60]}' is no line of the IAM database.")
            continue
        name, text = fields[0], fields[-1]
        form = "-".join(name.split("-")[:2])
        places = (Path(form.split("-")[0]) / form / f"{name}.png", Path(f"{name}.png"))
        image = next((folder / place for folder in folders for place in places if (folder / place).is_file()), None)
        if image is None:
            yield Problem(f"{path}: there is no image of {name}.")
            continue
        group = about.group or writers.get(form, form)
        yield LabelledLine(
            image, text.replace("|", " "), about.source, group, form, about.language or "en", about.label
        )


def _writers(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    return {fields[0]: fields[1] for row in _rows(path) if len(fields := row.split()) > 1}


def _rows(path: Path) -> list[str]:
    try:
        rows = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}.", "Check the path.") from error
    return [row for row in rows if row.strip() and not row.startswith("#")]
