"""From the tokens of an answer to its text, and which part of it each of them wrote."""

from collections.abc import Sequence

from tokenizers import Tokenizer

from manuscribe.readers.vlm.answers import Piece

# Tokens that a tokenizer calls special, and that are part of what DeepSeek-OCR writes: places and tables.
_MARKS = frozenset({"<|ref|>", "<|/ref|>", "<|det|>", "<|/det|>", "<|grounding|>", "<td>", "</td>", "<tr>", "</tr>"})
_HALF = "\ufffd"  # what a tokenizer writes for the bytes of a character that is not whole yet


class Spelling:
    """Spells tokens, without those that frame a text."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        added = tokenizer.get_added_tokens_decoder().items()
        self._special = {token for token, entry in added if entry.special and entry.content not in _MARKS}

    def spelt(self, token: int) -> str:
        """The text of a single token; nothing for a special one."""
        return "" if token in self._special else self._text([token])

    def pieces(self, tokens: Sequence[int], log_probabilities: Sequence[float]) -> tuple[Piece, ...]:
        """What each token wrote; together it is the text, without white space around it.

        Tokens that wrote a character together are one piece, as likely as all of them. Those that wrote nothing, and
        those that wrote white space around the text, have none.
        """
        known = zip(tokens, log_probabilities, strict=True)
        kept = [(token, log) for token, log in known if token not in self._special]
        whole = self._text([token for token, _ in kept])
        found: list[Piece] = []
        written, together = 0, 0.0
        for count, (_, log) in enumerate(kept, 1):
            # What a token brings may still change with the next ones, as long as it is no beginning of the text.
            now = whole if count == len(kept) else self._text([t for t, _ in kept[:count]]).rstrip(_HALF)
            together += log
            if len(now) > written and whole.startswith(now):
                found.append(Piece(whole[written : len(now)], together))
                written, together = len(now), 0.0
        return _stripped(found)

    def _text(self, tokens: list[int]) -> str:
        text: str = self._tokenizer.decode(tokens, skip_special_tokens=False)
        return text


def _stripped(pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    """The pieces without white space around their text."""
    text = "".join(piece.text for piece in pieces)
    begin, end = len(text) - len(text.lstrip()), len(text.rstrip())
    kept, place = [], 0
    for piece in pieces:
        part = piece.text[max(0, begin - place) : max(0, end - place)]
        place += len(piece.text)
        if part:
            kept.append(Piece(part, piece.log_probability))
    return tuple(kept)
