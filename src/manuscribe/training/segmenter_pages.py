"""Scenes for training the segmenter: pages with ground truth, bent, lit and laid out as photographers do."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from manuscribe.document.model import Line
from manuscribe.errors import InputError
from manuscribe.formats.reading import read_document
from manuscribe.segmentation.maps import LONG_SIDE, STRIDE

Floats = npt.NDArray[np.floating[Any]]
Grey = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class TrueLine:
    """A baseline (N×2, pixels, in writing direction) with the heights of the writing above and below it."""

    baseline: Floats
    ascender: float
    descender: float


@dataclass(frozen=True)
class TruePage:
    """A grey page, its lines, and the source it comes from (its file's name up to the first underscore)."""

    pixels: Grey
    lines: tuple[TrueLine, ...]
    source: str


def load_pages(folder: Path) -> list[TruePage]:
    """Read every PAGE or ALTO file of a folder with the JPEG beside it, in the order of their names.

    XML without an image of its name, such as the METS.xml of an export, is left out.

    Raises:
        InputError: There is none, or a file is broken.
    """
    files = [file for file in sorted(folder.glob("*.xml")) if file.with_suffix(".jpg").is_file()]
    if not files:
        raise InputError(
            f"No PAGE or ALTO files with JPEG images beside them in {folder}.",
            "Set data.folder to a folder of pages with ground truth.",
        )
    return [_load_page(file) for file in files]


def _load_page(file: Path) -> TruePage:
    image = file.with_suffix(".jpg")
    pixels = cv2.imread(str(image), cv2.IMREAD_GRAYSCALE)
    if pixels is None:
        raise InputError(f"The image {image} is broken.", "Copy it again.")
    lines = [true for page in read_document(file) for line in page.lines if (true := _true_line(line))]
    return TruePage(pixels.astype(np.uint8), tuple(lines), file.stem.split("_")[0])


def _true_line(line: Line) -> TrueLine | None:
    baseline = np.array(line.baseline or (), np.float32).reshape(-1, 2)
    polygon = np.array(line.polygon or (), np.float32).reshape(-1, 2)
    if len(baseline) < 2 or len(polygon) < 3:
        return None
    if baseline[0, 0] > baseline[-1, 0]:
        baseline = baseline[::-1].copy()
    run, rise = np.abs(baseline[-1] - baseline[0])
    if rise > 2 * run:  # Written vertically: not what this segmenter is for.
        return None
    ascender, descender = _heights(baseline, polygon)
    return TrueLine(baseline, ascender, descender)


def _heights(baseline: Floats, polygon: Floats) -> tuple[float, float]:
    """How far the polygon reaches above and below the baseline in 97 of 100 columns."""
    # The rest are rare flourishes.
    left, top = polygon.min(axis=0).astype(int)
    width, height = (np.ptp(polygon, axis=0) + 2).astype(int)
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [np.round(polygon - (left, top)).astype(np.int32)], 1)
    columns = np.flatnonzero(mask.any(axis=0))
    upper = mask.argmax(axis=0)[columns]
    lower = height - 1 - mask[::-1].argmax(axis=0)[columns]
    base = np.interp(columns + left, baseline[:, 0], baseline[:, 1]) - top
    ascender, descender = (float(np.percentile(edge, 97)) for edge in (base - upper, lower - base))
    return max(4.0, ascender), max(2.0, descender)


@dataclass(frozen=True)
class Scene:
    """One training example.

    Attributes:
        pixels: H×W grey.
        targets: 4×H/2×W/2: baseline and end in {0, 1}, logarithms of the heights (0 off the baselines).
    """

    pixels: Grey
    targets: Floats


@dataclass(frozen=True)
class _Warp:
    """From the scene to a page: an affine map after a gentle vertical wave."""

    matrix: Floats
    amplitude: float
    frequency: Floats
    phase: float

    def grid(self, size: int) -> tuple[Floats, Floats]:
        y, x = np.mgrid[:size, :size].astype(np.float32)
        y += self._wave(x, y)
        m = self.matrix
        return m[0, 0] * x + m[0, 1] * y + m[0, 2], m[1, 0] * x + m[1, 1] * y + m[1, 2]

    def to_scene(self, points: Floats) -> Floats:
        inverse = cv2.invertAffineTransform(self.matrix)
        moved = points @ inverse[:, :2].T + inverse[:, 2]
        y = moved[:, 1].copy()
        for _ in range(3):  # Fixed point of y + wave(x, y) = moved.
            y = moved[:, 1] - self._wave(moved[:, 0], y)
        return np.stack([moved[:, 0], y], axis=1).astype(np.float32)

    def _wave(self, x: Floats, y: Floats) -> Floats:
        angle = self.frequency[0] * x + self.frequency[1] * y + self.phase
        return np.asarray(self.amplitude * np.sin(angle), np.float32)


