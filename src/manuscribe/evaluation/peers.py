"""Programs of others as readers of lines: Tesseract and RapidOCR, where they are installed.

They read as they are by default, told that an image holds one line; nothing is tuned for them, nor against them.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from manuscribe.document import Line
from manuscribe.errors import UsageError
from manuscribe.readers.protocol import LineReader

_TESSERACT_NAMES = {"en": "eng", "fr": "fra", "de": "deu", "vi": "vie", "ru": "rus", "uk": "ukr"}


def check_peer(name: str, languages: Sequence[str]) -> None:
    """Refuse a peer that cannot read here, before work is done.

    Raises:
        UsageError: The program is not installed, or not for these languages; the remedy says how to install it.
    """
    if name == "rapidocr":
        if find_spec("rapidocr") is None:
            raise UsageError("RapidOCR is not installed.", "Run: pip install rapidocr onnxruntime")
        return
    wanted = _tesseract_languages(languages)
    packages = " ".join(["tesseract-ocr", *(f"tesseract-ocr-{code}" for code in wanted)])
    remedy = f"Run: apt-get install {packages}"
    if shutil.which("tesseract") is None:
        raise UsageError("Tesseract is not installed.", remedy)
    installed = _tesseract("--list-langs").splitlines()[1:]
    if absent := [code for code in wanted if code not in installed]:
        raise UsageError(f"Tesseract is not installed for {', '.join(absent)}.", remedy)


def make_peer(name: str, languages: Sequence[str], threads: int) -> LineReader:
    """A peer of `candidates.PEERS` that `check_peer` let pass.

    Args:
        languages: BCP 47 codes of what the lines are written in; Tesseract is told, English if there are none.
        threads: CPU threads; 0 leaves it to the program.
    """
    make: dict[str, Callable[[Sequence[str], int], LineReader]] = {"tesseract": Tesseract, "rapidocr": RapidOcr}
    return make[name](languages, threads)


class Tesseract:
    """Tesseract's own program, a process for each line, as it is mostly used; writing the image file is not timed."""

    name = "tesseract"

    def __init__(self, languages: Sequence[str], threads: int) -> None:
        self.version = _tesseract("--version").split()[1]
        self._language = "+".join(_tesseract_languages(languages))
        self.choices = {"language": self._language, "page segmentation": "7 (a line)"}
        if threads:
            os.environ["OMP_THREAD_LIMIT"] = str(threads)

    def read(self, lines: Sequence[NDArray[np.uint8]], *, of_one_page: bool = False) -> list[Line]:  # noqa: ARG002
        """Read line images; see `LineReader.read`."""
        return [self._read(line) for line in lines]

    def _read(self, line: NDArray[np.uint8]) -> Line:
        with tempfile.TemporaryDirectory() as folder:
            image = Path(folder) / "line.png"
            cv2.imwrite(str(image), line[..., ::-1] if line.ndim == 3 else line)
            text = _tesseract(str(image), "-", "-l", self._language, "--psm", "7")
        return Line(" ".join(text.split()))


class RapidOcr:
    """RapidOCR with the models of its wheel; a line goes straight to the recogniser."""

    name = "rapidocr"

    def __init__(self, languages: Sequence[str], threads: int) -> None:  # noqa: ARG002  its models know their own
        from importlib import import_module
        from importlib.metadata import version

        self.version = version("rapidocr")
        settings: dict[str, Any] = {"Global.log_level": "error"}
        if threads:
            settings |= {f"EngineConfig.onnxruntime.{kind}_op_num_threads": threads for kind in ("intra", "inter")}
        self._engine = import_module("rapidocr").RapidOCR(params=settings)

    def read(self, lines: Sequence[NDArray[np.uint8]], *, of_one_page: bool = False) -> list[Line]:  # noqa: ARG002
        """Read line images; see `LineReader.read`."""
        found = [self._engine(line[..., ::-1], use_det=False, use_cls=False, use_rec=True).txts for line in lines]
        return [Line(" ".join(texts or ())) for texts in found]


def _tesseract_languages(languages: Sequence[str]) -> list[str]:
    return [_TESSERACT_NAMES.get(code, code) for code in languages] or ["eng"]


def _tesseract(*arguments: str) -> str:
    return subprocess.run(["tesseract", *arguments], capture_output=True, text=True, check=True).stdout  # noqa: S603, S607
