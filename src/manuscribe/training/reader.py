"""Training of the compact reader: real lines, rendered lines, CTC."""

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from pydantic import Field
from safetensors.torch import load_file
from torch import Tensor

from manuscribe.datasets.augmentation import mask_columns, vary
from manuscribe.datasets.hands import load_faces
from manuscribe.datasets.lines import LabelledLine, read_lines, split_groups
from manuscribe.datasets.synthetic import LineRenderer
from manuscribe.datasets.texts import TextSource, load_texts
from manuscribe.errors import InputError, ModelError, UsageError
from manuscribe.evaluation.metrics import character_error_rate
from manuscribe.models.files import ModelFile, embedded
from manuscribe.readers.compact.lines import pad, to_height, to_ink
from manuscribe.text.charset import charset, normalise
from manuscribe.training.export import export_onnx, write_card
from manuscribe.training.form import NetworkForm, Section
from manuscribe.training.loop import multiplies_bf16
from manuscribe.training.reader_network import COLUMN, CompactNetwork
from manuscribe.training.start import start_from

_NEIGHBOURS = 300  # places between a batch's lines, sorted by width, and the one it is drawn around
_PIXELS_A_CHARACTER = 17  # the real lines' mean, at height 64


class SyntheticSection(Section):
    """Rendered lines: where fonts and sentences lie, and how often each language is drawn."""

    fonts: str
    texts: str
    share: float = Field(ge=0, le=1)
    languages: Mapping[str, float]


class DataSection(Section):
    """What is learnt from.

    Attributes:
        lines: Glob patterns of line data sets.
        without: Values of the column `page` that are left out, for measuring on those pages.
        weights: How many times as often as by its size a source's lines are drawn; 1 for sources not named.
        validation: Share of each source's groups that is held out.
        seed: Decides which groups; a run that starts from an earlier one's weights must hold out the same.
    """

    lines: tuple[str, ...]
    without: tuple[str, ...] = ()
    weights: Mapping[str, Annotated[float, Field(gt=0)]] = {}
    seed: int = 0
    synthetic: SyntheticSection
    validation: float = Field(default=0.03, gt=0, lt=0.5)
    validation_lines: int = Field(default=400, gt=0)


class BatchSection(Section):
    """How lines are put together.

    Attributes:
        pixels: Width of a batch's lines added up, in pixels.
        narrow_steps: For the first steps only lines up to `narrow_width` (or, if they are few, the narrowest 300) are
            used: CTC leaves its plateau of blanks much sooner on words than on long lines.
    """

    pixels: int = Field(default=12288, gt=0)
    largest: int = Field(default=64, gt=0)
    narrow_steps: int = Field(default=1500, ge=0)
    narrow_width: int = Field(default=320, gt=0)
    shortcut_weight: float = Field(default=0.3, ge=0)


class NetworkSection(Section):
    """The network's size."""

    channels: tuple[int, int, int] = (48, 96, 192)
    width: int = 256
    depth: int = 5
    hidden: int = 640


class Recipe(NetworkForm):
    """A whole recipe: `kind: compact-reader`.

    Attributes:
        start: The reader whose weights training begins with: an embedded one's name, or the path of an exported
            `.onnx`; nothing begins afresh.
    """

    kind: Literal["compact-reader"]
    start: str | None = None
    data: DataSection
    batch: BatchSection = BatchSection()
    network: NetworkSection = NetworkSection()


@dataclass(frozen=True, slots=True)
class Batch:
    """Lines B×1×64×W with their texts as class numbers, one after the other."""

    lines: Tensor
    targets: Tensor
    lengths: Tensor


