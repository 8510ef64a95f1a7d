"""Options of a reading job, the same from the command line, from Python and elsewhere."""

from typing import Literal

from pydantic import Field

from manuscribe.readers.options import ReaderOptions


class ReadingOptions(ReaderOptions):
    """How pages are read.

    Attributes:
        reader: Name of a reader, path of the `.onnx` file of a trained one, or a TrOCR checkpoint (folder or hub name).
        level: What an image holds: a whole `page`, or a single `line`, which is then not searched for lines.
    """

    reader: str = Field(default="compact", min_length=1)
    level: Literal["page", "line"] = "page"

    def for_reader(self) -> ReaderOptions:
        """The part that concerns the reader."""
        return ReaderOptions(**{name: getattr(self, name) for name in ReaderOptions.model_fields})
