"""Online variation of line images, so that no line is seen twice the same."""

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]


def vary(line: Grey, rng: np.random.Generator) -> Grey:
    """A grey H×W line as another pen, hand or camera might have given it; the height stays, the width may change."""
    line = _skew(line, rng)
    if rng.random() < 0.5:
        line = _bend(line, rng)
    if rng.random() < 0.25:
        line = _thicken_or_thin(line, rng)
    return _expose(line, rng)


def reframe(line: Grey, rng: np.random.Generator) -> Grey:
    """A grey line as others might have cut it out and kept it: far off, sloping, shadowed, compressed, without greys.

    The height stays, and most lines stay as they are.
    """
    if rng.random() < 0.35:
        line = _further_off(line, rng)
    if rng.random() < 0.15:
        light = np.linspace(1.0, rng.uniform(0.45, 1.0), line.shape[1])[:: 1 if rng.random() < 0.5 else -1]
        line = np.asarray(line * light, np.uint8)
    if rng.random() < 0.1:
        quality = int(rng.integers(15, 60))
        line = np.asarray(cv2.imdecode(cv2.imencode(".jpg", line, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], 0), np.uint8)
    if rng.random() < 0.08:
        line = np.asarray(cv2.threshold(line, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)[1], np.uint8)
    return line


def _further_off(line: Grey, rng: np.random.Generator) -> Grey:
    """The line smaller in its picture, sloping, and perhaps with parts of the lines above and below."""
    height, width = line.shape
    zoom = float(rng.uniform(0.6, 1.0))
    size = max(8, round(width * zoom)), height
    most = (1 - zoom) * height / 2 + 2
    rise = float(rng.uniform(-most, most)) if width > 2 * height else 0.0
    down = height / 2 * (1 - zoom) + float(rng.uniform(-0.5, 0.5)) * most
    paper = float(np.percentile(line[::4, ::4], 85))
    matrix = np.array([[zoom, 0, 0], [rise / width, zoom, down - rise / 2]], np.float32)
    # Shrunk by less than half, so that plain interpolation leaves no letter's stroke out.
    small = cv2.warpAffine(line, matrix, size, flags=cv2.INTER_LINEAR, borderValue=paper)
    if zoom < 0.9 and rng.random() < 0.5:
        other, distance = np.roll(line, int(rng.integers(width)), axis=1), float(rng.uniform(40, 54))
        for way in (-distance, distance):
            shifted = matrix + np.array([[0, 0, 0], [0, 0, way]], np.float32)
            there = cv2.warpAffine(other, shifted, size, flags=cv2.INTER_LINEAR, borderValue=paper)
            small = np.minimum(small, there)
    return np.asarray(small, np.uint8)


def mask_columns(ink: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Blank a few strips of an ink line, so that the network learns to read from context (span masking, HTR-VT)."""
    ink = ink.copy()
    for _ in range(int(rng.integers(1, 2 + ink.shape[1] // 200))):
        start, length = int(rng.integers(ink.shape[1])), int(rng.integers(4, 22))
        ink[:, start : start + length] = 0
    return ink


def _skew(line: Grey, rng: np.random.Generator) -> Grey:
    height, width = line.shape
    slant = float(rng.normal(0, 0.15))
    scale_x, scale_y = float(rng.uniform(0.8, 1.2)), float(rng.uniform(0.85, 1.12))
    tilt = float(np.clip(rng.normal(0, 0.006), -3 / max(width, 1), 3 / max(width, 1)))
    baseline = 0.72 * height
    matrix = np.array(
        [
            [scale_x, -slant, slant * baseline + rng.uniform(0, 4)],
            [tilt, scale_y, baseline * (1 - scale_y) + rng.normal(0, 2) - tilt * width / 2],
        ],
        dtype=np.float32,
    )
    size = (max(8, round(width * scale_x) + 4), height)
    return np.asarray(
        cv2.warpAffine(line, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE),
        dtype=np.uint8,
    )


def _bend(line: Grey, rng: np.random.Generator) -> Grey:
    height, width = line.shape
    grid = (4, max(3, width // int(rng.integers(16, 48))))
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    for plane, strength in ((x, 1.5), (y, 1.2)):
        shifts = rng.normal(0, strength, grid).astype(np.float32)
        plane += cv2.resize(shifts, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.remap(line, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), dtype=np.uint8)


def _thicken_or_thin(line: Grey, rng: np.random.Generator) -> Grey:
    kernel = np.ones((2, 2) if rng.random() < 0.5 else (3, 1), np.uint8)
    # Dark ink on light paper: eroding the picture widens the strokes.
    return np.asarray((cv2.erode if rng.random() < 0.6 else cv2.dilate)(line, kernel), dtype=np.uint8)


def _expose(line: Grey, rng: np.random.Generator) -> Grey:
    table = (np.arange(256) / 255.0) ** rng.uniform(0.7, 1.5)
    table = table * rng.uniform(0.6, 1.0) + rng.uniform(0, 0.1)
    exposed = cv2.LUT(line, np.clip(table * 255, 0, 255).astype(np.uint8))
    if rng.random() < 0.25:
        exposed = cv2.GaussianBlur(exposed, (0, 0), float(rng.uniform(0.4, 1.2)))
    if rng.random() < 0.3:
        noise = rng.integers(-12, 13, exposed.shape, dtype=np.int16)
        exposed = np.clip(exposed + noise, 0, 255).astype(np.uint8)
    return np.asarray(exposed, dtype=np.uint8)
