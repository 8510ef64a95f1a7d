"""Training of a small TrOCR model from nothing, on rendered and real lines.

The model is transformers' own, and what is written is an ordinary checkpoint. An encoder of patches that starts from
nothing learns very late where a letter is when the decoder alone asks for it, and hardly sooner from CTC. So it begins
with what the embedded reader sees in each column of patches; then encoder and decoder learn together, with a CTC head
beside the decoder (Watanabe et al. 2017, arXiv 1609.06773), which is dropped at the end.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from pydantic import Field, model_validator
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor, nn

from manuscribe.engines.openvino import OpenVinoModel
from manuscribe.evaluation.metrics import character_error_rate
from manuscribe.models.files import embedded
from manuscribe.readers.compact.lines import HEIGHT, to_ink
from manuscribe.text.charset import charset
from manuscribe.training.export import write_hub_card
from manuscribe.training.form import NetworkForm, Section
from manuscribe.training.lines import DataSection, LineSource, Sample, WidthSection, squeeze
from manuscribe.training.loop import multiplies_bf16
from manuscribe.training.reader_network import COLUMN
from manuscribe.training.trocr_checkpoint import END, PADDING, START, new_model, train_tokenizer, write_checkpoint

_TEXTS = 20_000  # drawn to learn the tokens from
_EVALUATED = 32  # lines read together
_IGNORED = -100


class BatchSection(WidthSection):
    """How lines are put together, and what is asked of them.

    Attributes:
        taught_steps: For the first steps the encoder learns alone, what the embedded reader sees.
        ctc_weight: What the loss of the CTC head counts beside the decoder's.
        smoothing: Share of the probability that the decoder's loss spreads over all tokens.
        wrong_tokens: Share of the decoder's inputs that are replaced, so that it looks at the image, too.
    """

    taught_steps: int = Field(default=2000, ge=0)
    ctc_weight: float = Field(default=0.5, ge=0)
    smoothing: float = Field(default=0.05, ge=0, lt=1)
    wrong_tokens: float = Field(default=0.1, ge=0, lt=1)


class NetworkSection(Section):
    """The model's size; `encoder` and `decoder` are layers, widths and sizes are in values or pixels."""

    columns: int = Field(default=96, gt=0)
    patch: tuple[int, int] = (64, 8)
    width: int = Field(default=192, gt=0)
    heads: int = Field(default=6, gt=0)
    encoder: int = Field(default=6, gt=0)
    decoder: int = Field(default=3, gt=0)
    tokens: int = Field(default=512, gt=260)
    longest: int = Field(default=128, gt=2)

    @model_validator(mode="after")
    def _check(self) -> Self:
        down, across = self.patch
        if down < 1 or HEIGHT % down:
            raise ValueError(f"patches of {down} pixels do not fill a height of {HEIGHT}")
        if across < 4 or across % 4:
            raise ValueError("patches must be a multiple of 4 pixels wide, as what the embedded reader sees is")
        if self.width % self.heads:
            raise ValueError(f"a width of {self.width} does not divide among {self.heads} heads")
        return self


class Recipe(NetworkForm):
    """A whole recipe: `kind: trocr`."""

    kind: Literal["trocr"]
    data: DataSection
    batch: BatchSection = BatchSection()
    network: NetworkSection = NetworkSection()


@dataclass(frozen=True, slots=True)
class Batch:
    """Lines B×3×H×W; their texts as tokens B×T for the decoder, and as letters, one after the other, for CTC.

    In the beginning also what the embedded reader sees, as probabilities of letters: B×columns×letters.
    """

    pixels: Tensor
    shown: Tensor | None
    inputs: Tensor
    wanted: Tensor
    letters: Tensor
    lengths: Tensor


class _WithLetters(nn.Module):
    """The model, and the head that names letters from the encoder's states."""

    def __init__(self, trocr: nn.Module, width: int, letters: int) -> None:
        super().__init__()
        self.trocr = trocr
        self.letters = nn.Linear(width, letters)


