"""Training of a small DeepSeek-OCR from nothing, on rendered words, lines and paragraphs.

It shows that the model learns and reads; the published weights are too large to be made anew. In the beginning the
encoders learn alone which character stands in each part of each place, which rendered images tell; then the decoder
learns with them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self
from zlib import crc32

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from safetensors.torch import load_file
from torch import Tensor, nn

from manuscribe.datasets.rendering.blocks import Block, draw_block
from manuscribe.datasets.rendering.hands import Face, load_faces
from manuscribe.datasets.rendering.texts import TextSource, load_texts
from manuscribe.errors import InputError
from manuscribe.evaluation.metrics import character_error_rate
from manuscribe.readers.vlm.deepseek.network import DeepseekOCRForCausalLM
from manuscribe.readers.vlm.deepseek.views import PATCH, Mode, places_of, show
from manuscribe.training.deepseek_checkpoint import (
    END,
    IMAGE,
    PADDING,
    START,
    new_model,
    new_tokenizer,
    write_checkpoint,
)
from manuscribe.training.export import write_hub_card
from manuscribe.training.finetune.pupil import IGNORED
from manuscribe.training.form import NetworkForm, Section

PROMPT = "\nFree OCR."
LEVELS = ("word", "line", "paragraph")
_FRAMES = 8  # parts of a place across that may hold a character each
_EVALUATED = 40  # images of each level
_HELD = 20  # one text in so many is never learnt from


class DataSection(Section):
    """What is rendered: fonts by file name, languages, the lengths of texts in characters, and each level's share."""

    fonts: str
    faces: tuple[str, ...] = Field(min_length=1)
    texts: str
    languages: tuple[str, ...] = ("en",)
    line: int = Field(default=14, gt=3)
    shares: tuple[float, float, float] = (0.3, 0.4, 0.3)
    seed: int = 0


class BatchSection(Section):
    """How images are put together, and what is asked of them.

    Attributes:
        size: Images.
        taught_steps: For the first steps the encoders learn alone.
        frame_weight: What the loss of characters in places counts beside the decoder's.
        wrong_tokens: Share of the decoder's inputs that are replaced, so that it looks at the image, too.
    """

    size: int = Field(default=32, gt=0)
    taught_steps: int = Field(default=600, ge=0)
    frame_weight: float = Field(default=0.3, ge=0)
    wrong_tokens: float = Field(default=0.15, ge=0, lt=1)


class NetworkSection(Section):
    """The model's size: `window_…` of the window encoder, `clip_layers` of the second; the rest is the decoder's.

    Attributes:
        image: Side of images, pixels.
        middle: Channels in the middle of the compressor.
        width: Of the second encoder and of the decoder.
        inner: Width of an expert.
    """

    image: int = Field(default=384, gt=0)
    window_width: int = Field(default=96, gt=0)
    window_layers: int = Field(default=4, gt=0)
    window: int = Field(default=8, gt=0)
    neck: int = Field(default=96, gt=0)
    middle: int = Field(default=160, gt=0)
    width: int = Field(default=192, gt=0)
    clip_layers: int = Field(default=2, gt=0)
    layers: int = Field(default=3, gt=1)
    heads: int = Field(default=4, gt=0)
    experts: int = Field(default=6, gt=0)
    chosen: int = Field(default=2, gt=0)
    inner: int = Field(default=192, gt=0)
    longest: int = Field(default=512, gt=0)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.image % (2 * PATCH):
            raise ValueError(f"image must be a multiple of {2 * PATCH}, so that two lines share it")
        if self.window_width % 24 or self.width % self.heads:
            raise ValueError("widths must divide among heads: window_width by 24, width by heads")
        return self


class Recipe(NetworkForm):
    """A whole recipe: `kind: deepseek-ocr`."""

    kind: Literal["deepseek-ocr"]
    data: DataSection
    batch: BatchSection = BatchSection()
    network: NetworkSection = NetworkSection()


