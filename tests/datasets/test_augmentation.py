"""Transforms keep the writing, differ each time, and come out the same for the same seed."""

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from manuscribe.datasets.augmentation.policy import GEOMETRIC, PHOTOMETRIC, Policy, augmented, preset
from manuscribe.errors import UsageError

TRANSFORMS = {**GEOMETRIC, **PHOTOMETRIC}


def written(height=64, width=600):
    """A line of strokes on toned paper."""
    pixels = np.full((height, width, 3), (235, 228, 210), np.uint8)
    for x in range(20, width - 20, 30):
        cv2.line(pixels, (x, height // 4), (x + 8, height * 3 // 4), (40, 30, 60), 3)
    return pixels


def strokes(pixels):
    """How many separate strokes there are."""
    grey = cv2.GaussianBlur(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), (0, 0), 1.2)
    ink = cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY_INV | cv2.THRESH_OTSU)[1]
    areas = cv2.connectedComponentsWithStats(ink)[2][1:, cv2.CC_STAT_AREA]
    return int((areas > 20).sum())


@pytest.mark.parametrize("name", TRANSFORMS)
def test_every_transform_changes_the_picture_and_keeps_the_strokes(name):
    before = written()
    for seed in range(8):
        after = TRANSFORMS[name](before, np.random.default_rng(seed))
        assert after.dtype == np.uint8
        assert after.ndim == 3
        assert after.shape != before.shape or (after != before).any()
        assert strokes(after) == strokes(before)
        again = TRANSFORMS[name](before, np.random.default_rng(seed))
        assert np.array_equal(after, again)
        if name in PHOTOMETRIC:
            assert after.shape == before.shape


@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.parametrize("size", [(1, 1), (3, 2), (2, 90), (300, 4)])
def test_images_of_any_size_go_through(name, size):
    for seed in range(4):
        after = TRANSFORMS[name](np.full((*size, 3), 200, np.uint8), np.random.default_rng(seed))
        assert after.size


@pytest.mark.parametrize("name", GEOMETRIC)
def test_what_is_new_in_the_picture_is_paper(name):
    # Letters that touch the border would be drawn out if the border were continued.
    before = np.full((60, 300, 3), 220, np.uint8)
    before[:, 100:104] = before[:, 200:204] = 30
    for seed in range(6):
        after = GEOMETRIC[name](before, np.random.default_rng(seed))
        ink = (after.mean(axis=2) < 120).sum()
        assert ink <= 1.06 * 60 * 8


def test_long_lines_turn_so_little_that_they_stay_lines():
    after = GEOMETRIC["Rotation"](written(64, 2000), np.random.default_rng(0))
    assert after.shape[0] < 3 * 64


def test_the_kgb_policy_gives_ten_variants_of_lines_to_learn_from_alone(labelled):
    lines = [
        labelled("learnt", split="train", group="g"),
        labelled("held", split="validation"),
        labelled("kept", split="test"),
    ]
    made = list(augmented(lines, preset("kgb"), seed=3))
    assert [line.text for line in made] == ["learnt"] * 11 + ["held", "kept"]
    assert len({line.encoded() for line in made}) == 13
    assert {(line.split, line.group) for line in made[:11]} == {("train", "g")}
    assert made[:12] == list(augmented(lines[:2], preset("kgb"), seed=3))
    assert made[1] != next(iter(list(augmented(lines, preset("kgb"), seed=4))[1:]))


def test_labels_may_have_transforms_of_their_own():
    policy = Policy(geometric=(1, 1), photometric=(0, 0), by_label={"date": ("MarginManipulation",)})
    for seed in range(10):
        rng, alone = np.random.default_rng(seed), np.random.default_rng(seed)
        after = policy.vary(written(), "date", rng)
        alone.integers(1, 2)
        alone.choice(1, 1, replace=False)
        assert np.array_equal(after, GEOMETRIC["MarginManipulation"](written(), alone))


@pytest.mark.parametrize(
    "wrong",
    [
        {"transforms": ("Blur",)},
        {"transforms": ("Rotation",)},
        {"by_label": {"date": ("GaussianNoise",)}},
        {"geometric": (2, 1)},
        {"variants": 0},
        {"colour": True},
    ],
)
def test_policies_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValidationError):
        Policy(**wrong)


def test_an_unknown_policy_is_named():
    with pytest.raises(UsageError, match="kgb"):
        preset("cia")


def test_lines_that_are_not_divided_get_no_variants(labelled):
    with pytest.raises(UsageError, match="Divide them first"):
        list(augmented([labelled("a", split="train"), labelled("b")], preset("kgb"), seed=0))
