"""Negatives are told from what is dark for other reasons, and scans in black and white from those with greys."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from manuscribe.images.tones import is_negative, softened

EXAMPLES = Path(__file__).parents[2] / "examples"
LETTER = np.asarray(Image.open(EXAMPLES / "letter.jpg").convert("RGB"))


def on_a_dark_table(image: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.copyMakeBorder(image, 300, 300, 300, 300, cv2.BORDER_CONSTANT, value=(20, 20, 25)))


@pytest.mark.parametrize(
    "image",
    [
        LETTER,
        LETTER // 4,
        on_a_dark_table(LETTER),
        np.full((300, 200, 3), 255, np.uint8),
        np.zeros((300, 200), np.uint8),
        np.zeros((1, 1), np.uint8),
        np.full((2000, 1), 9, np.uint8),
        np.random.default_rng(0).integers(0, 256, (400, 300), np.uint8),
    ],
)
def test_no_negatives(image: np.ndarray) -> None:
    assert not is_negative(image)


def test_negatives() -> None:
    assert is_negative(255 - LETTER)
    assert is_negative(255 - on_a_dark_table(LETTER))
    assert all(
        is_negative(255 - np.asarray(Image.open(path).convert("L")))
        for path in sorted((EXAMPLES / "letter-lines").glob("*.webp"))
    )


@pytest.mark.parametrize(
    "image", [LETTER, LETTER[..., 0], LETTER // 4, np.random.default_rng(0).integers(0, 9, (40, 30), np.uint8)]
)
def test_scans_with_greys_stay_as_they_are(image: np.ndarray) -> None:
    assert softened(image, 2) is image


@pytest.mark.parametrize("paper", [(255, 255, 255), (230, 225, 190)])
def test_scans_in_two_tones_get_soft_edges(paper: tuple[int, ...]) -> None:
    ink = LETTER[..., 1:2] < 120
    image = np.where(ink, np.uint8(0), np.array(paper, np.uint8))
    for sharp in (image, np.ascontiguousarray(image[..., 0])):
        soft = softened(sharp, 0.8)
        assert soft.shape == sharp.shape
        assert len(np.unique(soft)) > 100
        assert abs(float(soft.mean()) - float(sharp.mean())) < 0.5


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (300, 200, 3)])
def test_blank_paper_stays_blank(shape: tuple[int, ...]) -> None:
    assert (softened(np.full(shape, 255, np.uint8), 0.8) == 255).all()
