"""Data sets of rendered lines on disk, for those who train elsewhere or want to look at them."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from manuscribe.datasets.labelled import LabelledLine
from manuscribe.datasets.lines import write_lines
from manuscribe.datasets.parquet import count_lines
from manuscribe.datasets.rendering.hands import Face, load_faces
from manuscribe.datasets.rendering.synthetic import LineRenderer
from manuscribe.datasets.rendering.texts import TextSource, load_texts
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
    """Write the files one by one; those that are there already, with all their lines, are kept.

    A file's name holds the seed, a digest of all else that its lines depend on, and its number. How many lines are
    wanted is no part of it: a smaller job's lines are the first of a larger one's.

    Raises:
        InputError: Fonts or texts are missing, or no font has a language's letters.
        OutputError: `out` cannot be written.
        UsageError: A language is not known.
    """
    unknown = sorted(set(job.languages) - set(LANGUAGES))
    if unknown:
        raise UsageError(f"No texts for the language '{unknown[0]}'.", f"Known languages: {', '.join(LANGUAGES)}.")
    faces, texts = load_faces(job.fonts), load_texts(job.texts, job.languages)
    renderer, digest = LineRenderer(faces, TextSource(texts)), _digest(job, faces, texts)
    try:
        out.mkdir(parents=True, exist_ok=True)
        for number in range(job.files):
            path = out / f"synthetic-{job.seed}-{digest}-{number:04d}.parquet"
            if count_lines(path) < _count(job, number):
                write_lines(path, _draw_file(renderer, job, number))
            yield path
    except OSError as error:
        raise OutputError(f"{out} cannot be written: {error.strerror or error}.", "Name another folder.") from error


def _digest(job: Rendering, faces: Sequence[Face], texts: Mapping[str, Sequence[str]]) -> str:
    fonts = [(face.path.name, face.language, face.path.stat().st_size) for face in faces]
    told = json.dumps([job.languages, job.length, fonts, texts])
    return hashlib.blake2b(told.encode(), digest_size=4).hexdigest()


def _count(job: Rendering, number: int) -> int:
    return min(LINES_A_FILE, job.lines - number * LINES_A_FILE)


def _draw_file(renderer: LineRenderer, job: Rendering, number: int) -> list[LabelledLine]:
    rng = np.random.default_rng((job.seed, number))
    first = number * LINES_A_FILE
    return [
        _draw(renderer, job.languages[(first + i) % len(job.languages)], job, f"{job.seed}-{number}", rng)
        for i in range(_count(job, number))
    ]


def _draw(renderer: LineRenderer, language: str, job: Rendering, group: str, rng: np.random.Generator) -> LabelledLine:
    pixels, text = renderer.draw(language, int(rng.integers(1, job.length + 1)), rng)
    encoded = cv2.imencode(".png", pixels)[1].tobytes()
    return LabelledLine(encoded, text, "synthetic", group, group, language)
