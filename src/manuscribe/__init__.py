"""manuscribe reads handwriting, offline, and shows how far it can be trusted.

The names below are imported when they are first used: `import manuscribe` alone is quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from manuscribe.version import __version__

if TYPE_CHECKING:
    from manuscribe.api import read
    from manuscribe.document import Alternative, Character, Document, Line, Page, Region, Word
    from manuscribe.errors import ManuscribeError
    from manuscribe.readers.facade import Reader

_HOMES = {
    "Alternative": "manuscribe.document",
    "Character": "manuscribe.document",
    "Document": "manuscribe.document",
    "Line": "manuscribe.document",
    "ManuscribeError": "manuscribe.errors",
    "Page": "manuscribe.document",
    "Reader": "manuscribe.readers.facade",
    "Region": "manuscribe.document",
    "Word": "manuscribe.document",
    "read": "manuscribe.api",
}

__all__ = [
    "Alternative",
    "Character",
    "Document",
    "Line",
    "ManuscribeError",
    "Page",
    "Reader",
    "Region",
    "Word",
    "__version__",
    "read",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'manuscribe' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
