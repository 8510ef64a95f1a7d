"""What a reader can write, told without loading what it reads with."""

import unicodedata
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from manuscribe.extras import needs
from manuscribe.models.files import ModelFile, embedded
from manuscribe.models.hub import locate
from manuscribe.readers.vlm.naming import PREFIX, named

if TYPE_CHECKING:
    from manuscribe.readers.trocr.tokens import Tokens
    from manuscribe.readers.vlm.local.vocabulary import VlmTokens


@dataclass(frozen=True)
class LetterVocabulary:
    """Of a reader that writes letter by letter.

    Attributes:
        limit: There is none.
    """

    characters: frozenset[str]
    limit: int | None = None

    def lost(self, text: str) -> str:
        """The characters of a text that it cannot write."""
        return "".join(c for c in text if c not in self.characters)

    def length(self, text: str) -> int:
        """The letters of a text."""
        return len(text)


@dataclass(frozen=True)
class TokenVocabulary:
    """Of a TrOCR checkpoint, or a vision-language one.

    Attributes:
        limit: Tokens of a text that fit in what it writes at most, the first and the last one apart; a vision-language
            model needs some of them for the image.
    """

    tokens: "Tokens | VlmTokens"
    limit: int | None

    def lost(self, text: str) -> str:
        """The characters of a text that do not come back from its tokens."""
        back = unicodedata.normalize("NFC", self.tokens.text(self.tokens.tokens(text)))
        missing = Counter(text) - Counter(back)
        # A space at the start is the tokenizer's own affair.
        return "".join(c * n for c, n in missing.items() if not c.isspace() or back.strip() != text.strip())

    def length(self, text: str) -> int:
        """The tokens of a text."""
        return len(self.tokens.tokens(text))


def vocabulary_of(name: str, revision: str | None = None) -> LetterVocabulary | TokenVocabulary:
    """What the reader of that name can write: `"compact"`, its trained `.onnx` file, or a checkpoint (`vlm:` or not).

    Raises:
        ModelError: There is no such reader, or its files are damaged.
    """
    if name == "compact" or name.endswith(".onnx"):
        model = embedded(name) if name == "compact" else ModelFile(Path(name))
        return LetterVocabulary(frozenset(model.charset))
    if name.startswith(PREFIX):
        needs("vlm")
        from manuscribe.readers.vlm.local.vocabulary import VlmTokens

        found = VlmTokens.of(named(name), revision)
        return TokenVocabulary(found, found.limit)
    needs("bundle")
    from manuscribe.readers.trocr.configuration import read_configuration
    from manuscribe.readers.trocr.tokens import Tokens

    folder = base = locate(name, revision)
    if (folder / "adapter_config.json").is_file():
        needs("trocr")
        from manuscribe.readers.trocr.checkpoints.checkpoint import read_checkpoint

        stored = read_checkpoint(name, revision)
        folder, base = stored.tokenizer, stored.base
    configuration = read_configuration(base)
    tokens = Tokens(folder, configuration.decoder.vocab_size)
    return TokenVocabulary(tokens, configuration.generation.max_length - 2)
