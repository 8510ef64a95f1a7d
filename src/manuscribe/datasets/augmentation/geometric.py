"""Transforms of the writing's shape. Each takes RGB pixels (H×W×3) and gives such pixels.

What comes new into the picture is plain paper: continuing the border would draw letters that touch it out to lines.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


def margin_manipulation(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Cut off or add paper on every side: up to 4 % of the height is cut, up to 20 % added."""
    height, width = image.shape[:2]
    top, foot, left, right = (round(height * float(share)) for share in rng.uniform(-0.04, 0.2, 4))
    left, right = max(left, -(width // 8)), max(right, -(width // 8))  # of something high and narrow
    inner = image[max(0, -top) : height - max(0, -foot), max(0, -left) : width - max(0, -right)]
    top, foot, left, right = (max(0, side) for side in (top, foot, left, right))
    return _framed(inner, (top, foot, left, right), _paper(image))


def rotation(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Turn by 1 to 5 degrees, either way; the picture grows so that nothing is lost.

    Long lines turn less: no end rises by more than half the height.
    """
    height, width = image.shape[:2]
    most = min(5.0, float(np.degrees(np.arctan(height / max(1, width)))))
    angle = float(rng.uniform(min(1.0, most), most)) * (1 if rng.random() < 0.5 else -1)
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0)
    cosine, sine = abs(matrix[0, 0]), abs(matrix[0, 1])
    size = round(width * cosine + height * sine), round(height * cosine + width * sine)
    matrix[:, 2] += (size[0] - width) / 2, (size[1] - height) / 2
    return np.asarray(cv2.warpAffine(image, matrix, size, borderValue=_paper(image)), dtype=np.uint8)


def elastic_distortion(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Move every point by a smooth random field of up to about 4 % of the height (Simard et al., ICDAR 2003)."""
    height, width = image.shape[:2]
    cells = 3, max(3, round(3 * width / height))
    fields = (rng.normal(0, 0.02 * height, cells).astype(np.float32) for _ in range(2))
    across, down = (cv2.resize(field, (width, height), interpolation=cv2.INTER_CUBIC) for field in fields)
    return _moved(image, np.asarray(across), np.asarray(down))


def baseline_warp(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Let the line rise and fall like a wave of 5 to 12 % of the height, half to two waves long."""
    height, width = image.shape[:2]
    waves, phase = float(rng.uniform(0.5, 2)), float(rng.uniform(0, 2 * np.pi))
    heave = height * float(rng.uniform(0.05, 0.12))
    down = (heave * np.sin(2 * np.pi * waves * np.arange(width) / width + phase)).astype(np.float32)
    room = int(np.ceil(heave))
    taller = _framed(image, (room, room, 0, 0), _paper(image))
    rise = np.broadcast_to(down, taller.shape[:2])
    return _moved(taller, np.zeros(taller.shape[:2], np.float32), rise)


def _moved(image: Pixels, across: NDArray[np.float32], down: NDArray[np.float32]) -> Pixels:
    height, width = image.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    moved = cv2.remap(image, x + across, y + down, cv2.INTER_LINEAR, borderValue=_paper(image))
    return np.asarray(moved, dtype=np.uint8)


def _paper(image: Pixels) -> tuple[float, ...]:
    """The tone of the border, of which ink is the lesser part."""
    border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    return tuple(float(tone) for tone in np.median(border, axis=0))


def _framed(image: Pixels, sides: tuple[int, int, int, int], paper: tuple[float, ...]) -> Pixels:
    """Paper added at the top, the foot, left and right."""
    top, foot, left, right = sides
    framed = cv2.copyMakeBorder(image, top, foot, left, right, cv2.BORDER_CONSTANT, value=paper)
    return np.asarray(framed, dtype=np.uint8)