@dataclass(frozen=True, slots=True)
class Batch:
    """Images B×3×S×S, tokens B×T, those that are to be written (`IGNORED` elsewhere), characters in places.

    The latter are the number of the character, 0 for none, B×N×M for N rows of places and M parts across.
    """

    pixels: Tensor
    tokens: Tensor
    wanted: Tensor
    characters: Tensor
    is_taught: bool


class Blocks:
    """Draws words, lines and paragraphs of two lines; texts that are held out are never among those to learn from."""

    def __init__(self, data: DataSection, root: Path) -> None:
        self._data = data
        self._texts = TextSource(load_texts(root / data.texts, data.languages))
        known = {face.path.stem: face for face in load_faces(root / data.fonts) if not face.language}
        if absent := [name for name in data.faces if name not in known]:
            raise InputError(f"There is no font {absent[0]} in {root / data.fonts}.", "Name the files without suffix.")
        self._faces: list[Face] = [known[name] for name in data.faces]

    def draw(self, level: str, rng: np.random.Generator, *, held: bool = False) -> Block:
        """A block of a level."""
        while True:
            face = self._faces[int(rng.integers(len(self._faces)))]
            lines = [self._line(level, rng) for _ in range(2 if level == "paragraph" else 1)]
            is_held = crc32("\n".join(lines).encode()) % _HELD == 0
            if is_held == held and set("".join(lines)) - {" "} <= face.characters:
                return draw_block(lines, face.path, rng)

    def _line(self, level: str, rng: np.random.Generator) -> str:
        language = self._data.languages[int(rng.integers(len(self._data.languages)))]
        longest = self._data.line
        if level == "word":
            words = self._texts.draw(language, int(rng.integers(2, longest)), rng).split()
            return words[int(rng.integers(len(words)))][:longest]
        text = self._texts.draw(language, int(rng.integers(4, longest)), rng)
        return text if len(text) <= longest + 4 else text[: longest + 4].rstrip()


class _WithCharacters(nn.Module):
    """The model, and the head that names the characters in a place."""

    def __init__(self, network: DeepseekOCRForCausalLM, width: int, characters: int) -> None:
        super().__init__()
        self.network = network
        self.characters = nn.Linear(width, _FRAMES * characters)


