"""Tokenizers that write more than a checkpoint's own: that one with more tokens, or one of characters.

New pieces of a byte-level BPE are ordinary merges behind the old ones, and new letters of a sentencepiece model are
pieces of it. `add_tokens` would not do: the first decoder takes the letters of an added token for bytes where it can,
and `à` comes back as half a letter; the second puts a space behind it.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Any

from tokenizers import Tokenizer, decoders, pre_tokenizers, trainers
from tokenizers.models import BPE

from manuscribe.errors import InputError, ModelError, UsageError
from manuscribe.training.finetune.trocr.script.vocabulary import Spelling, Vocabulary, values_of
from manuscribe.training.trocr_checkpoint import SPECIAL

_UNKNOWN_COST = 10.0  # what an unknown letter costs a unigram model beyond its rarest piece: `kUnkPenalty`
_SEEN = 2  # times that a new piece must be seen: from one example little is learnt
_MOST = 20_000  # different characters; there are 20,992 in the first block of Chinese ones
_STAND_IN = 0xF0000  # the first of the characters that Unicode leaves to private use


def of_characters(texts: Sequence[str]) -> Tokenizer:
    """A tokenizer with one token for each character of the texts; any other is `<unk>`.

    Raises:
        InputError: There are too many of them.
    """
    characters = sorted(set("".join(texts)))
    if len(characters) > _MOST:
        raise InputError(
            f"The texts have {len(characters)} different characters, more than {_MOST}.", "Take tokens: bpe."
        )
    numbers = {token: number for number, token in enumerate([*SPECIAL, *characters])}
    tokenizer = Tokenizer(BPE(numbers, [], unk_token=SPECIAL[3]))  # without merges, a text is its letters
    tokenizer.decoder = decoders.Fuse()
    tokenizer.add_special_tokens(list(SPECIAL))
    return tokenizer


def extended(old: Vocabulary, texts: Sequence[str], size: int) -> Tokenizer:
    """The tokenizer with at most `size` new tokens behind its own, which keep their numbers.

    Bytes: pieces that are frequent in the texts. Otherwise: the characters of the texts that it does not know.

    Raises:
        ModelError: It is of a kind that cannot be extended.
        UsageError: It does not know more than `size` characters.
    """
    extend = _EXTENSIONS.get(old.spelling) if old.spelling else None
    if extend is None:
        raise ModelError(
            f"The tokenizer of {old.name} is neither a byte-level BPE nor a sentencepiece model nor one of characters: "
            "it cannot be extended.",
            "Take tokens: bpe, or characters.",
        )
    values = values_of(old.tokenizer)
    extend(values, old, texts, size)
    return Tokenizer.from_str(json.dumps(values))


def _extend_bytes(values: dict[str, Any], old: Vocabulary, texts: Sequence[str], size: int) -> None:
    # Tokens that stood beside the model's own move into it: what comes next must not take their numbers.
    numbers, merges = dict(old.numbers), values["model"]["merges"]
    known = {tuple(merge) for merge in merges}
    for first, second in _new_merges(old, texts, size):
        # The same text may be merged from other old tokens: one merge of each pair is enough, and the first counts.
        if (first, second) not in known:
            known.add((first, second))
            merges.append([first, second])
        numbers.setdefault(first + second, len(numbers))
    values["model"]["vocab"] = numbers


def _new_merges(old: Vocabulary, texts: Sequence[str], size: int) -> Iterator[tuple[str, str]]:
    """What is merged after all of the old merges, frequent pairs first.

    BPE is learnt as ever (Sennrich et al. 2016), but of the old tokens: a private character stands for each.
    """
    words = [[*_words(old.tokenizer, text)] for text in texts]
    seen = sorted({number for line in words for word in line for number in word})
    stand_ins = {number: chr(_STAND_IN + place) for place, number in enumerate(seen)}
    learner = Tokenizer(BPE())
    learner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    learner.train_from_iterator(
        (" ".join("".join(stand_ins[number] for number in word) for word in line) for line in words),
        trainers.BpeTrainer(vocab_size=len(seen) + size, min_frequency=_SEEN, show_progress=False),
    )
    meant = str.maketrans({stand_in: old.tokens[number] for number, stand_in in stand_ins.items()})
    for first, second in values_of(learner)["model"]["merges"]:
        yield first.translate(meant), second.translate(meant)


def _words(tokenizer: Tokenizer, text: str) -> Iterator[list[int]]:
    encoding = tokenizer.encode(text, add_special_tokens=False)
    numbered = zip(encoding.word_ids, encoding.ids, strict=True)
    for _, word in groupby(numbered, key=lambda pair: pair[0]):
        yield [number for _, number in word]


def _extend_pieces(values: dict[str, Any], old: Vocabulary, texts: Sequence[str], size: int) -> None:
    """Letters get what they cost as unknown ones, so that all else is cut into pieces as it was."""
    scores = {token: float(score) for token, score in values["model"]["vocab"]}
    cost = min(scores.values()) - _UNKNOWN_COST
    letters = _missing(old, texts, size)
    values["model"]["vocab"] = [(token, scores.get(token, 0.0)) for token in old.tokens] + [
        (letter, cost) for letter in letters
    ]
    # It would write three dots for … and a plain comma for a wide one; texts are in a normal form of their own.
    values["normalizer"] = None


def _extend_characters(values: dict[str, Any], old: Vocabulary, texts: Sequence[str], size: int) -> None:
    letters = _missing(old, texts, size)
    values["model"]["vocab"] = old.numbers | {letter: len(old.tokens) + n for n, letter in enumerate(letters)}


_EXTENSIONS: dict[Spelling, Callable[[dict[str, Any], Vocabulary, Sequence[str], int], None]] = {
    "bytes": _extend_bytes,
    "pieces": _extend_pieces,
    "characters": _extend_characters,
}


def _missing(old: Vocabulary, texts: Sequence[str], size: int) -> list[str]:
    """The characters of the texts that are no tokens by themselves."""
    spaces = " " if old.spelling == "pieces" else ""
    letters = sorted(set("".join(texts)) - old.numbers.keys() - set(spaces))
    if len(letters) > size:
        raise UsageError(
            f"{len(letters)} characters of the texts are unknown to the tokenizer, and the script's size is {size}.",
            f"Set it to {len(letters)} or more.",
        )
    return letters
