"""Lines to learn from: real ones by width, rendered ones beside them, some of both held out."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from manuscribe.datasets.augmentation.varying import vary
from manuscribe.datasets.labelled import LabelledLine
from manuscribe.datasets.lines import read_lines
from manuscribe.datasets.rendering.hands import load_faces
from manuscribe.datasets.rendering.pens import Writer, cut_lines
from manuscribe.datasets.rendering.synthetic import LineRenderer
from manuscribe.datasets.rendering.texts import TextSource, load_texts
from manuscribe.datasets.splits import split_groups
from manuscribe.engines.openvino import OpenVinoModel
from manuscribe.errors import InputError, UsageError
from manuscribe.models.files import embedded
from manuscribe.readers.compact.lines import to_height
from manuscribe.training.form import Section

Sample = tuple[NDArray[np.uint8], str]
"""A grey line of 64 rows, and its text."""

_NEIGHBOURS = 300  # places between a batch's lines, sorted by width, and the one it is drawn around
_PIXELS_A_CHARACTER = 17  # the real lines' mean, at height 64
_RENDERED = 96  # lines that are rendered to be held out


class RealSection(Section):
    """Real lines, and which of them are held out.

    Attributes:
        lines: Glob patterns of line data sets.
        without: Values of the column `page` that are left out, for measuring on those pages.
        validation: Share of each source's groups that is held out.
        seed: Decides which groups; a run that starts from an earlier one's weights must hold out the same.
    """

    lines: tuple[str, ...]
    without: tuple[str, ...] = ()
    validation: float = Field(default=0.03, gt=0, lt=0.5)
    seed: int = 0

    def split(self, root: Path, known: Collection[str]) -> tuple[list[LabelledLine], list[LabelledLine]]:
        """The lines written in known characters alone: (to learn from, held out), their texts in normal form.

        Raises:
            InputError: There are none.
        """
        lines = [line for line in read_lines(self.lines, root) if line.page not in self.without]
        lines = [replace(line, text=line.learnt) for line in lines if (text := line.learnt) and set(text) <= set(known)]
        if not lines:
            raise InputError(
                f"No line of {', '.join(self.lines)} has a text in characters that the reader knows.",
                "Check the column `text`.",
            )
        return split_groups(lines, self.validation, self.seed)


class SyntheticSection(Section):
    """Rendered lines: where fonts and sentences lie, and how often each language is drawn.

    Attributes:
        pens: How many of the real lines are cut up, at most, so that their writers lend their strokes to other texts;
            each takes the embedded reader some hundredths of a second at the start.
    """

    fonts: str
    texts: str
    share: float = Field(ge=0, le=1)
    languages: Mapping[str, float]
    pens: int = Field(default=0, ge=0)


class DataSection(RealSection):
    """What is learnt from.

    Attributes:
        weights: How many times as often as by its size a source's lines are drawn; 1 for sources not named.
        validation_lines: Real lines, of those held out, that are read at each evaluation.
    """

    weights: Mapping[str, Annotated[float, Field(gt=0)]] = {}
    synthetic: SyntheticSection
    validation_lines: int = Field(default=400, gt=0)


class WidthSection(Section):
    """How lines are put together.

    Attributes:
        pixels: Width of a batch's lines added up, in pixels.
        narrow_steps: For the first steps only lines up to `narrow_width` (or, if they are few, the narrowest 300) are
            used: readers find out much sooner what is where from words than from long lines.
    """

    pixels: int = Field(default=12288, gt=0)
    largest: int = Field(default=64, gt=0)
    narrow_steps: int = Field(default=1500, ge=0)
    narrow_width: int = Field(default=320, gt=0)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a batch's lines are drawn from: those numbered `low` to `high`, all of about `width`, `size` of them."""

    low: int
    high: int
    width: int
    size: int