def compose(pages: Sequence[TruePage], weights: Floats, size: int, random: np.random.Generator) -> Scene:
    """Make one example: a crop of a page or of two side by side, on a desk, sometimes of nothing at all.

    Args:
        pages: Where to take them from.
        weights: Probability of each page.
        size: Sides of the crop in pixels.
        random: Decides everything.
    """
    pixels = background(size, random)
    targets = np.zeros((4, size // STRIDE, size // STRIDE), np.float32)
    if random.random() < 0.05:
        return Scene(light(_nothing(pixels, random), random), targets)
    first, second = (pages[i] for i in random.choice(len(pages), 2, p=weights))
    warp = _random_warp(first, size, random)
    _lay(first, warp, pixels, targets)
    if random.random() < 0.25:
        _lay(second, _beside(warp, first, second, random), pixels, targets)
    if random.random() < 0.1:
        _shine_through(second, warp, pixels, random)
    return Scene(light(pixels, random), targets)


def _random_warp(page: TruePage, size: int, random: np.random.Generator) -> _Warp:
    height, width = page.pixels.shape
    scale = LONG_SIDE / max(height, width) * np.exp(random.uniform(np.log(0.6), np.log(1.6)))
    angle = np.radians(random.normal(0, 2) if random.random() < 0.8 else random.uniform(-10, 10))
    stretch, shear = np.exp(random.normal(0, 0.08)), random.normal(0, 0.03)
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / scale
    matrix = matrix @ np.array([[stretch, shear], [0, 1 / stretch]])
    # Somewhere on the page, rarely mostly beside it.
    target = (np.array([width, height]) * random.uniform(0.1, 0.9, 2)).astype(np.float32)
    offset = target - matrix @ np.array([size / 2, size / 2])
    bent = random.random() < 0.4
    frequency = np.array([random.uniform(2, 9), random.uniform(0, 3)], np.float32) / size
    amplitude = random.uniform(0, 0.8) / frequency.max() * 0.12 if bent else 0.0
    whole = np.hstack([matrix, offset[:, None]]).astype(np.float32)
    return _Warp(whole, float(amplitude), frequency, random.uniform(0, 6.28))


def _beside(warp: _Warp, first: TruePage, second: TruePage, random: np.random.Generator) -> _Warp:
    """The second page to the right of the first, or to its left, as high as it."""
    zoom = second.pixels.shape[0] / first.pixels.shape[0]
    gap = random.uniform(-0.02, 0.03) * first.pixels.shape[1]
    to_the_right = -(first.pixels.shape[1] + gap) * zoom
    to_the_left = second.pixels.shape[1] + gap * zoom
    shift = to_the_right if random.random() < 0.5 else to_the_left
    matrix = warp.matrix * zoom
    matrix[0, 2] += shift
    return _Warp(matrix.astype(np.float32), warp.amplitude, warp.frequency, warp.phase)


def _lay(page: TruePage, warp: _Warp, pixels: Grey, targets: Floats) -> None:
    x, y = warp.grid(len(pixels))
    cv2.remap(page.pixels, x, y, cv2.INTER_LINEAR, dst=pixels, borderMode=cv2.BORDER_TRANSPARENT)
    zoom = 1 / np.sqrt(abs(np.linalg.det(warp.matrix[:, :2])))
    for line in page.lines:
        points = warp.to_scene(_dense(line.baseline))
        if (points.max(axis=0) < -50).any() or (points.min(axis=0) > len(pixels) + 50).any():
            continue
        draw(targets, TrueLine(points, line.ascender * zoom, line.descender * zoom))


def _dense(baseline: Floats, step: float = 24) -> Floats:
    """More points, so that a wave can bend the line."""
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(baseline, axis=0), axis=1))])
    at = np.linspace(0, along[-1], max(2, int(along[-1] / step) + 1))
    columns = [np.interp(at, along, baseline[:, axis]) for axis in (0, 1)]
    return np.stack(columns, axis=1).astype(np.float32)


