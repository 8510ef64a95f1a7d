"""Training of the compact reader: real lines, rendered lines, CTC."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from pydantic import Field, ValidationError, model_validator
from safetensors.torch import load_file
from torch import Tensor

from manuscribe.datasets.augmentation.varying import mask_columns, reframe
from manuscribe.errors import ModelError
from manuscribe.evaluation.metrics import character_error_rate
from manuscribe.models.files import ModelFile, embedded
from manuscribe.readers.compact.lines import pad, to_ink
from manuscribe.text.charset import charset
from manuscribe.training.export import export_onnx, write_card
from manuscribe.training.form import NetworkForm, Section
from manuscribe.training.lines import DataSection, LineSource, Sample, WidthSection, squeeze
from manuscribe.training.loop import LoopOptions, multiplies_bf16
from manuscribe.training.narrowing import narrow
from manuscribe.training.reader_network import COLUMN, CompactNetwork
from manuscribe.training.start import start_from
from manuscribe.training.teacher import Teacher

_SAMPLES = 6
"""Batches by which it is judged what matters in a reader that training begins with, and what range values have."""


class BatchSection(WidthSection):
    """How lines are put together.

    Attributes:
        shortcut_weight: What the loss of the shortcut counts beside the main one.
    """

    shortcut_weight: float = Field(default=0.3, ge=0)


class NetworkSection(Section):
    """The network's size; see `CompactNetwork`."""

    channels: tuple[int, int, int] = (48, 96, 192)
    inner: tuple[int, int, int] | None = None
    width: int = 256
    depth: int = 5
    hidden: int = 640

    @property
    def sides(self) -> tuple[tuple[int, int, int], int, int, int, tuple[int, int, int]]:
        """What `CompactNetwork` is made with, as they are given to it."""
        return self.channels, self.width, self.depth, self.hidden, self.inner or self.channels

    def build(self, classes: int) -> CompactNetwork:
        """A network of this size."""
        return CompactNetwork(classes, *self.sides)


class Recipe(NetworkForm):
    """A whole recipe: `kind: compact-reader`.

    Attributes:
        start: The reader whose weights training begins with: an embedded one's name, or the path of an exported
            `.onnx`; nothing begins afresh. Where `network` is narrower inside, what matters least is left out.
        teacher: A reader, named as `start`, whose view of each frame is learnt beside the texts.
        teacher_weight: What being unlike it counts beside the texts' loss; 1 unless it is given.
        keep: Share of its weights that stays in the result, mixed with what was learnt: the two together often read
            better than either (WiSE-FT, arXiv 2109.01903, section 3).
    """

    kind: Literal["compact-reader"]
    start: str | None = None
    teacher: str | None = None
    teacher_weight: float | None = Field(default=None, gt=0)
    keep: float = Field(default=0.0, ge=0, lt=1)
    data: DataSection
    batch: BatchSection = BatchSection()
    network: NetworkSection = NetworkSection()

    @model_validator(mode="after")
    def _something_to_keep(self) -> Self:
        if self.keep and not self.start:
            raise ValueError("keep is a share of start's weights: name a start")
        if self.teacher_weight and not self.teacher:
            raise ValueError("teacher_weight is for a teacher: name one")
        return self


def model_file(name: str) -> ModelFile:
    """An embedded model by its name, or an exported one by its path, which ends in `.onnx`.

    Raises:
        ModelError: There is no such model.
    """
    return ModelFile(Path(name)) if name.endswith(".onnx") else embedded(name)


def size_of(model: ModelFile) -> NetworkSection:
    """The size of a reader's network, as its card tells it.

    Raises:
        ModelError: It does not.
    """
    try:
        return NetworkSection.model_validate(model.card["recipe"]["network"])
    except (KeyError, TypeError, ValidationError) as error:
        raise ModelError(
            f"The card of {model.path} does not tell the size of its network.",
            "It cannot be trained further without the `.json` that was written beside it.",
        ) from error


@dataclass(frozen=True, slots=True)
class Batch:
    """Lines B×1×64×W with their texts as class numbers, one after the other."""

    lines: Tensor
    targets: Tensor
    lengths: Tensor