class TrocrTask:
    """Implements `training.loop.Task`."""

    metric = "cer_synthetic"

    def __init__(self, recipe: Recipe, root: Path) -> None:
        self.recipe = recipe
        self._characters = charset()
        self._class = {character: number for number, character in enumerate(self._characters, start=1)}
        self._lines = LineSource(recipe.data, root, self._characters)
        self.tokenizer: Tokenizer = train_tokenizer(self._texts(), recipe.network.tokens)
        torch.manual_seed(recipe.loop.seed)
        size = recipe.network
        self.trocr = new_model(size, self.tokenizer.get_vocab_size())
        self.model = _WithLetters(self.trocr, size.width, len(self._characters) + 1)
        self._teacher = OpenVinoModel(embedded("compact").path, recipe.loop.threads, bf16=multiplies_bf16(recipe.loop))

    def _texts(self) -> Iterator[str]:
        shares = self.recipe.data.synthetic.languages
        rng = np.random.default_rng(self.recipe.data.seed)
        for language, share in sorted(shares.items()):
            for _ in range(round(_TEXTS * share / sum(shares.values()))):
                yield self._lines.texts.draw(language, 40, rng)

    def batch(self, step: int) -> Batch:
        """Lines of about the same width; which ones depends on nothing but the recipe's seed and the step."""
        rng = np.random.default_rng((self.recipe.loop.seed, step))
        narrow = step < self.recipe.batch.narrow_steps
        samples, width = self._lines.batch(self.recipe.batch, rng, narrow=narrow)
        lines = [squeeze(line, width + 24) for line, _ in samples]
        widest = max(line.shape[1] for line in lines) + int(rng.integers(0, 24))
        widest += -widest % self.recipe.network.patch[1]
        shown = self._shown(lines, widest) if step < self.recipe.batch.taught_steps else None
        return self._collate(self._pixels(lines, widest), shown, [text for _, text in samples], rng)

    def _shown(self, lines: Sequence[NDArray[np.uint8]], widest: int) -> Tensor:
        """What the embedded reader sees in each column of patches: its surest letter there, or none."""
        ink = np.zeros((len(lines), 1, HEIGHT, widest + -widest % COLUMN), np.float32)
        for row, line in zip(ink, lines, strict=True):
            row[0, :, : line.shape[1]] = to_ink(line)
        (scores,) = self._teacher(ink)
        frames = torch.from_numpy(scores).softmax(-1)
        across = widest // self.recipe.network.patch[1]
        inside = frames[:, : frames.shape[1] // across * across].reshape(len(frames), across, -1, frames.shape[2])
        fullest = inside[..., 0].argmin(2)[:, :, None, None]
        return torch.take_along_dim(inside, fullest, dim=2).squeeze(2)

    def _collate(self, pixels: Tensor, shown: Tensor | None, texts: Sequence[str], rng: np.random.Generator) -> Batch:
        longest = self.recipe.network.longest
        tokens = [[*self.tokenizer.encode(text).ids[: longest - 2], END] for text in texts]
        wanted = torch.full((len(tokens), max(map(len, tokens))), _IGNORED)
        inputs = torch.full(wanted.shape, PADDING)
        for row, text in enumerate(tokens):
            wanted[row, : len(text)] = torch.tensor(text)
            inputs[row, : len(text)] = torch.tensor([START, *text[:-1]])
        wrong = torch.from_numpy(rng.random(wanted.shape) < self.recipe.batch.wrong_tokens) & (inputs > PADDING)
        wrong[:, 0] = False
        drawn = rng.integers(END + 1, self.tokenizer.get_vocab_size(), wanted.shape)
        letters = torch.tensor([self._class[character] for text in texts for character in text])
        return Batch(
            pixels,
            shown,
            torch.where(wrong, torch.from_numpy(drawn), inputs),
            wanted,
            letters,
            torch.tensor([len(text) for text in texts]),
        )

    def _pixels(self, lines: Sequence[NDArray[np.uint8]], widest: int) -> Tensor:
        """Lines as the checkpoint's image processor gives them, with paper up to `widest`, whole patches."""
        framed = [
            cv2.copyMakeBorder(line, 0, 0, 0, widest - line.shape[1], cv2.BORDER_CONSTANT, value=float(np.median(line)))
            for line in lines
        ]
        grey = torch.from_numpy(np.stack(framed)).float() / 127.5 - 1
        return grey[:, None].expand(-1, 3, -1, -1)

    def loss(self, batch: Batch) -> Tensor:
        """Cross-entropy per token and, weighted, CTC per letter; in the beginning cross-entropy per column alone."""
        states = self._look(batch.pixels)
        if batch.shown is not None:
            return -(batch.shown * self._letters(states)).sum(-1).mean()
        scores = self.trocr.decoder(input_ids=batch.inputs, encoder_hidden_states=states).logits
        options = self.recipe.batch
        written = F.cross_entropy(
            scores.flatten(0, 1), batch.wanted.flatten(), ignore_index=_IGNORED, label_smoothing=options.smoothing
        )
        return written + options.ctc_weight * self._ctc(states, batch)

    def _look(self, pixels: Tensor) -> Tensor:
        states: Tensor = self.trocr.encoder(pixels, interpolate_pos_encoding=True).last_hidden_state
        return states

    def _letters(self, states: Tensor) -> Tensor:
        """Log-probabilities of letters B×columns×letters; 0 is none."""
        patches = states[:, 1:]
        columns = patches.reshape(len(patches), HEIGHT // self.recipe.network.patch[0], -1, patches.shape[2]).mean(1)
        logs: Tensor = self.model.letters(columns).float().log_softmax(-1)
        return logs

    def _ctc(self, states: Tensor, batch: Batch) -> Tensor:
        logs = self._letters(states).transpose(0, 1)
        frames = torch.full((len(batch.lengths),), len(logs), dtype=torch.long)
        losses = F.ctc_loss(logs, batch.letters, frames, batch.lengths, reduction="sum", zero_infinity=True)
        return losses / batch.lengths.sum()

    def evaluate(self) -> dict[str, float]:
        """CER on held-out renderings and on held-out groups, greedy."""
        return {"cer_synthetic": self._cer(self._lines.held_rendered), "cer": self._cer(self._lines.held)}

    def _cer(self, samples: Sequence[Sample]) -> float:
        ordered = sorted(samples, key=lambda sample: sample[0].shape[1])
        read = [text for n in range(0, len(ordered), _EVALUATED) for text in self.read(ordered[n : n + _EVALUATED])]
        return character_error_rate((text, found) for (_, text), found in zip(ordered, read, strict=True))

    def read(self, samples: Sequence[Sample]) -> list[str]:
        """Greedy readings of some lines by the model as it stands."""
        lines = [line for line, _ in samples]
        widest = max(line.shape[1] for line in lines)
        pixels = self._pixels(lines, widest + -widest % self.recipe.network.patch[1])
        states = self.trocr.encoder(pixels, interpolate_pos_encoding=True)
        tokens = self.trocr.generate(encoder_outputs=states, max_length=self.recipe.network.longest)
        return [text.strip() for text in self.tokenizer.decode_batch(tokens.tolist(), skip_special_tokens=True)]


def build_task(recipe: Recipe, root: Path) -> TrocrTask:
    """Load the data of a recipe, whose paths are relative to `root`, and make the model."""
    return TrocrTask(recipe, root)


def export(recipe: Recipe, task: TrocrTask, weights: Path, figures: Mapping[str, float], out: Path) -> Path:
    """Write trained weights as a checkpoint, the folder of the recipe's name in `out`, with its card."""
    task.model.load_state_dict(load_file(weights))
    folder = out / recipe.name
    width = recipe.network.columns * recipe.network.patch[1]
    write_checkpoint(task.trocr, task.tokenizer, width, folder)
    card = recipe.for_card(sum(p.numel() for p in task.trocr.parameters()), figures)
    write_hub_card(folder, card, sorted(recipe.data.synthetic.languages))
    return folder
