"""Reading a page: open, segment, cut, read, finish the text, put it in its place."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from hashlib import sha256
from itertools import islice
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from manuscribe.document import Character, Document, Line, Page, Provenance, Region
from manuscribe.engines.openvino import available_cores, core
from manuscribe.errors import ManuscribeError, ModelError, UsageError
from manuscribe.images.lines import Crop, crop_line
from manuscribe.images.opening import open_image
from manuscribe.images.tiff import count_pages
from manuscribe.images.tones import is_negative, softened
from manuscribe.readers.options import ReaderOptions
from manuscribe.readers.protocol import LineReader, load_bare_reader, load_reader
from manuscribe.readers.trust.trusted import marked, sane
from manuscribe.readers.vlm.reader import SUSPECT
from manuscribe.reading.finishing import finished
from manuscribe.reading.options import ReadingOptions
from manuscribe.reading.turning import is_better, is_doubtful, is_fuller, is_sparse, sample, turned, turned_back
from manuscribe.reading.whole import WholeReader, page_of
from manuscribe.segmentation.segmenter import Segmenter
from manuscribe.segmentation.several import holds_several_lines
from manuscribe.version import __version__

BLANK = "blank: no writing was found"
LOST = "suspect: shown the whole page, the reader got lost; so it was shown line by line"
# Of the longer side; with twice as much pages in black and white are read as badly as without.
_SOFT = 0.7 / 1600
NEGATIVE = "negative: light writing on dark paper, read with its tones reversed"
SEVERAL = "several lines: the image seems to hold more than one; read it as a page"


class PageReader:
    """Reads image files with one segmenter and one reader, which are loaded once.

    Raises:
        ModelError: The reader is not installed, or weights are missing.
        UsageError: The reader does not know the language.
    """

    def __init__(self, options: ReadingOptions) -> None:
        self.options = options
        core()  # on this thread, not on one that soon ends
        with ThreadPoolExecutor(1) as beside:
            segmenter = beside.submit(Segmenter, threads=options.threads)
            self._reader = load_reader(options.reader, _asked_of(options))
            self._segmenter = segmenter.result()
        whole = self._reader.reader
        if options.line_by_line and (options.level in ("line", "word") or not isinstance(whole, WholeReader)):
            raise UsageError("--line-by-line is for pages that a reader would be shown whole.", "Leave it out.")
        self._whole = whole if isinstance(whole, WholeReader) and not options.line_by_line else None
        self._alone = Lock()  # what computes here takes all cores, and is not made for several threads
        self._drafts: LineReader | None = None

    @property
    def at_once(self) -> int:
        """Images that are worth reading at the same time, in threads."""
        return self._whole.at_once if self._whole else 1

    def read(self, path: Path) -> Document:
        """Read one image file.

        A line that cannot be read is kept, empty and with a note; a page without writing has the note `BLANK`.

        Raises:
            InputError: The file is no image that can be read.
        """
        image = open_image(path)
        if negative := is_negative(image):
            image = 255 - image
        if self.options.level in ("line", "word"):
            page = self._single_line(image)
        else:
            image = softened(image, _SOFT * max(image.shape))
            page = self._read_whole(image, self._whole) if self._whole else self._turned_upright(image)
        page = replace(page, image=path.name, notes=(*page.notes, *((NEGATIVE,) if negative else ()), *_left_out(path)))
        return Document(pages=(page,), provenance=self._provenance())

    def require_calibration(self) -> None:
        """Make sure that lines will tell how many errors to expect.

        Raises:
            ModelError: Nobody measured what the reader's confidences mean, as it reads here.
        """
        if self._reader.calibration is None:
            name = self.options.reader
            raise ModelError(
                f"Nobody measured what the confidences of '{name}' mean, so nothing can be promised of its lines.",
                f"Calibrate it as it will read: manuscribe calibrate {name} DATA -o FILE; then add --calibration FILE.",
            )

    def _turned_upright(self, image: NDArray[np.uint8]) -> Page:
        """The page read line by line, also if it lies on its side or stands on its head."""
        empty, turns = self._segmenter.segment(image), 0
        if is_sparse(empty):
            other = self._segmenter.segment(turned(image, 1))
            if is_fuller(other, empty):
                image, empty, turns = turned(image, 1), other, 1
        page = self._transcribe(image, empty)
        if self._is_upside_down(image, page):
            image, turns = turned(image, 2), turns + 2
            page = self._transcribe(image, self._segmenter.segment(image))
        return turned_back(page, turns) if turns else page

    def _is_upside_down(self, image: NDArray[np.uint8], page: Page) -> bool:
        lines = sample(page)
        if not is_doubtful(lines):
            return False
        crops = [turned(crop_line(image, line).pixels, 2) for line in lines]
        return is_better(lines, self._reader.read(crops, of_one_page=True))

    def _single_line(self, image: NDArray[np.uint8]) -> Page:
        (reading,) = self._reader.read([image])
        line = finished(reading, self.options)
        height, width = image.shape[:2]
        area = ((0.0, 0.0), (float(width), 0.0), (float(width), float(height)), (0.0, float(height)))
        several = self.options.level == "line" and self._holds_several(image)
        notes = (*line.notes, SEVERAL) if several else line.notes
        region = Region((replace(line, id="l1", polygon=area, notes=notes),), id="r1", polygon=area)
        return Page(width, height, (region,), notes=() if line.text or several else (BLANK,))

    def _holds_several(self, image: NDArray[np.uint8]) -> bool:
        with self._alone:
            return holds_several_lines(image, self._segmenter)

    def _read_whole(self, image: NDArray[np.uint8], reader: WholeReader) -> Page:
        """Show the reader all of the image; line by line if it gets lost."""
        (passage,) = reader.read_whole([image], self.options.level)
        with self._alone:
            empty = self._segmenter.segment(image)
        if SUSPECT in passage.notes and empty.lines:
            page = self._transcribe(image, empty)
            return replace(page, notes=(*page.notes, LOST))
        with self._alone:
            hints = self._drafted(image, empty)
        page = page_of(passage, empty, hints)
        regions = tuple(
            replace(region, lines=tuple(finished(marked(sane(line)), self.options) for line in region.lines))
            for region in page.regions
        )
        return replace(page, regions=regions, notes=page.notes if _has_content(regions) else (*page.notes, BLANK))

    def _drafted(self, image: NDArray[np.uint8], page: Page) -> list[str]:
        """A rough reading of each line, by which text and lines find each other."""
        crops = self._crops(image, page)
        if self._drafts is None:
            self._drafts = load_bare_reader("compact", ReaderOptions(beams=1, threads=self.options.threads))
        texts = iter(self._drafts.read([crop.pixels for crop in crops if isinstance(crop, Crop)], of_one_page=True))
        return [next(texts).text if isinstance(crop, Crop) else "" for crop in crops]

    def _crops(self, image: NDArray[np.uint8], page: Page) -> list[Crop | str]:
        with ThreadPoolExecutor(self.options.threads or available_cores()) as pool:
            return list(pool.map(partial(_crop, image), page.lines))

    def _transcribe(self, image: NDArray[np.uint8], page: Page) -> Page:
        crops = self._crops(image, page)
        whole = [crop.pixels for crop in crops if isinstance(crop, Crop)]
        readings = (finished(reading, self.options) for reading in self._reader.read(whole, of_one_page=True))
        lines = iter(
            [
                _placed(line, next(readings), crop, (page.width, page.height))
                if isinstance(crop, Crop)
                else replace(line, notes=(*line.notes, crop))
                for line, crop in zip(page.lines, crops, strict=True)
            ]
        )
        regions = tuple(replace(region, lines=tuple(next(lines) for _ in region.lines)) for region in page.regions)
        return replace(page, regions=regions, notes=page.notes if _has_content(regions) else (*page.notes, BLANK))

    @property
    def job(self) -> str:
        """A short name for all that decides a result: the options, and the versions of every part."""
        return sha256(repr(self._provenance()).encode()).hexdigest()[:16]

    def _provenance(self) -> tuple[Provenance, ...]:
        chosen = {
            name: str(value)
            for name, value in self.options.model_dump(
                exclude={"threads", "calibration", "at_once", "endpoint"}
            ).items()
            if value is not None
        }
        steps = [Provenance("reading", "manuscribe", __version__, chosen)]
        # Of an image of a line it says whether it holds several.
        steps.append(Provenance("segmentation", self._segmenter.name, self._segmenter.version))
        steps.append(Provenance("recognition", self._reader.name, self._reader.version, self._reader.choices))
        return tuple(steps)


def _asked_of(options: ReadingOptions) -> ReaderOptions:
    """What the reader is told: line by line, lines are all that it sees."""
    asked = options.for_reader()
    return asked.model_copy(update={"level": "line"}) if options.line_by_line else asked


def _left_out(path: Path) -> tuple[str, ...]:
    pages = count_pages(path)
    return (f"only the first of {pages} pages was read",) if pages > 1 else ()


def _has_content(regions: Sequence[Region]) -> bool:
    """Whether anything was read, or would have been but for a failure."""
    return any(line.text or line.notes for region in regions for line in region.lines)


def _crop(image: NDArray[np.uint8], line: Line) -> Crop | str:
    """The line's crop, or why there is none."""
    try:
        return crop_line(image, line)
    except ManuscribeError as error:
        return f"failed: {error.problem}"


def _placed(line: Line, reading: Line, crop: Crop, size: tuple[int, int]) -> Line:
    """The reading, with the place of its line, and its characters' places carried over to the page."""
    return replace(
        reading,
        id=line.id,
        polygon=line.polygon,
        baseline=line.baseline,
        notes=(*line.notes, *reading.notes),
        characters=_on_page(reading.characters, crop, size),
    )


def _on_page(characters: Sequence[Character], crop: Crop, size: tuple[int, int]) -> tuple[Character, ...]:
    # All points at once: a page has thousands.
    found = crop.to_page([point for character in characters for point in character.polygon or ()])
    width, height = size
    points = iter([(min(max(x, 0.0), width), min(max(y, 0.0), height)) for x, y in found])
    return tuple(
        Character(c.text, c.confidence, tuple(islice(points, len(c.polygon))) if c.polygon else None)
        for c in characters
    )
