"""Line images, each with a `.gt.txt` beside it, as kraken, OCRopus, Calamari and Tesseract learn from."""

from collections.abc import Iterator
from pathlib import Path

from manuscribe.datasets.importing.found import About, Problem
from manuscribe.datasets.labelled import LabelledLine
from manuscribe.images.opening import SUFFIXES

ENDING = ".gt.txt"
_VARIANTS = ("", ".nrm", ".bin")  # OCRopus writes a line's grey and its black and white picture
_LONGEST = 1 << 20


def lines_of(folder: Path, about: About) -> Iterator[LabelledLine | Problem]:
    """The pairs in a folder and below; those of one folder are a group, unless `about` names one."""
    for path in sorted(folder.rglob(f"*{ENDING}")):
        stem = path.name.removesuffix(ENDING)
        names = (path.with_name(stem + variant + suffix) for variant in _VARIANTS for suffix in sorted(SUFFIXES))
        image = next((name for name in names if name.is_file()), None)
        if image is None:
            yield Problem(f"{path} has no image beside it.")
            continue
        try:
            with path.open(encoding="utf-8-sig") as file:
                text = file.read(_LONGEST).strip()
        except (OSError, UnicodeDecodeError) as error:
            yield Problem(f"{path} cannot be read: {error}.")
            continue
        inner = path.parent.relative_to(folder).as_posix()
        group = about.group or ("" if inner == "." else inner)
        yield LabelledLine(image, text, about.source, group, "", about.language, about.label)