class RealLines:
    """Real lines by width.

    Args:
        weights: How many times as often as by its size a source's lines are drawn; 1 for sources not named.
    """

    def __init__(self, lines: Sequence[LabelledLine], weights: Mapping[str, float]) -> None:
        drawn = sorted(
            ((to_height(line.pixels()), line.text, weights.get(line.source, 1.0)) for line in lines),
            key=lambda row: row[0].shape[1],
        )
        self._lines = [(line, text) for line, text, _ in drawn]
        self._widths = np.array([line.shape[1] for line, _ in self._lines])
        shares = np.array([share for _, _, share in drawn])
        self._shares = np.concatenate([[0.0], np.cumsum(shares)])
        self._pixels = np.cumsum(shares * self._widths)

    def __len__(self) -> int:
        return len(self._lines)

    def place(self, options: WidthSection, rng: np.random.Generator, *, narrow: bool) -> Place:
        """Choose a width."""
        last = len(self._lines)
        if narrow:
            last = min(last, max(_NEIGHBOURS, int(np.searchsorted(self._widths, options.narrow_width))))
        # Drawing by pixel, not by line, makes up for narrow lines' larger batches.
        anchor = int(np.searchsorted(self._pixels[:last], rng.uniform(0, self._pixels[last - 1])))
        width = int(self._widths[anchor])
        size = min(options.largest, max(4, options.pixels // (width + 16)))
        return Place(max(0, anchor - _NEIGHBOURS), min(last, anchor + _NEIGHBOURS), width, size)

    def draw(self, place: Place, rng: np.random.Generator) -> Sample:
        """One of the place's lines, varied."""
        drawn = rng.uniform(self._shares[place.low], self._shares[place.high])
        line, text = self._lines[int(np.searchsorted(self._shares, drawn, side="right")) - 1]
        return vary(line, rng), text


def samples(lines: Sequence[LabelledLine], count: int, seed: int) -> list[Sample]:
    """Some lines, as they are read."""
    chosen = np.random.default_rng(seed).permutation(len(lines))[:count]
    return [(to_height(lines[i].pixels()), lines[i].text) for i in chosen]


class LineSource:
    """Draws batches of lines of about the same width, real ones and rendered ones.

    Args:
        data: Which lines, from a recipe.
        root: Folder that its paths are relative to.
        known: Characters; real lines with others are left out.

    Raises:
        InputError: Data are missing.
        UsageError: No lines can be held out.
    """

    def __init__(self, data: DataSection, root: Path, known: Collection[str]) -> None:
        self._data = data
        rest, held = data.split(root, known)
        self.texts = TextSource(load_texts(root / data.synthetic.texts, sorted(data.synthetic.languages)))
        writers = _writers(rest, data) if data.synthetic.pens else []
        self._renderer = LineRenderer(load_faces(root / data.synthetic.fonts), self.texts, writers)
        if not held:
            raise UsageError(
                "No lines can be held out: every source of the recipe's lines has a single group.",
                "Give pages or writers as groups.",
            )
        self._real = RealLines(rest, data.weights)
        self.held = samples(held, data.validation_lines, data.seed)
        self.held_rendered = self._render()

    def _render(self) -> list[Sample]:
        rng = np.random.default_rng((self._data.seed, 2**32 - 1))
        languages = sorted(self._data.synthetic.languages)
        return [self._renderer.draw(languages[i % len(languages)], 30, rng) for i in range(_RENDERED)]

    def batch(self, options: WidthSection, rng: np.random.Generator, *, narrow: bool) -> tuple[list[Sample], int]:
        """Lines of about the same width, each varied, and that width; which ones depends on `rng` alone."""
        place = self._real.place(options, rng, narrow=narrow)
        return [self._sample(place, rng) for _ in range(place.size)], place.width

    def _sample(self, place: Place, rng: np.random.Generator) -> Sample:
        synthetic = self._data.synthetic
        if rng.random() >= synthetic.share:
            return self._real.draw(place, rng)
        names = sorted(synthetic.languages)
        weights = np.array([synthetic.languages[name] for name in names])
        language = str(rng.choice(names, p=weights / weights.sum()))
        return self._renderer.draw(language, max(1, place.width // _PIXELS_A_CHARACTER), rng)


def _writers(lines: Sequence[LabelledLine], data: DataSection) -> list[Writer]:
    reader = embedded("compact")
    network = OpenVinoModel(reader.path)
    return cut_lines(lines, data.synthetic.pens, lambda ink: network(ink)[0][0], reader.charset, data.seed)


def squeeze(line: NDArray[np.uint8], widest: int) -> NDArray[np.uint8]:
    """Narrow a line that would widen its whole batch; a narrower hand is one more hand."""
    if line.shape[1] <= widest:
        return line
    return np.asarray(cv2.resize(line, (widest, line.shape[0]), interpolation=cv2.INTER_AREA), dtype=np.uint8)
