"""The model that is taught: transformers' own, with our checks around it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import copyfile
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import nn
from transformers import AutoConfig, VisionEncoderDecoderModel

from manuscribe.datasets.augmentation.policy import Policy
from manuscribe.datasets.labelled import LabelledLine
from manuscribe.errors import ModelError
from manuscribe.readers.options import ReaderOptions
from manuscribe.readers.trocr.checkpoints.arranging import load_network
from manuscribe.readers.trocr.checkpoints.checkpoint import Stored, read_checkpoint
from manuscribe.readers.trocr.checkpoints.names import used_names
from manuscribe.readers.trocr.configuration import Configuration, Fit
from manuscribe.readers.trocr.engines.torch_engine import TorchEngine
from manuscribe.readers.trocr.loading import Loaded
from manuscribe.readers.trocr.reader import TrocrReader
from manuscribe.readers.trocr.tokens import Tokens
from manuscribe.training.crew import Crew
from manuscribe.training.finetune.adapters import weights_of
from manuscribe.training.finetune.pupil import IGNORED
from manuscribe.training.finetune.stage import Stage
from manuscribe.training.finetune.trocr.places import is_frozen, pattern_of
from manuscribe.training.stretching import take_any_size

if TYPE_CHECKING:
    from manuscribe.training.finetune.trocr.lines import Collator, TaughtLines

_PROBED = 4  # lines that are read to learn what the checkpoint's texts begin with
# What `save_pretrained` of the model does not write, and reading needs.
_BESIDE = (
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json",
    "merges.txt", "sentencepiece.bpe.model", "spiece.model", "tokenizer.model", "preprocessor_config.json",
    "processor_config.json",
)  # fmt: skip


@dataclass
class TrocrPupil:
    """Implements `pupil.Pupil`.

    Attributes:
        model: A `VisionEncoderDecoderModel`.
        begins: What its texts begin with, beside the start token: some checkpoints write `<s>` first.
    """

    model: Any
    configuration: Configuration
    tokens: Tokens
    stored: Stored
    begins: tuple[int, ...] = ()
    uneven: bool = False

    @property
    def folder(self) -> Path:
        """Where it was loaded from."""
        return self.stored.folder

    @property
    def base(self) -> Path:
        """Its base, where that was an adapter."""
        return self.stored.base

    def prepare(self, lines: Sequence[LabelledLine]) -> None:
        """Learn what the checkpoint writes before a text: most begin at once, some were taught `<s>` first."""
        written = reader_of(self, self.model, 1).tokens([line.rgb() for line in lines[:_PROBED]])
        mark = self.model.config.decoder.bos_token_id
        begins = mark is not None and all(tokens[:1] == (mark,) for tokens in written)
        self.begins = (mark,) if begins else ()

    def taught(self, lines: Sequence[LabelledLine], policy: Policy | None, seed: int) -> "TaughtLines":
        """See `Pupil.taught`."""
        from manuscribe.training.finetune.trocr.lines import TaughtLines

        return TaughtLines(lines, self, policy, seed)

    def collator(self) -> "Collator":
        """See `Pupil.collator`."""
        from manuscribe.training.finetune.trocr.lines import Collator

        return Collator(self)

    def look_once(self, model: Any, taught: "TaughtLines", path: Path, crew: Crew) -> None:
        """Where no line is varied and the encoder stays as it is, let it look at each line once for all epochs."""
        from manuscribe.training.finetune.trocr.looking import look_once

        look_once(model, taught, self, path, crew)

    def pattern(self, stage: Stage) -> str:
        """See `Pupil.pattern`."""
        return pattern_of(stage)

    def is_frozen(self, name: str, stage: Stage) -> bool:
        """See `Pupil.is_frozen`."""
        return is_frozen(name, stage)

    def quantised(self, name: str) -> bool:
        """The matrices of layers, of encoder and decoder; what is outside stays as it is."""
        return ".layers." in f".{name}"

    def check_loss(self, model: Any, batch: Mapping[str, Any]) -> None:
        """See `Pupil.check_loss`."""
        check_loss(model, batch)

    def reader(self, model: Any, beams: int) -> TrocrReader:
        """See `Pupil.reader`."""
        return reader_of(self, model, beams)

    def publish(self, model: Any, folder: Path) -> None:
        """See `Pupil.publish`."""
        publish(self, model, folder)

    def write_manner(self, folder: Path) -> None:
        """Nothing is to be said: adapters of recipes that change the frame are merged."""

    @property
    def is_wide(self) -> bool:
        """Whether its lines have widths of their own."""
        return self.configuration.preprocessing.fit == "wide"


def load_pupil(name: str, revision: str | None = None, fit: Fit | None = None) -> TrocrPupil:
    """Load a checkpoint, or an adapter on its base, to teach it.

    Raises:
        ModelError: It is not there, damaged, incomplete, or of another architecture.
    """
    stored = read_checkpoint(name, revision)
    configuration = stored.configuration.fitted(fit)
    settings = AutoConfig.from_pretrained(stored.base, local_files_only=True)
    # Made first and filled then: what is computed and not stored (sinusoidal positions) is lost by from_pretrained.
    model: Any = VisionEncoderDecoderModel(settings)
    _fill(model, stored)
    stored = replace(stored, weights={})  # they are in the model now, and large
    _say_tokens_once(model, configuration)
    if configuration.preprocessing.fit == "wide":
        take_any_size(model)
    tokens = Tokens(stored.tokenizer, configuration.decoder.vocab_size)
    return TrocrPupil(model, configuration, tokens, stored)


def _fill(model: Any, stored: Stored) -> None:
    own = model.state_dict()
    names = used_names(own)
    for name, tensor in stored.weights.items():
        if name not in names or own[names[name]].shape != tensor.shape:
            raise ModelError(f"{stored.folder}: {name} does not fit its config.json.", "Fetch both again.")
    tokens, head = (f"decoder.{name}.weight" for name in ("model.decoder.embed_tokens", "output_projection"))
    if tokens in stored.weights and head in stored.weights:
        # Both are there, and need not be the same: a tie would make them so.
        model.config.decoder.tie_word_embeddings = model.config.tie_word_embeddings = False
        model.decoder.output_projection.weight = nn.Parameter(stored.weights[head].float())
    weights = {names[name]: tensor.float() for name, tensor in stored.weights.items()}
    absent = set(model.load_state_dict(weights, strict=False).missing_keys) & set(names.values())
    if len({tokens, head} & absent) < 2:
        absent -= {tokens, head}
        model.tie_weights()
    if absent:
        raise ModelError(f"{stored.folder} lacks {', '.join(sorted(absent)[:3])}.", "Fetch the checkpoint again.")


def _say_tokens_once(model: Any, configuration: Configuration) -> None:
    """Start, end and padding, alike wherever transformers may look for them."""
    settings = configuration.generation
    end = settings.eos_token_id[0] if len(settings.eos_token_id) == 1 else list(settings.eos_token_id)
    values = {
        "decoder_start_token_id": settings.decoder_start_token_id,
        "eos_token_id": end,
        "pad_token_id": settings.pad_token_id,
    }
    for name, value in values.items():
        setattr(model.config, name, value)
        setattr(model.config.decoder, name, value)
    model.generation_config.update(
        **values, max_length=settings.max_length, num_beams=settings.num_beams, length_penalty=settings.length_penalty,
        early_stopping=settings.early_stopping, no_repeat_ngram_size=settings.no_repeat_ngram_size,
    )  # fmt: skip


def reader_of(pupil: TrocrPupil, model: Any, beams: int) -> TrocrReader:
    """Our reader with the weights of a model as they stand, an adapter's among them."""
    found = weights_of(model)
    weights = {name: found[own] for name, own in used_names(found).items()}
    network = load_network(pupil.configuration, {n: w.detach().cpu() for n, w in weights.items()}, "the model")
    engine = TorchEngine(network, precision="fp32", threads=torch.get_num_threads())
    loaded = Loaded(pupil.configuration, pupil.tokens, engine, "", {})
    return TrocrReader("the model", ReaderOptions(beams=beams), loaded)


