"""Transforms of paper, ink and camera. Each takes RGB pixels (H×W×3) and gives such pixels of the same size."""

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


def paper_colour_shift(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Another paper: in CIE L*a*b*, lightness moves by up to 12 of 100, the two colour axes by up to 10."""
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB).astype(np.float32)
    lab += np.array([rng.uniform(-12, 8) * 2.55, rng.uniform(-6, 6), rng.uniform(-4, 10)], np.float32)
    shifted = np.clip(lab, 0, 255).astype(np.uint8)
    return np.asarray(cv2.cvtColor(shifted, cv2.COLOR_LAB2RGB), dtype=np.uint8)


def gaussian_noise(image: Pixels, rng: np.random.Generator) -> Pixels:
    """A sensor's noise with a spread of 3 to 14 of 255, the same in all colours."""
    noise = rng.normal(0, float(rng.uniform(3, 14)), image.shape[:2])
    return np.clip(image + noise[..., None], 0, 255).astype(np.uint8)


def jpeg_compression(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Saved once as a JPEG of quality 20 to 70."""
    quality = int(rng.integers(20, 71))
    data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.ascontiguousarray(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), dtype=np.uint8)[..., ::-1])


def contrast_gamma(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Contrast times 0.6 to 1.3 about the mean tone, then a gamma of 0.6 to 1.6."""
    tones = np.arange(256, dtype=np.float64)
    mean = float(image.mean())
    tones = np.clip((tones - mean) * rng.uniform(0.6, 1.3) + mean, 0, 255)
    table = (255 * (tones / 255) ** rng.uniform(0.6, 1.6)).astype(np.uint8)
    return np.asarray(cv2.LUT(image, table), dtype=np.uint8)


def morphological_op(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Thicker or thinner strokes, by about a fiftieth of the height; mixed half and half, so that hairlines last."""
    size = max(2, round(image.shape[0] / 50))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    # Dark ink on light paper: eroding the picture widens the strokes.
    changed = (cv2.erode if rng.random() < 0.5 else cv2.dilate)(image, kernel)
    return np.asarray(cv2.addWeighted(image, 0.4, changed, 0.6, 0), dtype=np.uint8)
