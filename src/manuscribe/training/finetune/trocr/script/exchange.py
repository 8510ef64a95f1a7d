"""Other tokens for a checkpoint: which they are, and where each of them comes from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tokenizers import Tokenizer

from manuscribe.readers.trocr.configuration import Generation
from manuscribe.training.finetune.trocr.script.embeddings import Sources
from manuscribe.training.finetune.trocr.script.extending import extended
from manuscribe.training.finetune.trocr.script.vocabulary import Vocabulary
from manuscribe.training.trocr_checkpoint import END, PADDING, SPECIAL, START


@dataclass(frozen=True)
class Exchange:
    """Old tokens and new ones.

    Attributes:
        special: Numbers of the new special tokens, by the keys that settings have for them.
        renumbered: Whether old numbers mean nothing any more.
    """

    old: Vocabulary
    new: Vocabulary
    sources: Sources
    special: Mapping[str, int]
    renumbered: bool


def extension(old: Vocabulary, settings: Generation, begin: int, texts: Sequence[str], size: int) -> Exchange:
    """The old tokens, and at most `size` new ones behind them.

    Args:
        begin: The number of `<s>`.

    Raises:
        ModelError: The tokenizer is of a kind that cannot be extended.
        UsageError: It does not know more than `size` characters.
    """
    new = Vocabulary.of(extended(old, texts, size), old.name)
    kept = len(old.tokens)
    sources = [(number,) for number in range(kept)] + [old.pieces(token) for token in new.tokens[kept:]]
    special = _special(begin, settings.pad_token_id, settings.eos_token_id[0], settings.decoder_start_token_id)
    return Exchange(old, new, sources, special, renumbered=False)


def replacement(old: Vocabulary, settings: Generation, begin: int, tokenizer: Tokenizer) -> Exchange:
    """Tokens of another tokenizer, of bytes or characters, which begins with the special ones that our own have.

    Args:
        settings: The old ones. What a text starts with, the end, padding or a token of its own, does so from now on.
        begin: The old number of `<s>`.
    """
    new = Vocabulary.of(tokenizer, old.name)
    padding, ends, start = settings.pad_token_id, settings.eos_token_id, settings.decoder_start_token_id
    starts = {padding: PADDING, **dict.fromkeys(ends, END)}
    roles = [begin if start in starts else start, padding, ends[0], old.numbers.get(SPECIAL[3])]
    special: list[tuple[int, ...]] = [() if source is None else (source,) for source in roles]
    text = [old.pieces_of_bytes(new.bytes_of(number)) for number in range(len(SPECIAL), len(new.tokens))]
    return Exchange(old, new, special + text, _special(START, PADDING, END, starts.get(start, START)), renumbered=True)


def _special(begin: int, padding: int, end: int, start: int) -> dict[str, int]:
    return {"bos_token_id": begin, "pad_token_id": padding, "eos_token_id": end, "decoder_start_token_id": start}