class CompactReaderTask:
    """Implements `training.loop.Task`."""

    metric = "cer"

    def __init__(self, recipe: Recipe, root: Path) -> None:
        self.recipe = recipe
        self.characters = charset()
        self._class = {character: number for number, character in enumerate(self.characters, start=1)}
        torch.manual_seed(recipe.loop.seed)
        network = recipe.network
        size = (network.channels, network.width, network.depth, network.hidden)
        self.model = CompactNetwork(len(self.characters) + 1, *size)
        # In bfloat16 convolutions are fastest with the channels last, in float32 with the channels first.
        self._layout = torch.channels_last if multiplies_bf16(recipe.loop) else torch.contiguous_format
        self.model.to(memory_format=self._layout)  # type: ignore[call-overload]  # missing in torch's stubs
        self._load(root)
        if recipe.start:
            self._start(recipe.start)

    def _start(self, name: str) -> None:
        begun = ModelFile(Path(name)) if name.endswith(".onnx") else embedded(name)
        if begun.charset != self.characters:
            raise ModelError(f"{begun.path} reads another charset than this version of manuscribe trains.")
        start_from(begun.path, self.model, self.batch(self.recipe.batch.narrow_steps).lines)

    def _load(self, root: Path) -> None:
        data, synthetic = self.recipe.data, self.recipe.data.synthetic
        known = set(self.characters)
        lines = [line for line in read_lines(data.lines, root) if line.page not in data.without]
        lines = [line for line in lines if line.text and set(_text(line)) <= known]
        if not lines:
            raise InputError(
                f"No line of {', '.join(data.lines)} has a text in characters that the reader knows.",
                "Check the column `text`.",
            )
        rest, held = split_groups(lines, data.validation, data.seed)
        texts = TextSource(load_texts(root / synthetic.texts, sorted(synthetic.languages)))
        self._renderer = LineRenderer(load_faces(root / synthetic.fonts), texts)
        drawn = sorted(
            ((to_height(line.pixels()), _text(line), data.weights.get(line.source, 1.0)) for line in rest),
            key=lambda row: row[0].shape[1],
        )
        self._real = [(line, text) for line, text, _ in drawn]
        self._widths = np.array([line.shape[1] for line, _ in self._real])
        weights = np.array([weight for _, _, weight in drawn])
        self._weights = np.concatenate([[0.0], np.cumsum(weights)])
        self._pixels = np.cumsum(weights * self._widths)
        self._held = self._choose_held(held)
        self._held_synthetic = self._render_held()

    def _choose_held(self, held: Sequence[LabelledLine]) -> list[tuple[NDArray[np.uint8], str]]:
        if not held:
            raise UsageError(
                "No lines can be held out: every source of the recipe's lines has a single group.",
                "Give pages or writers as groups.",
            )
        rng = np.random.default_rng(self.recipe.data.seed)
        chosen = rng.permutation(len(held))[: self.recipe.data.validation_lines]
        return [(to_height(held[i].pixels()), _text(held[i])) for i in chosen]

    def _render_held(self) -> list[tuple[NDArray[np.uint8], str]]:
        rng = np.random.default_rng((self.recipe.data.seed, 2**32 - 1))
        languages = sorted(self.recipe.data.synthetic.languages)
        return [self._renderer.draw(languages[i % len(languages)], 30, rng) for i in range(96)]

    def batch(self, step: int) -> Batch:
        """Lines of about the same width; which ones depends on nothing but the recipe's seed and the step."""
        options = self.recipe.batch
        rng = np.random.default_rng((self.recipe.loop.seed, step))
        narrow = step < options.narrow_steps
        last = len(self._real)
        if narrow:
            last = min(last, max(_NEIGHBOURS, int(np.searchsorted(self._widths, options.narrow_width))))
        # Drawing by pixel, not by line, makes up for narrow lines' larger batches.
        anchor = int(np.searchsorted(self._pixels[:last], rng.uniform(0, self._pixels[last - 1])))
        width = int(self._widths[anchor])
        size = min(options.largest, max(4, options.pixels // (width + 16)))
        low, high = max(0, anchor - _NEIGHBOURS), min(last, anchor + _NEIGHBOURS)
        samples = [self._sample(low, high, width, rng) for _ in range(size)]
        return self._collate(samples, rng)

    def _sample(self, low: int, high: int, width: int, rng: np.random.Generator) -> tuple[NDArray[np.float32], str]:
        synthetic = self.recipe.data.synthetic
        if rng.random() < synthetic.share:
            names = sorted(synthetic.languages)
            weights = np.array([synthetic.languages[name] for name in names])
            language = str(rng.choice(names, p=weights / weights.sum()))
            line, text = self._renderer.draw(language, max(1, width // _PIXELS_A_CHARACTER), rng)
        else:
            drawn = rng.uniform(self._weights[low], self._weights[high])
            line, text = self._real[int(np.searchsorted(self._weights, drawn, side="right")) - 1]
            line = vary(line, rng)
        ink = to_ink(_squeeze(line, width + 24))
        if rng.random() < 0.3:
            ink = mask_columns(ink, rng)
        return ink, text

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
        main, shortcut = self.model.scores(batch.lines)
        return _ctc(main, batch) + self.recipe.batch.shortcut_weight * _ctc(shortcut, batch)

    def evaluate(self) -> dict[str, float]:
        """CER on held-out groups and on held-out renderings, greedy."""
        return {"cer": self._cer(self._held), "cer_synthetic": self._cer(self._held_synthetic)}

    def _cer(self, lines: Sequence[tuple[NDArray[np.uint8], str]]) -> float:
        return character_error_rate((text, self.read(line)) for line, text in lines)

    def read(self, line: NDArray[np.uint8]) -> str:
        """Greedy CTC reading of a grey 64 × W line by the model as it stands."""
        ink = torch.from_numpy(pad(to_ink(line), COLUMN))[None, None]
        best = self.model(ink)[0].argmax(-1).tolist()
        kept = [now for before, now in zip([0, *best], best, strict=False) if now not in (0, before)]
        return "".join(self.characters[number - 1] for number in kept)


def build_task(recipe: Recipe, root: Path) -> CompactReaderTask:
    """Load the data of a recipe, whose paths are relative to `root`, and make the network."""
    return CompactReaderTask(recipe, root)


def export(recipe: Recipe, task: CompactReaderTask, weights: Path, figures: Mapping[str, float], path: Path) -> None:
    """Write trained weights as the ONNX file `path`, with its card."""
    task.model.load_state_dict(load_file(weights))
    export_onnx(task.model, torch.zeros(1, 1, 64, 256), path, {"lines": {0: "batch", 3: "width"}}, ["scores"])
    exported = [p for name, p in task.model.named_parameters() if not name.startswith("shortcut")]
    write_card(path, recipe.for_card(sum(p.numel() for p in exported), figures, task.characters))


def _text(line: LabelledLine) -> str:
    """What is learnt: the normal form; some sources wrote XML's entities into their texts."""
    return normalise(html.unescape(line.text))


def _squeeze(line: NDArray[np.uint8], widest: int) -> NDArray[np.uint8]:
    """Narrow a line that would widen its whole batch; a narrower hand is one more hand."""
    if line.shape[1] <= widest:
        return line
    return np.asarray(cv2.resize(line, (widest, line.shape[0]), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _ctc(scores: Tensor, batch: Batch) -> Tensor:
    frames = torch.full((len(batch.lengths),), scores.shape[1], dtype=torch.long)
    losses = F.ctc_loss(
        scores.transpose(0, 1), batch.targets, frames, batch.lengths, reduction="sum", zero_infinity=True
    )
    return losses / batch.lengths.sum()
