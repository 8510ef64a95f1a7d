"""What a reader is, and how one is found by name."""

from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from manuscribe.document import Line
from manuscribe.errors import ModelError, UsageError
from manuscribe.models.files import ModelFile
from manuscribe.readers.options import ReaderOptions
from manuscribe.readers.vlm.naming import PREFIX

if TYPE_CHECKING:
    from manuscribe.readers.trust.trusted import TrustedReader

GROUP = "manuscribe.readers"


class LineReader(Protocol):
    """A recogniser with its weights. Plugins register a callable `(ReaderOptions) -> LineReader` in `GROUP`.

    What it chose by itself where the options left it open it may tell in an attribute `choices`, names to values, which
    goes into the record of a reading; and how it reads, as far as that decides what its confidences are worth, in an
    attribute `conditions`: a calibration is used under the conditions alone under which it was made.
    """

    name: str
    version: str

    def read(self, lines: Sequence[NDArray[np.uint8]], *, of_one_page: bool = False) -> list[Line]:
        """Read line images (uint8, H×W grey or H×W×3 RGB, at least 1×1).

        Args:
            lines: The images.
            of_one_page: They are all the lines of one page, so that one may tell something of another, its language
                for example. Otherwise the reading of an image does not depend on the others.

        Returns one `Line` for each image, in order, whose characters' polygons are in pixels of that image.
        """
        ...


def load_reader(name: str, options: ReaderOptions) -> "TrustedReader":
    """The reader of that name with its calibration, if it has one; see `load_bare_reader`.

    Raises:
        ModelError: As `load_bare_reader`; or the calibration that the options name cannot be read or is another's.
        UsageError: The options do not fit the reader.
    """
    from manuscribe.readers.trust.trusted import trusted

    return trusted(name, load_bare_reader(name, options), options.calibration)


def load_bare_reader(name: str, options: ReaderOptions) -> LineReader:
    """The reader of that name, of the `.onnx` file that `manuscribe train` wrote, or of a TrOCR checkpoint or a bundle.

    A checkpoint is named by its folder, or by its name on the Hugging Face hub, which has a slash in it; a
    vision-language model by `vlm:` before that.

    Raises:
        ModelError: No reader has that name, its weights are missing, or the file is no reader's.
        UsageError: The options do not fit the reader.
    """
    if name.startswith(PREFIX):
        from manuscribe.readers.vlm.reader import VlmReader

        return VlmReader(name, options)
    _refuse(options)
    if name.endswith(".onnx"):
        return _trained(Path(name), options)
    found = installed_readers()
    if name not in found:
        if "/" in name or Path(name).is_dir():
            return _checkpoint(name, options)
        raise ModelError(
            f"No reader named '{name}'.",
            f"Installed readers: {', '.join(sorted(found)) or 'none'}. "
            "A TrOCR checkpoint is named by its folder, or as owner/name on the hub.",
        )
    try:
        make = found[name].load()
    except (ImportError, AttributeError) as error:
        raise ModelError(f"The reader '{name}' does not load: {error}.", "Install its package again.") from error
    reader: LineReader = make(options)
    return reader


def _refuse(options: ReaderOptions) -> None:
    """Options of vision-language models, which would do nothing elsewhere."""
    given = {
        "--prompt": options.prompt,
        "--size": options.size,
        "--endpoint": options.endpoint,
        "--at-once": options.at_once,
    }
    if found := [name for name, value in given.items() if value]:
        raise UsageError(f"{found[0]} is for vision-language models.", "Leave it out, or name one with vlm:NAME.")


def installed_readers() -> dict[str, EntryPoint]:
    """The readers that are known by name, built-in ones and plugins."""
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def _trained(path: Path, options: ReaderOptions) -> LineReader:
    from manuscribe.readers.compact.reader import CompactReader

    model = ModelFile(path)
    if model.card.get("kind") not in ("compact-reader", "compact-hand"):
        raise ModelError(f"{path} holds no reader.", "Name a file that `manuscribe train` made from a reader's recipe.")
    return CompactReader(options, model)


def _checkpoint(name: str, options: ReaderOptions) -> LineReader:
    from manuscribe.readers.trocr.reader import TrocrReader

    return TrocrReader(name, options)
