"""A line to learn from or to measure on: its image, its transcription, and what is known about it."""

from dataclasses import dataclass, fields
from html import unescape
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from manuscribe.errors import InputError
from manuscribe.images.opening import decode_image, open_image
from manuscribe.text.charset import normalise

SPLITS = ("train", "validation", "test")
_OTHER_NAMES = {
    "training": "train",
    "dev": "validation",
    "valid": "validation",
    "val": "validation",
    "eval": "validation",
}


@dataclass(frozen=True, slots=True)
class LabelledLine:
    """A line image (still encoded) with its transcription.

    Attributes:
        image: The bytes of an encoded picture, or the file that holds one.
        source: The collection that it comes from.
        group: The writer, or the document where writers are not known: splits by group never tear it apart.
        page: The page that it was cut from.
        language: BCP 47 code, e.g. `"fr"`; empty if not known.
        label: What kind of line it is: `"text"`, `"date"`, …
        split: One of `SPLITS` (other usual names are taken for these), or empty.

    Raises:
        InputError: The split has a name that nobody knows.
    """

    image: bytes | Path
    text: str
    source: str = ""
    group: str = ""
    page: str = ""
    language: str = ""
    label: str = "text"
    split: str = ""

    def __post_init__(self) -> None:
        split = _OTHER_NAMES.get(self.split.lower(), self.split.lower())
        if split not in ("", *SPLITS):
            raise InputError(f"{self.name}: there is no split '{self.split}'.", f"Use {', '.join(SPLITS)}.")
        object.__setattr__(self, "split", split)

    @property
    def learnt(self) -> str:
        """The text as it is learnt and measured, in normal form; some sources wrote XML's entities into theirs."""
        return normalise(unescape(self.text))

    @property
    def passage(self) -> str:
        """As `learnt`, with the line breaks of a paragraph kept."""
        return "\n".join(row for part in unescape(self.text).splitlines() if (row := normalise(part)))

    @property
    def name(self) -> str:
        """What to call the line in messages."""
        if isinstance(self.image, Path):
            return str(self.image)
        return " ".join(part for part in (f"'{self.text[:40]}'", "of", self.source, self.page) if part).strip()

    def encoded(self) -> bytes:
        """The bytes of the encoded picture.

        Raises:
            InputError: The file cannot be read.
        """
        if isinstance(self.image, bytes):
            return self.image
        try:
            return self.image.read_bytes()
        except OSError as error:
            raise InputError(f"{self.image} cannot be read: {error.strerror}.", "Check the path.") from error

    def rgb(self) -> NDArray[np.uint8]:
        """The image as RGB, H×W×3, upright.

        Raises:
            InputError: It is missing, damaged or too large.
        """
        if isinstance(self.image, Path):
            return open_image(self.image)
        return decode_image(self.image, f"the image of line {self.name}")

    def pixels(self) -> NDArray[np.uint8]:
        """The image, grey, H×W; see `rgb`."""
        return np.asarray(cv2.cvtColor(self.rgb(), cv2.COLOR_RGB2GRAY), dtype=np.uint8)


COLUMNS = tuple(field.name for field in fields(LabelledLine))
KNOWN = COLUMNS[1:]
"""What is known about a line, beside its image."""
