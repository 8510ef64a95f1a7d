"""A new script for a checkpoint: tokens that write it, in a checkpoint that stages go on from as from any other."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from shutil import copyfile, rmtree
from typing import Any, Literal, Self

from pydantic import Field, model_validator
from safetensors.torch import save_file
from tokenizers import Tokenizer, pre_tokenizers

from manuscribe.errors import InputError, ModelError
from manuscribe.readers.trocr.checkpoints.checkpoint import Stored, read_checkpoint
from manuscribe.readers.trocr.checkpoints.names import former_name
from manuscribe.readers.trocr.configuration import Configuration, read_json
from manuscribe.readers.trocr.tokens import Tokens
from manuscribe.training.finetune.trocr.script.account import Account, account_of
from manuscribe.training.finetune.trocr.script.embeddings import WITH_ROWS, begun
from manuscribe.training.finetune.trocr.script.exchange import Exchange, extension, replacement
from manuscribe.training.finetune.trocr.script.extending import of_characters
from manuscribe.training.finetune.trocr.script.vocabulary import Vocabulary
from manuscribe.training.form import Section
from manuscribe.training.trocr_checkpoint import SPECIAL, train_tokenizer

_SMALLEST = len(SPECIAL) + len(pre_tokenizers.ByteLevel.alphabet())
_IMAGES = ("preprocessor_config.json", "processor_config.json")
# Settings of decoding that name tokens, beside those that end in `_token_id`.
_NAMING = ("suppress_tokens", "begin_suppress_tokens", "bad_words_ids", "force_words_ids", "sequence_bias")


class ScriptSection(Section):
    """How a checkpoint gets tokens for a script, before its first stage.

    Attributes:
        tokens: `extend`: its own are kept, and new ones come behind them: frequent pieces of the texts (byte-level
            BPE), or the characters that it does not know (sentencepiece, characters). `bpe`: a byte-level BPE learnt
            from the texts, which writes any text. `characters`: one for each character of the texts, and nothing else.
        size: Tokens that are added at most; of `bpe` all of them.
    """

    tokens: Literal["extend", "bpe", "characters"]
    size: int | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.size is None) != (self.tokens == "characters"):
            raise ValueError("extend and bpe need a size, and characters have none")
        if self.tokens == "bpe" and (self.size or 0) < _SMALLEST:
            raise ValueError(f"a size below {_SMALLEST} has no room for all bytes")
        return self


def with_script(
    base: str, revision: str | None, section: ScriptSection, texts: Sequence[str], folder: Path, seed: int
) -> Account:
    """Write a checkpoint that writes a new script: the base with other tokens, all other weights as they are.

    Equal arguments give equal files. A folder that is there is replaced as a whole. Weights that reading has no use for
    are left out.

    Args:
        base: The checkpoint, or an adapter on its base: a folder, or a name on the hub.
        texts: What is learnt from, in normal form: tokens are chosen by them.
        folder: Where the checkpoint will be.
        seed: Of the noise in rows of which nothing is known.

    Raises:
        InputError: There are no texts, one is too long for the decoder, or they have too many characters.
        ModelError: The base cannot be read, or its tokenizer cannot be extended.
        UsageError: The characters that the tokenizer does not know are more than the size.
    """
    if not any(texts):
        raise InputError("There are no texts to choose tokens by.", "Name data sets whose lines have transcriptions.")
    stored = read_checkpoint(base, revision)
    fresh = folder.with_name(f"{folder.name}.new")
    rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    try:
        account = _write(stored, section, texts, fresh, seed)
        rmtree(folder, ignore_errors=True)
        fresh.rename(folder)
    finally:
        rmtree(fresh, ignore_errors=True)
    return account


def _write(stored: Stored, section: ScriptSection, texts: Sequence[str], folder: Path, seed: int) -> Account:
    old = Tokens(stored.tokenizer, stored.configuration.decoder.vocab_size)
    old.save(folder)
    exchange = _exchange(stored, section, texts, Tokenizer.from_file(str(folder / "tokenizer.json")))
    _write_tokenizer(exchange, folder)
    new = Tokens(folder, len(exchange.new.tokens))
    limit = _limit(new, texts, stored.configuration)
    _write_settings(stored, exchange, limit, folder)
    _write_weights(stored, exchange, seed, folder)
    return account_of(old, new, len(exchange.old.tokens), exchange.sources, texts, limit - 2)


def _exchange(stored: Stored, section: ScriptSection, texts: Sequence[str], tokenizer: Tokenizer) -> Exchange:
    old, settings = Vocabulary.of(tokenizer, str(stored.tokenizer)), stored.configuration.generation
    begin = _config(stored)["decoder"].get("bos_token_id") or 0  # the default of TrOCRConfig
    if max(begin, settings.pad_token_id, settings.decoder_start_token_id, *settings.eos_token_id) >= len(old.tokens):
        raise ModelError(
            f"The settings of {stored.base} name special tokens that its tokenizer does not have.",
            "Correct decoder_start_token_id, eos_token_id, pad_token_id and bos_token_id there.",
        )
    if section.size is None:
        return replacement(old, settings, begin, of_characters(texts))
    if section.tokens == "bpe":
        return replacement(old, settings, begin, train_tokenizer(iter(texts), section.size))
    return extension(old, settings, begin, texts, section.size)


def _config(stored: Stored) -> dict[str, Any]:
    return read_json(stored.base / "config.json") or {}


def _write_tokenizer(exchange: Exchange, folder: Path) -> None:
    """As our reader and transformers 4 and 5 take it as it is; `folder` has what `Tokens` said of the old one."""
    new, special = exchange.new, exchange.special
    new.tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    begin, padding, end = (new.tokens[special[f"{role}_token_id"]] for role in ("bos", "pad", "eos"))
    tidied = (read_json(folder / "tokenizer_config.json") or {}).get("clean_up_tokenization_spaces")
    values = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": begin, "cls_token": begin, "eos_token": end, "sep_token": end, "pad_token": padding,
        "clean_up_tokenization_spaces": bool(tidied) and not exchange.renumbered,
    }  # fmt: skip
    if SPECIAL[3] in new.numbers:
        values["unk_token"] = SPECIAL[3]
    _write_json(values, folder / "tokenizer_config.json")


def _limit(tokens: Tokens, texts: Sequence[str], configuration: Configuration) -> int:
    """Tokens that the checkpoint writes, start and end included: more than before if these texts need it.

    Raises:
        InputError: They need more than the decoder has places for.
    """
    needed = {text: len(tokens.tokens(text)) + 2 for text in texts}
    longest, places = max(needed, key=lambda text: needed[text]), configuration.decoder.max_position_embeddings
    if needed[longest] > places:
        raise InputError(
            f"{sum(count > places for count in needed.values())} texts have more tokens than the decoder has places, "
            f"{places - 2}: '{longest[:40]}…' has {needed[longest] - 2}.",
            "Take longer tokens (bpe or extend, with a larger size), or cut such lines in two.",
        )
    before = configuration.generation.max_length
    # Half as much again: other texts may be longer.
    return before if needed[longest] <= before else min(places, needed[longest] * 3 // 2)


def _write_settings(stored: Stored, exchange: Exchange, limit: int, folder: Path) -> None:
    """With another number of tokens, and with other numbers of special ones wherever they stand."""
    settings, config = stored.configuration.generation, _config(stored)
    generation = read_json(stored.base / "generation_config.json") or settings.model_dump(mode="json")
    for place in (config, config["decoder"], generation) if exchange.renumbered else ():
        for key in [key for key in place if key.endswith("_token_id") or key in _NAMING]:
            del place[key]
        place.update(exchange.special)
    config["decoder"]["vocab_size"] = len(exchange.new.tokens)
    if "vocab_size" in config:  # some set it there, too
        config["vocab_size"] = len(exchange.new.tokens)
    if limit != settings.max_length:
        generation["max_length"] = limit
        generation.pop("max_new_tokens", None)
    _write_json(config, folder / "config.json")
    _write_json(generation, folder / "generation_config.json")
    for name in _IMAGES:
        if (stored.base / name).is_file():
            copyfile(stored.base / name, folder / name)


def _write_weights(stored: Stored, exchange: Exchange, seed: int, folder: Path) -> None:
    """Under the names that both generations of transformers know."""
    weights = {former_name(name): tensor.contiguous() for name, tensor in stored.weights.items()}
    for name in (f"{module}.weight" for module in WITH_ROWS):
        if name in weights:  # where they are tied, one of them is enough
            shape = (stored.configuration.decoder.vocab_size, stored.configuration.decoder.hidden_size)
            if weights[name].shape != shape:
                raise ModelError(f"{stored.folder}: {name} does not fit its config.json.", "Fetch both again.")
            weights[name] = begun(weights[name], exchange.sources, len(exchange.old.tokens), seed)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def _write_json(values: Mapping[str, Any], path: Path) -> None:
    path.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
