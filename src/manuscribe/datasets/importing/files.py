"""Files of others: read whole, up to a size, with errors that name them."""

import json
from pathlib import Path
from typing import Any

from manuscribe.errors import InputError


def text_of(path: Path, limit: int) -> str:
    """The text of a file in UTF-8.

    Raises:
        InputError: It cannot be read, or has more bytes than the limit.
    """
    try:
        if path.stat().st_size > limit:
            raise InputError(f"{path} is larger than {limit >> 20} MiB.", "Split it.")
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}.", "Check the path; save it as UTF-8.") from error


def parsed(text: str, path: Path) -> Any:
    """What is written in JSON in a file of that name.

    Raises:
        InputError: It is not JSON.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:  # the latter of deep nesting
        raise InputError(f"{path} is not JSON: {error}.", "Save it again.") from error