class CompactTask(ABC):
    """What all ways to train a compact reader share; the lines are the subclass's affair."""

    metric = "cer"

    def __init__(self, network: NetworkSection, options: LoopOptions, batch: BatchSection) -> None:
        self.characters = charset()
        self._class = {character: number for number, character in enumerate(self.characters, start=1)}
        torch.manual_seed(options.seed)
        self.size = network
        self.model = network.build(len(self.characters) + 1)
        self._shortcut_weight, self._narrow_steps = batch.shortcut_weight, batch.narrow_steps
        # In bfloat16 convolutions are fastest with the channels last, in float32 with the channels first.
        self._layout = torch.channels_last if multiplies_bf16(options) else torch.contiguous_format
        self.model.to(memory_format=self._layout)  # type: ignore[call-overload]  # missing in torch's stubs

    @abstractmethod
    def batch(self, step: int) -> Batch:
        """The batch of a step; see `training.loop.Task`."""

    def samples(self, count: int = _SAMPLES) -> list[Tensor]:
        """Lines of usual widths, as they are trained on, `count` batches of them."""
        return [self.batch(self._narrow_steps + step).lines for step in range(count)]

    def start(self, name: str) -> None:
        """Take the weights of an embedded or an exported reader, its norms measured anew on some lines.

        Where it is larger inside than this one, what matters least on these lines is left out.

        Raises:
            ModelError: There is no such reader, it is another kind of network, or one that differs in more than what is
                inside its parts or is narrower there.
        """
        begun = model_file(name)
        if begun.charset != self.characters:
            raise ModelError(f"{begun.path} reads another charset than this version of manuscribe trains.")
        size = size_of(begun)
        if size.sides == self.size.sides:
            start_from(begun.path, self.model, self.samples(1)[0])
        else:
            whole, batches = size.build(len(self.characters) + 1), self.samples()
            start_from(begun.path, whole, batches[0])
            narrow(whole, self.model, batches)
        self._begun = {name: tensor.clone() for name, tensor in self.model.state_dict().items()}

    def finish(self, weights: Path, keep: float) -> dict[str, float]:
        """Take the trained weights, mixed with a share of those that it began with; returns the mixture's figures."""
        learnt = load_file(weights)
        if keep:
            learnt = {
                name: torch.lerp(tensor, self._begun[name], keep) if tensor.is_floating_point() else tensor
                for name, tensor in learnt.items()
            }
        self.model.load_state_dict(learnt)
        self.model.eval()
        with torch.inference_mode():
            return self.evaluate() if keep else {}

    @abstractmethod
    def evaluate(self) -> dict[str, float]:
        """Figures on lines that are held out."""

    def together(self, samples: Sequence[Sample], width: int, rng: np.random.Generator) -> Batch:
        """Lines of about a width as a batch."""
        return self._collate([(_ink(line, width, rng), text) for line, text in samples], rng)

    def _collate(self, samples: Sequence[tuple[NDArray[np.float32], str]], rng: np.random.Generator) -> Batch:
        widest = max(ink.shape[1] for ink, _ in samples) + int(rng.integers(0, 32))
        widest += -widest % COLUMN
        lines = np.zeros((len(samples), 1, 64, widest), np.float32)
        for row, (ink, _) in zip(lines, samples, strict=True):
            row[0, :, : ink.shape[1]] = ink
        targets = [self._class[character] for _, text in samples for character in text]
        lengths = [len(text) for _, text in samples]
        tensor = torch.from_numpy(lines).to(memory_format=self._layout)
        return Batch(tensor, torch.tensor(targets), torch.tensor(lengths))

    def loss(self, batch: Batch) -> Tensor:
        """CTC of the main head and, weighted, of the shortcut; per character."""
        return self.loss_of(*self.model.scores(batch.lines), batch)

    def loss_of(self, main: Tensor, shortcut: Tensor, batch: Batch) -> Tensor:
        """As `loss`, of what the two heads said."""
        return _ctc(main, batch) + self._shortcut_weight * _ctc(shortcut, batch)

    @property
    def parameters(self) -> int:
        """Numbers in what is exported."""
        return sum(p.numel() for name, p in self.model.named_parameters() if not name.startswith("shortcut"))

    def cer(self, lines: Sequence[Sample]) -> float:
        """Of greedy readings."""
        return character_error_rate((text, self.read(line)) for line, text in lines)

    def read(self, line: NDArray[np.uint8]) -> str:
        """Greedy CTC reading of a grey 64 × W line by the model as it stands."""
        ink = torch.from_numpy(pad(to_ink(line), COLUMN))[None, None]
        best = self.model(ink)[0].argmax(-1).tolist()
        kept = [now for before, now in zip([0, *best], best, strict=False) if now not in (0, before)]
        return "".join(self.characters[number - 1] for number in kept)


