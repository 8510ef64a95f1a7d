"""Small data sets."""

import cv2
import numpy as np
import pytest

from manuscribe.datasets.labelled import LabelledLine


def picture(text, ending=".png", height=24):
    """An image that belongs to a text alone: bars of its characters' code points."""
    pixels = np.full((height, 8 + 10 * max(1, len(text)), 3), (228, 236, 240), np.uint8)
    for place, character in enumerate(text):
        top = 3 + ord(character) % (height - 8)
        pixels[top : top + 4, 6 + 10 * place : 12 + 10 * place] = 40 + ord(character) % 32
    return cv2.imencode(ending, pixels)[1].tobytes()


@pytest.fixture
def labelled():
    """Make a line; what is known about it can be given."""

    def make(text="abc", **known):
        return LabelledLine(known.pop("image", None) or picture(text), text, **known)

    return make
