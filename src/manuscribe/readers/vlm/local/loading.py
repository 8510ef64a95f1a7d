"""Everything that asking a checkpoint takes, ready to run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from transformers import GenerationConfig

from manuscribe.errors import ModelError
from manuscribe.models.hub import locate
from manuscribe.readers.vlm.local.adapters import merged
from manuscribe.readers.vlm.local.checkpoints import version_of
from manuscribe.readers.vlm.local.families import Family, Processor, family_of, prompts_of
from manuscribe.readers.vlm.local.generation import Ban
from manuscribe.readers.vlm.manner import Manner, manner_of
from manuscribe.readers.vlm.naming import Named


@dataclass(frozen=True, slots=True)
class Loaded:
    """A network, and what is needed around it.

    Attributes:
        model: On the CPU, not learning; it has transformers' `generate`, which draws nothing by chance.
        ends: Tokens that end an answer, that of its family's conversations first.
        longest: Tokens that it has places for, those of the image among them.
        prompts: By level.
        sizes: At which it can see an image, the usual one first; empty where it sees it as it is.
        ban: Runs of tokens that it must not write twice.
        manner: How it was taught to be asked, which `prompts` and `sizes` heed.
        version: Short digest of the files.
    """

    name: Named
    model: Any
    processor: Processor
    ends: tuple[int, ...]
    longest: int
    prompts: Mapping[str, str]
    sizes: Sequence[str]
    ban: Ban | None
    manner: Manner
    version: str


def load(found: Named, revision: str | None, precision: torch.dtype) -> Loaded:
    """Load a checkpoint, an adapter merged into it.

    Raises:
        ModelError: One of them is not there, damaged, incomplete, or of a kind that is not known.
        UsageError: PEFT is not there to merge an adapter.
    """
    folders = folders_of(found, revision)
    family = family_of(folders[0])
    manner = manner_of(*folders)
    network, processor = family.network(folders[0], precision), family.processor(folders[0])
    ends = _ends(network, processor.tokenizer, family)
    model: Any = merged(network, folders[1]) if found.adapter else network
    settings: Any = GenerationConfig
    model.generation_config = settings(eos_token_id=list(ends), pad_token_id=ends[0], do_sample=False)
    prompts = prompts_of(family, found.model)
    return Loaded(
        name=found,
        model=model.eval(),
        processor=processor,
        ends=ends,
        longest=model.config.get_text_config().max_position_embeddings,
        prompts=dict.fromkeys(prompts, manner.prompt) if manner.prompt else prompts,
        sizes=_sizes(family, manner),
        ban=family.ban,
        manner=manner,
        version=version_of(folders),
    )


def _sizes(family: Family, manner: Manner) -> tuple[str, ...]:
    """The size that it was taught at first; alone, if it is none of its family's."""
    if manner.size is None:
        return family.sizes
    others = family.sizes if manner.size in family.sizes else ()
    return tuple(dict.fromkeys([manner.size, *others]))


def folders_of(found: Named, revision: str | None) -> list[Path]:
    """The folder of the checkpoint, and that of the adapter if there is one.

    Raises:
        ModelError: One of them is not there.
    """
    names = [(found.model, revision), *([(found.adapter, None)] if found.adapter else [])]
    return [locate(name, branch, extra="vlm") for name, branch in names]


def _ends(model: Any, tokenizer: Tokenizer, family: Family) -> tuple[int, ...]:
    told = model.generation_config.eos_token_id
    named = [tokenizer.token_to_id(end) for end in family.ends]
    ends = dict.fromkeys([*named, *(told if isinstance(told, list) else [told])])
    ends.pop(None, None)
    if not ends:
        raise ModelError(f"{model.name_or_path} does not say which token ends an answer.", "Fetch it again.")
    return tuple(ends)
