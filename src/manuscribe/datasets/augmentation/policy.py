"""Which transforms a line goes through, how many, and how often."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from manuscribe.datasets.augmentation import geometric, photometric
from manuscribe.datasets.labelled import LabelledLine
from manuscribe.errors import UsageError

Pixels = NDArray[np.uint8]
Transform = Callable[[Pixels, np.random.Generator], Pixels]

GEOMETRIC: Mapping[str, Transform] = {
    "MarginManipulation": geometric.margin_manipulation,
    "Rotation": geometric.rotation,
    "ElasticDistortion": geometric.elastic_distortion,
    "BaselineWarp": geometric.baseline_warp,
}
PHOTOMETRIC: Mapping[str, Transform] = {
    "PaperColourShift": photometric.paper_colour_shift,
    "GaussianNoise": photometric.gaussian_noise,
    "JpegCompression": photometric.jpeg_compression,
    "ContrastGamma": photometric.contrast_gamma,
    "MorphologicalOp": photometric.morphological_op,
}
_TRANSFORMS = {**GEOMETRIC, **PHOTOMETRIC}
_QUALITY = 90


class Policy(BaseModel):
    """How lines are varied.

    Attributes:
        variants: New images of each line, beside the line itself.
        geometric: Least and most transforms of shape that a variant goes through.
        photometric: The same of paper, ink and camera.
        transforms: The transforms that are drawn from, evenly.
        by_label: Others for lines of some labels, e.g. gentler ones for dates.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    variants: int = Field(default=10, ge=1, le=1000)
    geometric: tuple[int, int] = (1, 1)
    photometric: tuple[int, int] = (1, 2)
    transforms: tuple[str, ...] = tuple(_TRANSFORMS)
    by_label: Mapping[str, tuple[str, ...]] = {}

    @field_validator("geometric", "photometric")
    @classmethod
    def _rising(cls, value: tuple[int, int]) -> tuple[int, int]:
        if not 0 <= value[0] <= value[1]:
            raise ValueError("give the least and the most, such as [1, 2]")
        return value

    @model_validator(mode="after")
    def _known(self) -> "Policy":
        for names in (self.transforms, *self.by_label.values()):
            if unknown := set(names) - _TRANSFORMS.keys():
                raise ValueError(f"unknown transform {min(unknown)}; known: {', '.join(_TRANSFORMS)}")
            for kind, group in (("geometric", GEOMETRIC), ("photometric", PHOTOMETRIC)):
                if len(group.keys() & set(names)) < getattr(self, kind)[0]:
                    raise ValueError(f"too few {kind} transforms in {', '.join(names) or 'an empty list'}")
        return self

    def vary(self, image: Pixels, label: str, rng: np.random.Generator) -> Pixels:
        """One variant of a line image (RGB, H×W×3); which one depends on `rng` alone."""
        allowed = self.by_label.get(label, self.transforms)
        for group, (least, most) in ((GEOMETRIC, self.geometric), (PHOTOMETRIC, self.photometric)):
            names = [name for name in group if name in allowed]
            count = int(rng.integers(least, min(most, len(names)) + 1)) if names else 0
            for index in rng.choice(len(names), count, replace=False) if count else ():
                image = group[names[index]](image, rng)
        return image


PRESETS: Mapping[str, dict[str, Any]] = {
    # trocr-kgb-archive: ten offline variants a crop, each one geometric and one or two photometric, drawn evenly.
    "kgb": {"variants": 10, "geometric": (1, 1), "photometric": (1, 2)},
}


def preset(name: str) -> Policy:
    """A policy by its name.

    Raises:
        UsageError: There is none of that name.
    """
    if name not in PRESETS:
        raise UsageError(f"There is no policy '{name}'.", f"Use one of {', '.join(PRESETS)}.")
    return Policy(**PRESETS[name])


def augmented(lines: Sequence[LabelledLine], policy: Policy, seed: int) -> Iterator[LabelledLine]:
    """Every line, each followed by its variants; only lines to learn from get any.

    A line's variants depend on seed and on its place in the data set.

    Raises:
        InputError: An image cannot be read.
        UsageError: A line has no split: divided later, its variants would come to stand on both sides.
    """
    if any(not line.split for line in lines):
        raise UsageError("Some lines have no split.", "Divide them first: manuscribe data split.")
    for number, line in enumerate(lines):
        yield line
        if line.split != "train":
            continue
        image = line.rgb()
        for variant in range(policy.variants):
            varied = policy.vary(image, line.label, np.random.default_rng((seed, number, variant)))
            data = cv2.imencode(".webp", varied[..., ::-1], [cv2.IMWRITE_WEBP_QUALITY, _QUALITY])[1]
            yield replace(line, image=data.tobytes())
