"""Greedy decoding with a draft: another reader's text, whose tokens are checked many at a time.

A large decoder spends its time fetching its weights, hardly longer for many tokens than for one. So it is given what a
small reader read, and says of each token whether it would have written it; from the first one that it would not, it
goes on by itself until the two agree again. The text is that of `decoding.greedy` (Leviathan et al. 2023,
arXiv 2211.17192, with a draft that is known from the start).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from manuscribe.readers.trocr.configuration import Generation
from manuscribe.readers.trocr.decoding import (
    Chosen,
    Scores,
    Session,
    Written,
    ban_repetitions,
    chosen_of,
    log_softmax,
    written,
)

_AHEAD = 16  # tokens that are checked together; more are seldom all right
_NEAR = 8  # tokens of the draft among which the decoder's last one is looked for


@dataclass(frozen=True, slots=True)
class Checked:
    """A text, and how much the draft helped.

    Attributes:
        passes: Times that the decoder ran.
        guessed: Tokens that were guessed.
        right: Those that the decoder would have written, too.
    """

    written: Written
    passes: int
    guessed: int
    right: int


def checked(session: Session, draft: Sequence[int], settings: Generation) -> Checked:
    """The surest next token, until the end, of a session with one text.

    Args:
        draft: Tokens of what the text may be, without start and end.
    """
    run = _Run(session, list(draft), settings)
    while not run.done:
        run.advance()
    return Checked(written(run.tokens, run.sureness, settings), run.passes, run.guessed, run.right)


class _Run:
    def __init__(self, session: Session, draft: list[int], settings: Generation) -> None:
        self._session, self._draft, self._settings = session, draft, settings
        self._place: int = 0  # in the draft
        self._agrees = True
        self.tokens = [settings.decoder_start_token_id]
        self.sureness: list[Chosen] = []
        self.passes = self.guessed = self.right = 0
        self.done = False

    def advance(self) -> None:
        """Check the next tokens of the draft, and write one more."""
        room = self._settings.max_length - len(self.tokens) - 1
        ahead = self._draft[self._place : self._place + min(_AHEAD, room)] if self._agrees else []
        scores = self._session.step(np.array([[self.tokens[-1], *ahead]], np.int64))[0]
        self.passes += 1
        self.guessed += len(ahead)
        right = 0
        while not self._write(scores[right]) and right < len(ahead) and self.tokens[-1] == ahead[right]:
            right += 1
        self.right += right
        if not self.done:
            if right < len(ahead):
                self._session.forget(len(ahead) - right)
            self._place += right
            self._find()

    def _write(self, scores: Scores) -> bool:
        """Write the surest token; whether the text is done."""
        logs = log_softmax(scores[None])
        ban_repetitions(logs, [self.tokens], self._settings.no_repeat_ngram_size)
        best = int(logs[0].argmax())
        self.tokens.append(best)
        self.sureness += chosen_of(logs, [best])
        self.done = best in self._settings.eos_token_id or len(self.tokens) >= self._settings.max_length
        return self.done

    def _find(self) -> None:
        """Go on in the draft behind the token that was written last, if it has it soon."""
        near = self._draft[self._place : self._place + _NEAR]
        self._agrees = self.tokens[-1] in near
        if self._agrees:
            self._place += near.index(self.tokens[-1]) + 1
