"""The tokens of a vision-language checkpoint, without its network."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tokenizers import Tokenizer
from transformers import AutoConfig, PreTrainedConfig

from manuscribe.readers.vlm.deepseek.configuration import MODEL_TYPE, DeepseekOCRConfig
from manuscribe.readers.vlm.local.families import family_of
from manuscribe.readers.vlm.local.loading import folders_of
from manuscribe.readers.vlm.naming import Named


@dataclass(frozen=True)
class VlmTokens:
    """From and to tokens.

    Attributes:
        limit: Tokens that the network has places for, those of the image among them.
    """

    tokenizer: Tokenizer
    limit: int

    @classmethod
    def of(cls, found: Named, revision: str | None) -> Self:
        """Those of a checkpoint.

        Raises:
            ModelError: It is not there, or damaged.
        """
        folder = folders_of(found, revision)[0]
        processor = family_of(folder).processor(folder)
        settings: PreTrainedConfig = _settings(folder)
        return cls(processor.tokenizer, int(settings.get_text_config().max_position_embeddings))

    def tokens(self, text: str) -> list[int]:
        """The tokens of a text."""
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def text(self, tokens: Sequence[int]) -> str:
        """The text of tokens."""
        return str(self.tokenizer.decode(list(tokens)))


def _settings(folder: Path) -> PreTrainedConfig:
    path = str(folder)
    values, _ = PreTrainedConfig.get_config_dict(path, local_files_only=True)
    kind = DeepseekOCRConfig if values.get("model_type") == MODEL_TYPE else AutoConfig
    settings: PreTrainedConfig = kind.from_pretrained(path, local_files_only=True)
    return settings
