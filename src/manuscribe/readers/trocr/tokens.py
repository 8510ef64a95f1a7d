"""A checkpoint's tokenizer: tokens to text, and which token each character came from."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from manuscribe.errors import ModelError
from manuscribe.readers.trocr.configuration import read_json

_PARTS = ("tokenizer.json", "vocab.json", "sentencepiece.bpe.model", "spiece.model", "tokenizer.model")
_MOSTLY = 0.95  # of the decoder's vocabulary; some have a few rows more than tokens
# What transformers' `clean_up_tokenization` takes for what, one after the other; only where the checkpoint asks for it.
_LOOSE = (" .", " ?", " !", " ,", " ' ", " n't", " 'm", " 's", " 've", " 're")


class Tokens:
    """Turns tokens into text as the checkpoint's tokenizer in transformers does, without special tokens.

    Raises:
        ModelError: The folder has no tokenizer, a damaged one, or one of another vocabulary.
    """

    def __init__(self, folder: Path, vocabulary: int) -> None:
        self._tokenizer = _load(folder)
        size = self._tokenizer.get_vocab_size(with_added_tokens=True)
        if not _MOSTLY * vocabulary <= size <= vocabulary:
            raise ModelError(
                f"{folder}: the tokenizer has {size} tokens, and the decoder {vocabulary}.",
                "Copy the tokenizer's files from the checkpoint that this one was made from.",
            )
        config = read_json(folder / "tokenizer_config.json") or {}
        bpe = type(self._tokenizer.model).__name__ == "BPE"
        self._tidies = bool(config.get("clean_up_tokenization_spaces")) and not bpe

    def save(self, folder: Path) -> None:
        """Write the tokenizer into a folder, in the layout of today."""
        self._tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
        settings = {"clean_up_tokenization_spaces": self._tidies}
        (folder / "tokenizer_config.json").write_text(json.dumps(settings) + "\n", encoding="utf-8")

    def text(self, tokens: Sequence[int]) -> str:
        """The text of tokens."""
        decoded: str = self._tokenizer.decode(list(tokens), skip_special_tokens=True)
        for loose in _LOOSE if self._tidies else ():
            decoded = decoded.replace(loose, loose.strip())
        return decoded

    def tokens(self, text: str) -> list[int]:
        """The tokens of a text, without special ones."""
        encoded: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return encoded

    def origins(self, tokens: Sequence[int]) -> list[int]:
        """For each character of `text(tokens)`, the number of the token with which it was whole."""
        whole = self.text(tokens)
        origins: list[int] = []
        for count in range(1, len(tokens) + 1):
            # What a token brings may still change with the next ones: half a character, a space that falls away.
            now = self.text(tokens[:count])
            while len(origins) < len(now) and len(origins) < len(whole) and now[len(origins)] == whole[len(origins)]:
                origins.append(count - 1)
        return origins + [len(tokens) - 1] * (len(whole) - len(origins))


def _load(folder: Path) -> Any:
    if not any((folder / part).is_file() for part in _PARTS):
        raise ModelError(
            f"{folder} has no tokenizer: none of {', '.join(_PARTS)}.",
            "Copy the tokenizer's files from the checkpoint that this one was made from.",
        )
    try:
        if (folder / "tokenizer.json").is_file():
            from tokenizers import Tokenizer

            return Tokenizer.from_file(str(folder / "tokenizer.json"))
        # Older files take a conversion, which transformers has.
        from transformers import AutoTokenizer

        found = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        return found.backend_tokenizer
    except Exception as error:  # tokenizers raises bare exceptions
        reason = str(error).strip().partition("\n")[0].rstrip(".")
        raise ModelError(
            f"The tokenizer in {folder} does not load: {reason}.", "Fetch the checkpoint again."
        ) from error
