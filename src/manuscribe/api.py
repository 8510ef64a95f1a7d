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
    level: Literal["page", "paragraph", "line", "word"] = "page",
    beams: int | None = None,
    nbest: int = 1,
    fit: Literal["squash", "pad", "wide", "window"] | None = None,
    engine: Literal["auto", "torch", "openvino", "onnx"] | None = None,
    precision: Literal["fp32", "bf16", "fp16", "int8"] | None = None,
    draft: bool = False,
    prompt: str | None = None,
    size: str | None = None,
    line_by_line: bool = False,
    endpoint: str | None = None,
    at_once: int | None = None,
    revision: str | None = None,
    calibration: Path | str | None = None,
    lookalikes: bool = True,
    dates: Literal["iso", "roman", "keep"] | None = None,
    dates_near: int | None = None,
    device: Literal["cpu", "cuda"] = "cpu",
    threads: int = 0,
) -> Document:
    """Read one image of a page (or, with another `level`, of a paragraph, a line or a word).

    To read many images load the models once, with `manuscribe.reading.pages.PageReader`.

    Args:
        path: A JPEG, PNG, TIFF, WebP or BMP file.
        reader: Name of a reader, or a TrOCR checkpoint: its folder, or its name on the Hugging Face hub; or a
            vision-language model, `"vlm:NAME"` or `"vlm:NAME+ADAPTER"`.
        language: Read in this language, e.g. `"ru"`, in its charset alone; `None` leaves it to the reader.
        level: What the image holds.
        beams: Width of the beam search; 1 takes the surest letter or token each time; `None` is the reader's own.
        nbest: Readings to give for each line.
        fit: How a line comes into a checkpoint's frame.
        engine: What computes a checkpoint.
        precision: How it is computed.
        draft: Let the embedded reader read first, and a checkpoint check its text: the same text, sooner.
        prompt: What a vision-language model is asked.
        size: At which size it sees an image.
        line_by_line: Show it each line of a page alone, and not the whole.
        endpoint: Address of a server that computes it (OpenAI's protocol); a key for it is taken from the environment's
            `MANUSCRIBE_API_KEY`.
        at_once: Images that an endpoint is asked at the same time.
        revision: Branch, tag or commit of a checkpoint on the hub.
        calibration: File that says what the confidences are worth, from `manuscribe calibrate`; `None` looks for it
            where the reader is.
        lookalikes: Put right Latin and Cyrillic letters that were taken for each other; the line has a note of it.
        dates: Find the lines' dates. With `"iso"` or `"roman"` a line has, beside its text, one with its dates in that
            convention, as `normalised`; `"keep"` only tells them, as `dates`.
        dates_near: A year near which the document was written; supplies the century of years with two digits.
        device: Where a vision-language model or a checkpoint runs.
        threads: CPU threads; 0 takes every core this process may use.

    Raises:
        InputError: The file is no image that can be read.
        ModelError: There is no such reader, its weights are missing, or the calibration is not of it.
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
        fit=fit,
        engine=engine,
        precision=precision,
        draft=draft,
        prompt=prompt,
        size=size,
        line_by_line=line_by_line,
        endpoint=endpoint,
        at_once=at_once,
        revision=revision,
        calibration=calibration,
        lookalikes=lookalikes,
        dates=dates,
        dates_near=dates_near,
        device=device,
        threads=threads,
    )
    return PageReader(options).read(Path(path))
