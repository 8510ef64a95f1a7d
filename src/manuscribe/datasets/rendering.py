"""Data sets of rendered lines on disk, for those who train elsewhere or want to look at them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from manuscribe.datasets.lines import LabelledLine, write_lines
from manuscribe.datasets.synthetic import LineRenderer, load_faces
from manuscribe.datasets.texts import TextSource, load_texts
from manuscribe.errors import OutputError, UsageError
from manuscribe.text.charset import LANGUAGES

LINES_A_FILE = 1000


@dataclass(frozen=True, slots=True)
class Rendering:
    """What to render. `length` is the longest text in characters; languages take turns."""

    fonts: Path
    texts: Path
    languages: tuple[str, ...]
    lines: int
    length: int = 70
    seed: int = 0

    @property
    def files(self) -> int:
        """Parquet files that the lines fill."""
        return -(-self.lines // LINES_A_FILE)


def render(job: Rendering, out: Path) -> Iterator[Path]:
    """Write the files one by one; those that are there already are kept, for each depends only on seed and number.

    Raises:
        InputError: Fonts or texts are missing.
        OutputError: `out` cannot be written.
        UsageError: A language is not known.
    """
    unknown = sorted(set(job.languages) - set(LANGUAGES))
    if unknown:
        raise UsageError(f"No texts for the language '{unknown[0]}'.", f"Known languages: {', '.join(LANGUAGES)}.")
    renderer = LineRenderer(load_faces(job.fonts), TextSource(load_texts(job.texts, job.languages)))
    try:
        out.mkdir(parents=True, exist_ok=True)
        for number in range(job.files):
            path = out / f"synthetic-{job.seed}-{number:04d}.parquet"
            if not path.exists():
                write_lines(path, _draw_file(renderer, job, number))
            yield path
    except OSError as error:
        raise OutputError(f"{out} cannot be written: {error.strerror or error}.", "Name another folder.") from error


def _draw_file(renderer: LineRenderer, job: Rendering, number: int) -> list[LabelledLine]:
    rng = np.random.default_rng((job.seed, number))
    first = number * LINES_A_FILE
    count = min(LINES_A_FILE, job.lines - first)
    return [
        _draw(renderer, job.languages[(first + i) % len(job.languages)], job, f"{job.seed}-{number}", rng)
        for i in range(count)
    ]


def _draw(renderer: LineRenderer, language: str, job: Rendering, group: str, rng: np.random.Generator) -> LabelledLine:
    pixels, text = renderer.draw(language, int(rng.integers(1, job.length + 1)), rng)
    encoded = cv2.imencode(".png", pixels)[1].tobytes()
    return LabelledLine(encoded, text, "synthetic", group, group, language)
