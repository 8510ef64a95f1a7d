"""Document formats, found through the entry points of `manuscribe.formats`, the built-in ones too.

A format is a module with a `Format` in it; another package adds one by naming it in its own entry points.
Only the module of the format that is asked for is imported.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points

from manuscribe.document.model import Document
from manuscribe.errors import UsageError

GROUP = "manuscribe.formats"


@dataclass(frozen=True, slots=True)
class Format:
    """A way to write a document, and perhaps to read it.

    Attributes:
        name: What it is called on the command line, e.g. `"page"`.
        suffix: What its files end in, with the dot, e.g. `".page.xml"`; no two formats share one.
        write: Makes the bytes of a file.
        read: Makes the document from the bytes of a file, raises `InputError` (without the file's name);
            `None` for a format that is only written.
    """

    name: str
    suffix: str
    write: Callable[[Document], bytes]
    read: Callable[[bytes], Document] | None = None


def format_names() -> tuple[str, ...]:
    """The names of all formats that are installed, sorted."""
    return tuple(sorted({entry.name for entry in entry_points(group=GROUP)}))


def get_format(name: str) -> Format:
    """Find a format by its name.

    Raises:
        UsageError: No such format is installed, or it does not load.
    """
    entry = next(iter(entry_points(group=GROUP, name=name)), None)
    if entry is None:
        raise UsageError(f"There is no format {name!r}.", f"Use one of {', '.join(format_names())}.")
    try:
        found = entry.load()
    except (ImportError, AttributeError) as error:
        raise UsageError(f"The format {name!r} does not load: {error}.", "Reinstall its package.") from error
    if not isinstance(found, Format):
        raise UsageError(f"The format {name!r} is no `Format` ({entry.value}).", "Mend its package.")
    return found
