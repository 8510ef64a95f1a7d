"""Pages with PAGE or ALTO files: each line is cut out along its baseline."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from manuscribe.datasets.importing.found import About, Problem
from manuscribe.datasets.labelled import LabelledLine
from manuscribe.document.model import Line, Page
from manuscribe.errors import InputError
from manuscribe.formats.reading import read_document
from manuscribe.images.lines import cut_line
from manuscribe.images.opening import SUFFIXES, open_image

_QUALITY = 90  # WebP: a tenth of the size of PNG, and no reader sees the difference
_STRETCHED = 0.02  # by which the proportions of a page's image may differ from those that its file states


def lines_of(folder: Path, about: About) -> Iterator[LabelledLine | Problem]:
    """The lines of all pages in a folder and below; each page is a group of its own, unless `about` names one."""
    for path in sorted(folder.rglob("*.xml")):
        if path.name.lower() == "mets.xml":  # says which files belong together, nothing about lines
            continue
        try:
            pages = read_document(path).pages
        except InputError as error:
            yield Problem(str(error))
            continue
        for page in pages:
            yield from _lines_of_page(page, path, about)


def _lines_of_page(page: Page, path: Path, about: About) -> Iterator[LabelledLine | Problem]:
    try:
        image = open_image(_image_of(page, path))
        scale = _scale(page, image, path)
    except InputError as error:
        yield Problem(str(error))
        return
    for line in page.lines:
        if not line.text.strip():
            continue
        try:
            crop = cut_line(image, _scaled(line, scale), about.height)
        except InputError as error:
            yield Problem(f"{path}, line {line.id}: {error.problem}")
            continue
        data = cv2.imencode(".webp", crop, [cv2.IMWRITE_WEBP_QUALITY, _QUALITY])[1].tobytes()
        yield LabelledLine(
            data,
            line.text.strip(),
            about.source,
            about.group or path.stem,
            path.stem,
            line.language or about.language,
            about.label,
        )


def _image_of(page: Page, path: Path) -> Path:
    # The name may be a path on the machine where the file was made: only its last part is looked for, near by.
    name = Path(page.image.replace("\\", "/")).name
    folders = (path.parent, path.parent.parent, path.parent / "images", path.parent.parent / "images")
    for folder in folders:
        if name and (folder / name).is_file():
            return folder / name
    stem = path.name.removesuffix(".xml").removesuffix(".page").removesuffix(".alto")
    for folder in folders:
        for suffix in sorted(SUFFIXES):
            if (folder / f"{stem}{suffix}").is_file():
                return folder / f"{stem}{suffix}"
    raise InputError(f"{path}: no image {name or stem} is beside it.", "Put the images into the same folder.")


def _scale(page: Page, image: NDArray[np.uint8], path: Path) -> float:
    """Image pixels for one of the file's: images are often published smaller than they were annotated."""
    height, width = image.shape[:2]
    if not page.width or not page.height:
        return 1.0
    across, down = width / page.width, height / page.height
    if abs(across / down - 1) > _STRETCHED:
        raise InputError(
            f"{path} describes a page of {page.width} × {page.height}, its image has {width} × {height} pixels.",
            "Do they belong together?",
        )
    return float(across)


def _scaled(line: Line, scale: float) -> Line:
    if scale == 1:
        return line
    polygon = line.polygon and tuple((x * scale, y * scale) for x, y in line.polygon)
    baseline = line.baseline and tuple((x * scale, y * scale) for x, y in line.baseline)
    return replace(line, polygon=polygon, baseline=baseline)