def draw(targets: Floats, line: TrueLine) -> None:
    """Draw a line, in pixels of the network's input, into its targets (see `Scene.targets`)."""
    height = line.ascender + line.descender
    thickness = 2 if height < 30 else 3 if height < 70 else 4
    cells = (line.baseline / STRIDE * 16).round().astype(np.int32)
    values = (1.0, None, np.log(line.ascender), np.log(line.descender))
    for target, value in zip(targets, values, strict=True):
        if value is not None:
            cv2.polylines(target, [cells], False, float(value), thickness, cv2.LINE_8, 4)
    for x, y in line.baseline[[0, -1]]:
        top, foot = (x, y - 0.6 * line.ascender), (x, y + 0.6 * line.descender)
        ends = [tuple(int(v / STRIDE * 16) for v in point) for point in (top, foot)]
        cv2.line(targets[1], ends[0], ends[1], 1.0, 3, cv2.LINE_8, 4)


def background(size: int, random: np.random.Generator) -> Grey:
    """A desk, a cloth or empty paper: a tone with stains, grain and sometimes streaks as of wood."""
    tone = random.uniform(20, 245)
    stains = _noise(size, int(random.integers(2, 12)), random) * random.uniform(0, 25)
    streaks = cv2.resize(
        random.normal(0, 1, (int(random.integers(2, 200)), 3)), (size, size), interpolation=cv2.INTER_CUBIC
    )
    grain = _noise(size, size // 2, random) * random.uniform(0, 12)
    surface = tone + stains + streaks * random.choice([0.0, 0.0, 8.0, 20.0]) + grain
    if random.random() < 0.5:
        surface = surface.T
    return np.ascontiguousarray(np.clip(surface, 0, 255).astype(np.uint8))


def _nothing(pixels: Grey, random: np.random.Generator) -> Grey:
    """An empty surface, a ruled one or mere noise, coarse or fine."""
    kind = random.choice(["empty", "ruled", "noise"])
    if kind == "ruled":
        _rule(pixels, random)
    if kind == "noise":
        size = len(pixels)
        pixels = np.clip(
            pixels + _noise(size, size // int(random.integers(1, 9)), random) * random.uniform(10, 90), 0, 255
        )
    return pixels.astype(np.uint8)


def _rule(pixels: Grey, random: np.random.Generator) -> None:
    """Draw writing lines, sometimes with columns."""
    size, ink = len(pixels), float(np.clip(pixels.mean() + random.uniform(-120, 60), 0, 255))
    slope, distance = random.normal(0, 0.02), int(random.integers(14, 70))
    for y in range(int(random.integers(0, distance)), size, distance):
        cv2.line(pixels, (0, y), (size, int(y + slope * size)), ink, int(random.integers(1, 3)), cv2.LINE_AA)
    for x in random.integers(0, size, int(random.integers(0, 5))):
        cv2.line(pixels, (int(x), 0), (int(x - slope * size), size), ink, 2, cv2.LINE_AA)


def _shine_through(page: TruePage, warp: _Warp, pixels: Grey, random: np.random.Generator) -> None:
    x, y = warp.grid(len(pixels))
    mirrored = np.ascontiguousarray(page.pixels[:, ::-1])
    back = cv2.remap(mirrored, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=255.0)
    ink = np.maximum(np.median(back) - cv2.GaussianBlur(back, (0, 0), 1.2), 0)
    pixels[:] = np.maximum(pixels - ink * random.uniform(0.1, 0.35), 0)


def light(pixels: Grey, random: np.random.Generator) -> Grey:
    """Change contrast, gamma, light, focus and grain as cameras and scanners do; now and then a negative."""
    if random.random() < 0.25:
        pixels = np.asarray(cv2.GaussianBlur(pixels, (0, 0), random.uniform(0.4, 1.4)), np.uint8)
    tones = np.linspace(0, 1, 256) ** np.exp(random.normal(0, 0.35))
    contrast = random.uniform(0.35, 1.0) if random.random() < 0.5 else 1.0
    tones = random.uniform(0, 1 - contrast) + contrast * tones
    result = tones.astype(np.float32)[pixels]
    size = len(pixels)
    if random.random() < 0.5:
        result *= 1 + _noise(size, 3, random) * random.uniform(0, 0.25)
    if random.random() < 0.5:
        result += _noise(size, size, random) * random.uniform(0, 0.06)
    if random.random() < 0.06:
        result = 1 - result
    return np.asarray(np.clip(result, 0, 1) * 255, np.uint8)


def _noise(size: int, cells: int, random: np.random.Generator) -> Floats:
    coarse = random.standard_normal((cells, cells), dtype=np.float32)
    return np.asarray(cv2.resize(coarse, (size, size), interpolation=cv2.INTER_LINEAR), np.float32)