def publish(pupil: TrocrPupil, model: Any, folder: Path) -> None:
    """Write an ordinary checkpoint folder: weights and settings of `model`, the base's tokenizer and images."""
    model.save_pretrained(folder)
    for name in _BESIDE:
        for place in (pupil.stored.tokenizer, pupil.stored.folder, pupil.stored.base):
            if (place / name).is_file() and not (folder / name).exists():
                copyfile(place / name, folder / name)
    if pupil.configuration.preprocessing.fit != pupil.stored.configuration.preprocessing.fit:
        _say_fit(folder, pupil.configuration.preprocessing.fit)


def _say_fit(folder: Path, fit: Fit) -> None:
    """Write how lines came into the frame where `read_configuration` looks for it."""
    path = folder / "preprocessor_config.json"
    alone = path.is_file()
    path = path if alone else folder / "processor_config.json"
    values = json.loads(path.read_text(encoding="utf-8"))
    (values if alone else values["image_processor"])["fit"] = fit
    path.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def check_loss(model: Any, batch: Mapping[str, Any]) -> None:
    """Refuse a transformers whose loss is not that of the next token: versions 4.50 to 4.57.6 shift labels twice.

    Raises:
        ModelError: The loss differs from the aligned cross-entropy.
    """
    was_training = model.training
    model.eval()
    with torch.no_grad():
        found = model(**batch)
    model.train(was_training)
    labels = batch["labels"]
    aligned = F.cross_entropy(found.logits.flatten(0, 1).float(), labels.flatten(), ignore_index=IGNORED)
    if not torch.isclose(found.loss.float(), aligned, rtol=1e-3, atol=1e-3):
        raise ModelError(
            f"transformers computes a loss of {float(found.loss):.4f} where {float(aligned):.4f} is right: it would "
            "teach the model to guess the token after the next.",
            "Install transformers 5.23 or later.",
        )
