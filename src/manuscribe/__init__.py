"""manuscribe reads handwriting, offline, and shows how far it can be trusted."""

from manuscribe.version import __version__

__all__ = ["__version__"]
