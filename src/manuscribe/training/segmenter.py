"""Training the embedded segmenter: its recipe, what it learns, and the file it is deployed as."""

import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field
from safetensors.torch import load_file

from manuscribe.errors import ModelError, UsageError
from manuscribe.segmentation.maps import CHANNELS, MULTIPLE, STRIDE, prepare
from manuscribe.training.export import export_onnx, write_card
from manuscribe.training.form import NetworkForm, Section
from manuscribe.training.segmenter_network import SegmenterNetwork
from manuscribe.training.segmenter_pages import Scene, TrueLine, TruePage, compose, draw, load_pages

_SAMPLES = 12
"""Pages at most by which it is measured what range values have."""


class SegmenterData(Section):
    """What it is trained on.

    Attributes:
        folder: JPEG images with PAGE XML files beside them, relative to the recipe's root.
        held_out: Pages of each source, the first by name, that are only evaluated on.
        crop: Sides of a training example in pixels.
        batch: Examples in one step.
    """

    folder: Path
    held_out: int = Field(default=2, ge=1)
    crop: int = Field(default=768, gt=0, multiple_of=MULTIPLE)
    batch: int = Field(default=2, gt=0)
    seed: int = 0


class SegmenterShape(Section):
    """Size of the network (see `SegmenterNetwork`)."""

    stem: int = 16
    widths: tuple[int, ...] = (32, 64, 96, 128)
    blocks: tuple[int, ...] = (1, 2, 2, 2)


class Recipe(NetworkForm):
    """A whole recipe: `kind: segmenter`."""

    kind: Literal["segmenter"]
    data: SegmenterData
    network: SegmenterShape = SegmenterShape()


class SegmenterTask:
    """Find baselines, their ends and the heights of the writing on crops of pages.

    Args:
        recipe: Sizes and seeds.
        pages: Pages with ground truth; those held out are chosen here.
    """

    metric = "error"

    def __init__(self, recipe: Recipe, pages: list[TruePage]) -> None:
        self._data = recipe.data
        torch.manual_seed(recipe.data.seed)
        shape = recipe.network
        self.model = SegmenterNetwork(shape.stem, shape.widths, shape.blocks)
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._held_out, self._pages = hold_out(pages, recipe.data.held_out)
        counts = Counter(page.source for page in self._pages)
        # A source with four times the pages is seen twice as often as a whole, each page half as often.
        weights = np.array([1 / math.sqrt(counts[page.source]) for page in self._pages])
        self._weights = (weights / weights.sum()).astype(np.float64)

    def batch(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Scenes of a step: N×1×S×S in [0, 1] and N×4×S/2×S/2 targets."""
        size, count = self._data.crop, self._data.batch
        scenes = [
            compose(self._pages, self._weights, size, np.random.default_rng((self._data.seed, step, i)))
            for i in range(count)
        ]
        return _tensors(scenes)

    def loss(self, batch: Any) -> torch.Tensor:
        """See `segmenter_loss`."""
        pixels, targets = batch
        return segmenter_loss(self.model(pixels).float(), targets)

    def samples(self) -> list[torch.Tensor]:
        """Pages that are learnt from, as they are segmented in use."""
        return [whole_page(page)[0] for page in self._pages[:: 1 + len(self._pages) // _SAMPLES]]

    def evaluate(self) -> dict[str, float]:
        """Loss and `error` (1 - Dice overlap of the baselines) over the held-out pages."""
        losses, overlap, area = [], 0.0, 0.0
        for page in self._held_out:
            pixels, targets = whole_page(page)
            maps = self.model(pixels).float()
            losses.append(float(segmenter_loss(maps, targets)))
            baseline = torch.sigmoid(maps[:, 0])
            overlap += 2 * float((baseline * targets[:, 0]).sum())
            area += float(baseline.sum() + targets[:, 0].sum())
        return {"error": 1 - overlap / max(area, 1e-6), "held_out_loss": sum(losses) / len(losses)}


def hold_out(pages: list[TruePage], count: int) -> tuple[list[TruePage], list[TruePage]]:
    """Split off the first `count` pages of each source.

    Raises:
        UsageError: Nothing would be left to train on.
    """
    seen: Counter[str] = Counter()
    held_out: list[TruePage] = []
    rest: list[TruePage] = []
    for page in pages:
        (held_out if seen[page.source] < count else rest).append(page)
        seen[page.source] += 1
    if not rest:
        raise UsageError("All pages would be held out.", "Lower data.held_out or add pages.")
    return held_out, rest


def segmenter_loss(maps: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Cross-entropy and Dice for baselines and ends, absolute error of the log heights on the baselines.

    Args:
        maps: N×4×H×W, the network's output.
        targets: The same shape, see `Scene.targets`.
    """
    crossed = F.binary_cross_entropy_with_logits(maps[:, :2], targets[:, :2])
    chance = torch.sigmoid(maps[:, :2])
    overlap = (chance * targets[:, :2]).sum(dim=(0, 2, 3))
    dice = 1 - (2 * overlap + 1) / (chance.sum(dim=(0, 2, 3)) + targets[:, :2].sum(dim=(0, 2, 3)) + 1)
    on_line = targets[:, :1]
    heights = (on_line * (maps[:, 2:] - targets[:, 2:]).abs()).sum() / (2 * on_line.sum() + 1)
    # Weights bring the three to the same order; ends are few and less important.
    return 4 * crossed + dice[0] + 0.4 * dice[1] + 0.5 * heights


def whole_page(page: TruePage) -> tuple[torch.Tensor, torch.Tensor]:
    """A page as it is segmented in use, with its targets."""
    pixels, scale = prepare(page.pixels)
    _, _, height, width = pixels.shape
    targets = np.zeros((len(CHANNELS), height // STRIDE, width // STRIDE), np.float32)
    for line in page.lines:
        draw(targets, TrueLine(line.baseline * scale, line.ascender * scale, line.descender * scale))
    return torch.from_numpy(pixels), torch.from_numpy(targets)[None]


def _tensors(scenes: list[Scene]) -> tuple[torch.Tensor, torch.Tensor]:
    pixels = torch.from_numpy(np.stack([scene.pixels for scene in scenes]))[:, None].float() / 255
    targets = torch.from_numpy(np.stack([scene.targets for scene in scenes]))
    return pixels.contiguous(memory_format=torch.channels_last), targets


def build_task(recipe: Recipe, root: Path) -> SegmenterTask:
    """Load the recipe's pages, found relative to `root`, and make its network.

    Raises:
        InputError: The pages cannot be read.
    """
    return SegmenterTask(recipe, load_pages(root / recipe.data.folder))


def export(recipe: Recipe, task: SegmenterTask, weights: Path, figures: Mapping[str, float], out: Path) -> Path:
    """Write trained weights as an ONNX file into the folder `out`, with its card.

    The graph's input has sides that are multiples of `maps.MULTIPLE`.

    Raises:
        ModelError: The weights are of another network.
    """
    path = out / f"{recipe.name}.onnx"
    try:
        task.model.load_state_dict(load_file(weights))
    except RuntimeError as error:
        problem = f"{weights} holds the weights of another network: {str(error).splitlines()[0]}"
        raise ModelError(problem, "Use the recipe that they were trained with.") from error
    example = torch.zeros(1, 1, 2 * MULTIPLE, 2 * MULTIPLE)
    export_onnx(task.model, example, path, {"page": {2: "height", 3: "width"}}, ["maps"], task.samples())
    write_card(path, recipe.for_card(sum(p.numel() for p in task.model.parameters()), figures))
    return path
