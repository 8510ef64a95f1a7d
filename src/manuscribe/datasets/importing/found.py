"""What importing yields."""

from dataclasses import dataclass
from pathlib import Path

from manuscribe.errors import InputError


@dataclass(frozen=True, slots=True)
class Problem:
    """An item that could not be imported; the others are."""

    what: str


@dataclass(frozen=True, slots=True)
class About:
    """What is known about all lines, where a source does not say it of each.

    Attributes:
        height: Pixels that lines cut from pages are scaled to.
        images: Folder that a table's image names are relative to; by default the table's own.
    """

    source: str = ""
    group: str = ""
    language: str = ""
    label: str = "text"
    height: int = 96
    images: Path | None = None


def inside(folder: Path, name: str) -> Path:
    """The file of that name in a folder.

    Raises:
        InputError: It would lie elsewhere: a table from outside must not make us copy other files.
    """
    path = folder / name.replace("\\", "/")
    if not path.resolve().is_relative_to(folder.resolve()):
        raise InputError(f"{name} is not in {folder}.", "Name the folder that the images are in with --images.")
    return path