class DeepseekTask:
    """Implements `training.loop.Task`."""

    metric = "cer"

    def __init__(self, recipe: Recipe, root: Path) -> None:
        self.recipe = recipe
        self.blocks = Blocks(recipe.data, root)
        self.tokenizer = new_tokenizer()
        self._mode = Mode(recipe.network.image)
        torch.manual_seed(recipe.loop.seed)
        tokens = self.tokenizer.get_vocab_size()
        self.network = new_model(recipe.network, tokens)
        # Characters are named by their tokens, of which those outside ASCII have several: the first one will do.
        self.model = _WithCharacters(self.network, recipe.network.width, tokens)
        rng = np.random.default_rng((recipe.data.seed, 2**32 - 1))
        self._held = {level: [self.blocks.draw(level, rng, held=True) for _ in range(_EVALUATED)] for level in LEVELS}

    def batch(self, step: int) -> Batch:
        """Images of all levels; which ones depends on nothing but the recipe's seed and the step."""
        rng = np.random.default_rng((self.recipe.loop.seed, step))
        shares = np.array(self.recipe.data.shares)
        levels = rng.choice(LEVELS, self.recipe.batch.size, p=shares / shares.sum())
        blocks = [self.blocks.draw(str(level), rng) for level in levels]
        answers = [[*self.tokenizer.encode(block.text).ids, END] for block in blocks]
        asked = self._asked()
        tokens = torch.full((len(blocks), len(asked) + max(map(len, answers))), PADDING)
        wanted = torch.full(tokens.shape, IGNORED)
        for row, want, answer in zip(tokens, wanted, answers, strict=True):
            row[: len(asked) + len(answer)] = torch.tensor([*asked, *answer])
            want[len(asked) : len(asked) + len(answer)] = torch.tensor(answer)
        wrong = torch.from_numpy(rng.random(tokens.shape) < self.recipe.batch.wrong_tokens) & (wanted > IMAGE)
        drawn = torch.from_numpy(rng.integers(IMAGE + 1, self.tokenizer.get_vocab_size(), tokens.shape))
        characters = torch.stack([self._in_places(block) for block in blocks])
        is_taught = step < self.recipe.batch.taught_steps
        return Batch(self._pixels(blocks), torch.where(wrong, drawn, tokens), wanted, characters, is_taught)

    def _asked(self) -> list[int]:
        places = places_of(1, 1, self._mode)
        return [START, *[IMAGE] * places, *self.tokenizer.encode(PROMPT).ids]

    def _pixels(self, blocks: Sequence[Block]) -> Tensor:
        return torch.from_numpy(np.stack([show(block.image, self._mode).whole for block in blocks]))

    def _in_places(self, block: Block) -> Tensor:
        side = self._mode.base // PATCH
        centres = (np.arange(side * _FRAMES) + 0.5) / (side * _FRAMES)
        rows = []
        for line, edges in zip(block.lines, block.edges, strict=True):
            first = np.array([self.tokenizer.encode(character).ids[0] for character in line])
            inside = (centres[:, None] >= edges[:, 0]) & (centres[:, None] < edges[:, 1])
            rows += [np.where(inside.any(1), first[inside.argmax(1)], 0)] * (side // len(block.lines))
        return torch.from_numpy(np.stack(rows))

    def loss(self, batch: Batch) -> Tensor:
        """Cross-entropy per token and, weighted, per part of a place; in the beginning the latter alone."""
        features = self.network.model.features(batch.pixels)
        named = self.model.characters(features).unflatten(-1, (_FRAMES, -1)).flatten(2, 3)
        seen = F.cross_entropy(named.flatten(0, 2), batch.characters.flatten())
        if batch.is_taught:
            return seen
        states = self.network.model.laid_out(features, None, torch.ones((len(features), 2), dtype=torch.long))
        written = self.network(batch.tokens, labels=batch.wanted, image_states=states).loss
        total: Tensor = written + self.recipe.batch.frame_weight * seen
        return total

    def evaluate(self) -> dict[str, float]:
        """CER on held-out texts, greedy, of all levels together and of each."""
        pairs = {level: self._read(blocks) for level, blocks in self._held.items()}
        figures = {"cer": character_error_rate([pair for found in pairs.values() for pair in found])}
        return figures | {f"cer_{level}": character_error_rate(found) for level, found in pairs.items()}

    def _read(self, blocks: Sequence[Block]) -> list[tuple[str, str]]:
        asked = torch.tensor([self._asked()] * len(blocks))
        longest = max(len(block.text.encode()) for block in blocks) + 8
        network: Any = self.network
        answers = network.generate(
            asked,
            pixel_values=self._pixels(blocks),
            grids=torch.ones((len(blocks), 2), dtype=torch.long),
            attention_mask=torch.ones_like(asked),
            max_new_tokens=longest,
            do_sample=False,
        )
        texts = self.tokenizer.decode_batch(answers[:, asked.shape[1] :].tolist(), skip_special_tokens=True)
        return [(block.text, text.strip()) for block, text in zip(blocks, texts, strict=True)]


def build_task(recipe: Recipe, root: Path) -> DeepseekTask:
    """Load the data of a recipe, whose paths are relative to `root`, and make the model."""
    return DeepseekTask(recipe, root)


def export(recipe: Recipe, task: DeepseekTask, weights: Path, figures: Mapping[str, float], out: Path) -> Path:
    """Write trained weights as a checkpoint, the folder of the recipe's name in `out`, with its card."""
    task.model.load_state_dict(load_file(weights))
    folder = out / recipe.name
    write_checkpoint(task.network, task.tokenizer, recipe.network.image, folder)
    card = recipe.for_card(sum(p.numel() for p in task.network.parameters()), figures)
    write_hub_card(folder, card, sorted(recipe.data.languages))
    return folder
