"""`manuscribe.Reader`: any reader, for anything that is an image."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from PIL import Image

from manuscribe.document import Line
from manuscribe.errors import UsageError
from manuscribe.images.colour import Pixels
from manuscribe.images.opening import to_array
from manuscribe.options import validated
from manuscribe.readers.embedding import Embedding
from manuscribe.readers.options import ReaderOptions
from manuscribe.readers.protocol import load_reader


class Reader:
    """Reads images of single lines.

    Args:
        name: A reader's name, `"compact"` for the embedded one; or a TrOCR checkpoint, by its folder or its name on
            the Hugging Face hub; or a vision-language model, `"vlm:NAME"` or `"vlm:NAME+ADAPTER"`.
        language: Read in this language, e.g. `"ru"`, in its charset alone; `None` leaves it to the reader.
        beams: Width of the beam search; 1 takes the surest letter or token each time; `None` is the reader's own.
        nbest: Readings to give for each line; those after the first are its `alternatives`.
        fit: How a line comes into a checkpoint's frame: `"squash"`, `"pad"`, `"wide"` or `"window"`.
        engine: What computes a checkpoint: `"auto"`, `"torch"`, `"openvino"` or `"onnx"`.
        precision: How it is computed: `"fp32"`, `"bf16"`, `"fp16"` (on a GPU) or `"int8"`.
        draft: Let the embedded reader read first, and a checkpoint check its text: the same text, sooner.
        level: What the images hold, for vision-language models.
        prompt: What they are asked.
        size: At which size they see images.
        endpoint: Address of a server that computes them.
        at_once: Images that it is asked at the same time.
        revision: Branch, tag or commit of a checkpoint on the hub.
        calibration: File that says what the confidences are worth, from `manuscribe calibrate`; `None` looks for it
            where the reader is.
        device: Where a vision-language model or a checkpoint runs.
        threads: CPU threads; 0 takes every core this process may use.

    Raises:
        ModelError: There is no such reader, its weights are missing, or the calibration is not of it.
        UsageError: An option makes no sense.

    Example:
        >>> import manuscribe
        >>> reader = manuscribe.Reader("compact", language="fr")
        >>> [line.text for line in reader.read_lines(["line.png"])]  # doctest: +SKIP
    """

    def __init__(
        self,
        name: str = "compact",
        *,
        language: str | None = None,
        beams: int | None = None,
        nbest: int = 1,
        fit: Literal["squash", "pad", "wide", "window"] | None = None,
        engine: Literal["auto", "torch", "openvino", "onnx"] | None = None,
        precision: Literal["fp32", "bf16", "fp16", "int8"] | None = None,
        draft: bool = False,
        level: Literal["word", "line", "paragraph", "page"] = "line",
        prompt: str | None = None,
        size: str | None = None,
        endpoint: str | None = None,
        at_once: int | None = None,
        revision: str | None = None,
        calibration: Path | str | None = None,
        device: Literal["cpu", "cuda"] = "cpu",
        threads: int = 0,
    ) -> None:
        options = validated(
            ReaderOptions,
            language=language,
            beams=beams,
            nbest=nbest,
            fit=fit,
            engine=engine,
            precision=precision,
            draft=draft,
            level=level,
            prompt=prompt,
            size=size,
            endpoint=endpoint,
            at_once=at_once,
            revision=revision,
            calibration=calibration,
            device=device,
            threads=threads,
        )
        self._reader = load_reader(name, options)

    def read_lines(self, images: Sequence[Path | str | Image.Image | Pixels]) -> list[Line]:
        """Read line images: paths, PIL images or uint8 arrays, H×W or H×W×3 RGB.

        Returns one line for each image, in order; the reading of an image does not depend on the others.

        Raises:
            InputError: An image cannot be read.
            UsageError: An array has another shape or type.
        """
        return self._reader.read([to_array(image) for image in images])

    def embed(self, images: Sequence[Path | str | Image.Image | Pixels]) -> list[Embedding]:
        """What a checkpoint's encoder makes of line images: vectors to find lines that look alike.

        Returns one embedding for each image, in order. Vectors of different checkpoints, or of one with another
        `fit`, are not comparable.

        Raises:
            InputError: An image cannot be read.
            UsageError: The reader is no checkpoint and no bundle of one.

        Example:
            >>> first, second = reader.embed(["line.png", "other.png"])  # doctest: +SKIP
            >>> float(first.vector @ second.vector)  # from -1 to 1; 1 is the same  # doctest: +SKIP
        """
        embed = getattr(self._reader.reader, "embed", None)
        if embed is None:
            raise UsageError(
                f"The reader '{self._reader.name}' gives no embeddings.", "Take a TrOCR checkpoint or a bundle of one."
            )
        found: list[Embedding] = embed([to_array(image) for image in images])
        return found
