"""Reading a document file of whichever format."""

from pathlib import Path

from manuscribe.document.model import Document
from manuscribe.errors import InputError
from manuscribe.formats import Format, get_format

_BYTE_LIMIT = 256 << 20
_MARKS = ((b"<alto", "alto"), (b":alto", "alto"), (b"PcGts", "page"))


def read_document(path: Path | str) -> Document:
    """Read a PAGE, ALTO or JSON file; the format is told by the file's beginning.

    Raises:
        InputError: The file is missing, unreadable, of no format that is read, or damaged.
    """
    path = Path(path)
    data = _bytes(path)
    reader = _format_of(data, path).read
    if reader is None:
        raise InputError(f"{path} is of a format that is only written.", "Give PAGE, ALTO or JSON.")
    try:
        return reader(data)
    except InputError as error:
        raise InputError(f"{path}: {error.problem}", error.remedy) from error


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > _BYTE_LIMIT:
            raise InputError(f"{path} is larger than {_BYTE_LIMIT >> 20} MiB.", "Split it into one file a page.")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", "Check the path and its permissions.") from error


def _format_of(data: bytes, path: Path) -> Format:
    start = data[:4096].replace(b"\0", b"")  # so that UTF-16 shows its letters too
    if start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return get_format("json")
    for mark, name in _MARKS:
        if mark in start:
            return get_format(name)
    raise InputError(f"{path} is neither PAGE, ALTO nor JSON.", "Give a file of one of these formats.")
