"""What became of a checkpoint's tokens when it got others, told to people."""

from collections.abc import Sequence
from dataclasses import dataclass

from manuscribe.readers.trocr.tokens import Tokens
from manuscribe.readers.vocabulary import TokenVocabulary
from manuscribe.training.finetune.trocr.script.embeddings import Sources

_SHOWN = 3  # tokens of each kind
_LETTERS = 40  # that are named


@dataclass(frozen=True)
class Account:
    """What was kept and what is new; `str` of it is for people.

    Attributes:
        before: Number of tokens.
        after: The same, now.
        kept: Tokens whose rows are those of an old one.
        composed: Tokens that begin as the mean of the old ones that they are written with.
        fresh: Tokens of which the checkpoint knows nothing.
        length_before: Tokens of a text, on average.
        length_after: The same, now.
        gained: Characters of the texts that were lost before, and are expressed now.
        lost: Characters of the texts that are still lost.
        limit: Tokens of a text that the checkpoint writes at most, from now on.
        examples: A few composed and fresh tokens.
    """

    before: int
    after: int
    kept: int
    composed: int
    fresh: int
    length_before: float
    length_after: float
    gained: str
    lost: str
    limit: int
    examples: tuple[str, ...]

    def __str__(self) -> str:
        rows = [
            f"  {self.before:,} tokens before, {self.after:,} now: {self.kept:,} are kept, {self.composed:,} begin as "
            f"the mean of their pieces, {self.fresh:,} are new",
            f"  a text has {self.length_after:.1f} tokens, {self.length_before:.1f} before; it may have {self.limit}",
            f"  characters that were lost before: {_named(self.gained)}; that still are: {_named(self.lost)}",
        ]
        return "\n".join(rows + [f"  for example {', '.join(self.examples)}"] * bool(self.examples))


def account_of(old: Tokens, new: Tokens, before: int, sources: Sources, texts: Sequence[str], limit: int) -> Account:
    """The account of new tokens that come from these sources; `before` is the number of the old ones."""
    vocabularies = [TokenVocabulary(tokens, None) for tokens in (old, new)]
    lost_before, lost = ({c for text in texts for c in vocabulary.lost(text)} for vocabulary in vocabularies)
    lengths = [sum(map(vocabulary.length, texts)) / len(texts) for vocabulary in vocabularies]
    counts = [min(len(source), 2) for source in sources]
    return Account(
        before=before,
        after=len(sources),
        kept=counts.count(1),
        composed=counts.count(2),
        fresh=counts.count(0),
        length_before=lengths[0],
        length_after=lengths[1],
        gained="".join(sorted(lost_before - lost)),
        lost="".join(sorted(lost)),
        limit=limit,
        examples=_examples(new, sources),
    )


def _examples(new: Tokens, sources: Sources) -> tuple[str, ...]:
    texts = {number: new.text([number]) for number, source in enumerate(sources) if len(source) != 1}
    whole = [number for number, text in texts.items() if text and "\ufffd" not in text]  # no halves of letters
    shown = sorted(whole, key=lambda number: -len(sources[number]))
    composed = [f"{texts[n]!r} of {len(sources[n])} old tokens" for n in shown if sources[n]]
    fresh = [f"{texts[n]!r}, new" for n in shown if not sources[n]]
    return (*composed[:_SHOWN], *fresh[:_SHOWN])


def _named(letters: str) -> str:
    more = len(letters) - _LETTERS
    return letters[:_LETTERS] + (f" and {more} more" if more > 0 else "") or "none"
