"""Pages that a reader sees as a whole: what it wrote, put onto the lines that the segmenter found."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

from manuscribe.document import Line, Page, Polygon, Region
from manuscribe.readers.vlm.answers import Pixels
from manuscribe.readers.vlm.grounding import grounded
from manuscribe.readers.vlm.passages import Passage
from manuscribe.reading.placing import Placement, placed

UNREAD = "unread: the reader saw the whole page, and wrote nothing for this line"
UNPLACED = "unplaced: which line of the page this is was not found"
DOUBTFUL = "doubtful place: the embedded reader sees another text in this line"
_ALIKE = 0.4


@runtime_checkable
class WholeReader(Protocol):
    """A reader that can be shown several lines in one image.

    Attributes:
        at_once: Pages that are worth reading at the same time.
    """

    at_once: int

    def read_whole(self, images: Sequence[Pixels], level: str | None = None) -> list[Passage]:
        """What is written in images of a level: `"paragraph"` or `"page"`."""
        ...


def page_of(passage: Passage, page: Page, hints: Sequence[str]) -> Page:
    """A page with a passage as its text.

    An answer that says itself where its parts stand makes regions of these. Any other is put onto the lines of the
    page, and what fits none of them is kept as lines without a place.

    Args:
        passage: What was read.
        page: The page as the segmenter found it, its lines without text.
        hints: A rough reading of each of its lines.
    """
    blocks = grounded(passage.text, page.width, page.height)
    if any(block.boxes for block in blocks):
        regions = tuple(
            Region(
                tuple(_named(passage.lines_in(block.start, block.end), f"r{number}")),
                id=f"r{number}",
                polygon=_around(block.boxes),
            )
            for number, block in enumerate(blocks, start=1)
            if block.text
        )
        return replace(page, regions=regions)
    if not page.lines:
        area: Polygon = ((0, 0), (page.width, 0), (page.width, page.height), (0, page.height))
        lines = tuple(_named(passage.lines, "r1"))
        return replace(page, regions=(Region(lines, id="r1", polygon=area),) if lines else ())
    return _placed(passage, page, placed(passage.text, hints))


def _placed(passage: Passage, page: Page, placement: Placement) -> Page:
    between: dict[int, list[Line]] = {}
    for stretch in placement.unplaced:
        found = passage.lines_in(stretch.span.start, stretch.span.end)
        lines = [replace(line, notes=(*line.notes, UNPLACED)) for line in found]
        between.setdefault(-1 if stretch.after is None else stretch.after, []).extend(lines)
    numbers = iter(range(len(page.lines)))
    regions = []
    for region in page.regions:
        rows: list[Line] = []
        for line in region.lines:
            number = next(numbers)
            if number == 0:
                rows += between.get(-1, [])
            rows += [_read(passage, line, placement, number), *between.get(number, [])]
        regions.append(replace(region, lines=tuple(_named(rows, region.id))))
    return replace(page, regions=tuple(regions))


def _read(passage: Passage, line: Line, placement: Placement, number: int) -> Line:
    """A line of the page with its piece of the passage."""
    found = placement.lines[number]
    if found.span is None:
        return replace(line, notes=(*line.notes, UNREAD))
    reading = passage.line(found.span.start, found.span.end)
    notes = (*line.notes, *reading.notes) + ((DOUBTFUL,) if found.similarity < _ALIKE else ())
    return replace(reading, id=line.id, polygon=line.polygon, baseline=line.baseline, notes=notes)


def _named(lines: Sequence[Line], region: str) -> Iterator[Line]:
    """Lines with a name each; those of the segmenter have one."""
    added = 0
    for line in lines:
        if line.id:
            yield line
        else:
            added += 1
            yield replace(line, id=f"{region}x{added}")


def _around(boxes: Sequence[Polygon]) -> Polygon | None:
    """The rectangle around all boxes."""
    points = [point for box in boxes for point in box]
    if not points:
        return None
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return ((min(xs), min(ys)), (max(xs), min(ys)), (max(xs), max(ys)), (min(xs), max(ys)))
