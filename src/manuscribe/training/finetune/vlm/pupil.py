"""A vision-language checkpoint that is being taught, of any family that is read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F

from manuscribe.datasets.augmentation.policy import Policy
from manuscribe.datasets.labelled import LabelledLine
from manuscribe.errors import ModelError
from manuscribe.models.hub import locate
from manuscribe.readers.options import ReaderOptions
from manuscribe.readers.vlm.local.families import Processor
from manuscribe.readers.vlm.local.loading import Loaded, load
from manuscribe.readers.vlm.local.planning import require_memory
from manuscribe.readers.vlm.local.runtime import LocalRuntime
from manuscribe.readers.vlm.manner import MANNER, Manner, write_manner
from manuscribe.readers.vlm.naming import PREFIX, named
from manuscribe.readers.vlm.reader import VlmReader
from manuscribe.training.crew import Crew
from manuscribe.training.finetune.pupil import IGNORED
from manuscribe.training.finetune.stage import Stage
from manuscribe.training.finetune.vlm.places import is_frozen, is_quantised, pattern_of

if TYPE_CHECKING:
    from manuscribe.training.finetune.vlm.lines import TaughtAnswers, Together

# What `save_pretrained` of the model does not write, and reading needs.
_BESIDE = (
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json",
    "merges.txt", "tokenizer.model", "preprocessor_config.json", "processor_config.json", "chat_template.json",
    "chat_template.jinja", "video_preprocessor_config.json",
)  # fmt: skip


_LONGEST = 1024  # tokens of an answer, for the plan of memory


@dataclass
class VlmPupil:
    """Implements `finetune.pupil.Pupil`.

    Attributes:
        prompt: What is asked of every image.
        size: At which it is seen; `None` is the family's usual one.
        base: The checkpoint that an adapter in `folder` is for; the same as that where it is none.
    """

    loaded: Loaded
    folder: Path
    base: Path
    prompt: str
    size: str | None
    uneven: bool = True

    @property
    def model(self) -> Any:
        """The network."""
        return self.loaded.model

    @property
    def processor(self) -> Processor:
        """What stands before it."""
        return self.loaded.processor

    @property
    def end(self) -> int:
        """The token that ends an answer."""
        return self.loaded.ends[0]

    @property
    def longest(self) -> int:
        """Tokens that the model has places for, those of the image among them."""
        return self.loaded.longest

    def prepare(self, lines: Sequence[LabelledLine]) -> None:
        """Nothing is to be found out."""

    def taught(self, lines: Sequence[LabelledLine], policy: Policy | None, seed: int) -> "TaughtAnswers":
        """See `Pupil.taught`."""
        from manuscribe.training.finetune.vlm.lines import TaughtAnswers

        return TaughtAnswers(lines, self, policy, seed)

    def collator(self) -> "Together":
        """See `Pupil.collator`."""
        from manuscribe.training.finetune.vlm.lines import Together

        return Together(self)

    def look_once(self, model: Any, taught: Any, path: Path, crew: Crew) -> None:
        """Nothing is kept: such models are taught for an epoch or two."""

    def pattern(self, stage: Stage) -> str:
        """See `Pupil.pattern`."""
        return pattern_of(stage)

    def is_frozen(self, name: str, stage: Stage) -> bool:
        """See `Pupil.is_frozen`."""
        return is_frozen(name, stage)

    def quantised(self, name: str) -> bool:
        """See `Pupil.quantised`."""
        return is_quantised(name)

    def check_loss(self, model: Any, batch: Mapping[str, Any]) -> None:
        """See `Pupil.check_loss`."""
        was_training = model.training
        model.eval()
        with torch.no_grad():
            found = model(**batch)
        model.train(was_training)
        scores, labels = found.logits[:, :-1].flatten(0, 1).float(), batch["labels"][:, 1:].flatten()
        aligned = F.cross_entropy(scores, labels, ignore_index=IGNORED)
        if not torch.isclose(found.loss.float(), aligned, rtol=1e-2, atol=1e-2):
            raise ModelError(
                f"transformers computes a loss of {float(found.loss):.4f} where {float(aligned):.4f} is right.",
                "Install transformers 5.23 or later.",
            )

    def reader(self, model: Any, beams: int) -> VlmReader:
        """See `Pupil.reader`."""
        if torch.cuda.is_available():
            model.to("cuda")
        options = ReaderOptions(level="paragraph", prompt=self.prompt, size=self.size, beams=beams)
        return VlmReader(f"{PREFIX}the model", options, LocalRuntime.of(self.loaded, model))

    def publish(self, model: Any, folder: Path) -> None:
        """See `Pupil.publish`."""
        model.save_pretrained(folder)
        for name in _BESIDE:
            for place in (self.folder, self.base):
                if (place / name).is_file() and not (folder / name).exists():
                    copyfile(place / name, folder / name)
        self.write_manner(folder)

    def write_manner(self, folder: Path) -> None:
        """Say in a model's or an adapter's folder how it was asked."""
        (folder / MANNER).unlink(missing_ok=True)
        write_manner(folder, Manner(prompt=self.prompt, size=self.size))


def load_vlm_pupil(name: str, revision: str | None, *, prompt: str | None, size: str | None, half: bool) -> VlmPupil:
    """Load a checkpoint, or an adapter merged into its base, to teach it.

    Args:
        name: `vlm:MODEL` or `vlm:MODEL+ADAPTER`.
        prompt: What to ask; as it was taught if left out.
        size: At which to see images; as it was taught if left out.
        half: Whether to hold its weights in 16 bits (bf16).

    Raises:
        ModelError: It is not there, damaged, incomplete, of another architecture, or too large for what is free.
    """
    found = named(name)
    require_memory(
        found,
        revision,
        precision="bf16" if half else "fp32",
        device="cpu",  # where it is loaded first; how much a step takes depends on the recipe
        level="paragraph",
        size=size,
        longest=_LONGEST,
    )
    loaded = load(found, revision, torch.bfloat16 if half else torch.float32)
    base = locate(found.model, revision, extra="vlm")
    folder = locate(found.adapter, extra="vlm") if found.adapter else base
    asked = prompt or loaded.prompts["paragraph"]
    return VlmPupil(loaded, folder, base, asked, size or loaded.manner.size)