class CompactReaderTask(CompactTask):
    """Implements `training.loop.Task` with real and rendered lines."""

    def __init__(self, recipe: Recipe, root: Path) -> None:
        super().__init__(recipe.network, recipe.loop, recipe.batch)
        self.recipe = recipe
        self._lines = LineSource(recipe.data, root, self.characters)
        if recipe.start:
            self.start(recipe.start)
        self._teacher = (
            Teacher(model_file(recipe.teacher), self.characters, recipe.loop.threads) if recipe.teacher else None
        )

    def loss(self, batch: Batch) -> Tensor:
        """CTC of both heads and, weighted, how unlike the teacher's the main one's frames are; per character."""
        main, shortcut = self.model.scores(batch.lines)
        loss = self.loss_of(main, shortcut, batch)
        if self._teacher is None:
            return loss
        unlike = self._teacher.unlike(main, batch.lines) / batch.lengths.sum()
        return loss + (self.recipe.teacher_weight or 1.0) * unlike

    def batch(self, step: int) -> Batch:
        """Lines of about the same width; which ones depends on nothing but the recipe's seed and the step."""
        rng = np.random.default_rng((self.recipe.loop.seed, step))
        narrow = step < self.recipe.batch.narrow_steps
        drawn, width = self._lines.batch(self.recipe.batch, rng, narrow=narrow)
        return self.together([(reframe(line, rng), text) for line, text in drawn], width, rng)

    def evaluate(self) -> dict[str, float]:
        """CER on held-out groups and on held-out renderings, greedy."""
        return {"cer": self.cer(self._lines.held), "cer_synthetic": self.cer(self._lines.held_rendered)}


def build_task(recipe: Recipe, root: Path) -> CompactReaderTask:
    """Load the data of a recipe, whose paths are relative to `root`, and make the network."""
    return CompactReaderTask(recipe, root)


def export(recipe: Recipe, task: CompactTask, weights: Path, figures: Mapping[str, float], out: Path) -> Path:
    """Write trained weights as an ONNX file into the folder `out`, with its card."""
    figures = {**figures, **task.finish(weights, recipe.keep)}
    return write_reader(task, recipe.for_card(task.parameters, figures, task.characters), out)


def write_reader(task: CompactTask, card: Mapping[str, Any], out: Path) -> Path:
    """Write a task's model as it stands, with what its card says; see `export`."""
    path = out / f"{card['name']}.onnx"
    example, axes = torch.zeros(1, 1, 64, 256), {"lines": {0: "batch", 3: "width"}}
    export_onnx(task.model, example, path, axes, ["scores"], task.samples())
    write_card(path, card)
    return path


def _ink(line: NDArray[np.uint8], width: int, rng: np.random.Generator) -> NDArray[np.float32]:
    ink = to_ink(squeeze(line, width + 24))
    return mask_columns(ink, rng) if rng.random() < 0.3 else ink


def _ctc(scores: Tensor, batch: Batch) -> Tensor:
    frames = torch.full((len(batch.lengths),), scores.shape[1], dtype=torch.long)
    losses = F.ctc_loss(
        scores.transpose(0, 1), batch.targets, frames, batch.lengths, reduction="sum", zero_infinity=True
    )
    return losses / batch.lengths.sum()
