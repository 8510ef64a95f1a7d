"""The functions of the package's front door that need more than one room."""

from pathlib import Path
from typing import Literal

from manuscribe.document import Document
from manuscribe.options import validated
from manuscribe.reading.options import ReadingOptions
from manuscribe.reading.pages import PageReader


def read(
    path: Path | str,
    *,
    reader: str = "compact",
    language: str | None = None,
    level: Literal["page", "line"] = "page",
    beams: int = 8,
    nbest: int = 1,
    threads: int = 0,
) -> Document:
    """Read one image of a page (or, with `level="line"`, of a single line).

    To read many images load the models once, with `manuscribe.reading.pages.PageReader`.

    Args:
        path: A JPEG, PNG, TIFF, WebP or BMP file.
        reader: Name of the reader.
        language: Restrict the reading to the charset of a language, e.g. `"ru"`; `None` allows all.
        level: What the image holds.
        beams: Width of the beam search; 1 reads letter by letter, without the character model.
        nbest: Readings to give for each line.
        threads: CPU threads; 0 takes every core this process may use.

    Raises:
        InputError: The file is no image that can be read.
        ModelError: There is no such reader, or its weights are missing.
        UsageError: An option makes no sense.

    Example:
        >>> import manuscribe
        >>> document = manuscribe.read("examples/letter.jpg")  # doctest: +SKIP
        >>> print(document.text)  # doctest: +SKIP
    """
    options = validated(
        ReadingOptions,
        reader=reader,
        language=language,
        level=level,
        beams=beams,
        nbest=nbest,
        threads=threads,
    )
    return PageReader(options).read(Path(path))
