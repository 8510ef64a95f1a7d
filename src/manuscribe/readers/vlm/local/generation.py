"""Writes an answer token by token, always the likeliest one, and knows how likely each was."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import torch
from torch import Tensor
from transformers import (
    GenerationConfig,
    LogitsProcessor,
    LogitsProcessorList,
    StoppingCriteria,
    StoppingCriteriaList,
)


class Watch(Protocol):
    """Looks at the tokens of one answer as they come."""

    def add(self, token: int) -> bool:
        """Take the next token, and tell whether the tokens go round in circles."""
        ...


@dataclass(frozen=True, slots=True)
class Ban:
    """Runs of tokens that an answer may not have twice.

    Attributes:
        run: Tokens that make a run.
        window: Newest tokens among which no run may be twice.
        exempt: Tokens that may always come: those of tables, whose empty cells are alike.
    """

    run: int
    window: int
    exempt: frozenset[int] = frozenset()

    def forbids(self, tokens: Sequence[int]) -> set[int]:
        """The tokens that may not come next."""
        near = list(tokens[-self.window :])
        begun = near[len(near) - self.run + 1 :] if len(near) >= self.run else near
        starts = range(len(near) - self.run + 1)
        return {near[s + self.run - 1] for s in starts if near[s : s + self.run - 1] == begun} - self.exempt


_CAREFUL = Ban(run=12, window=256)


def careful(ban: Ban | None) -> Ban:
    """The ban for an answer that went round in circles before, for a model that has `ban` otherwise.

    Twelve tokens are two to six words, which real pages repeat seldom, and seldom so near; a penalty on tokens that
    were written before would change the text where nothing went wrong.
    """
    return _CAREFUL if ban is None else replace(_CAREFUL, exempt=ban.exempt)


@dataclass(slots=True)
class Written:
    """The tokens of an answer, without those of the prompt, and the logarithms of their probabilities.

    The probabilities are the model's own, from before any ban.
    """

    tokens: list[int] = field(default_factory=list)
    log_probabilities: list[float] = field(default_factory=list)
    looped: bool = False


@torch.inference_mode()
def write(model: Any, inputs: Mapping[str, Tensor], longest: int, ban: Ban | None, watch: Watch) -> Written:
    """Let a model that has transformers' `generate` answer.

    Args:
        inputs: What its `forward` takes, for one prompt.
        longest: Tokens at most.
        ban: What may not come again; `None` lets all come.
        watch: A new one, which ends the answer when it goes round in circles.
    """
    written = Written()
    scored = _Scored(written, ban)
    settings: GenerationConfig = copy.deepcopy(model.generation_config)
    settings.max_new_tokens = longest
    model.generate(
        **inputs,
        generation_config=settings,
        logits_processor=LogitsProcessorList([scored]),
        stopping_criteria=StoppingCriteriaList([_Heard(written, scored, watch)]),
    )
    return written


def rounds_cut(tokens: Sequence[int]) -> int:
    """How many tokens are left of those that end in circles, when the first round stays and the others go.

    The circle is the one that covers most of the end.
    """
    most, kept = 0, len(tokens)
    for period in range(1, len(tokens) // 2 + 1):
        if len(tokens) - period <= most:
            break
        same = 0
        while same < len(tokens) - period and tokens[-1 - same] == tokens[-1 - same - period]:
            same += 1
        if same >= period and same > most:
            most, kept = same, len(tokens) - same
    return kept


class _Scored(LogitsProcessor):
    """Keeps the scores of the next token, no others: those of a page's tokens together would take gigabytes."""

    def __init__(self, written: Written, ban: Ban | None) -> None:
        self.newest = torch.zeros(0)
        self._written = written
        self._ban = ban

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:  # noqa: ARG002
        self.newest = scores
        forbidden = sorted(self._ban.forbids(self._written.tokens)) if self._ban else []
        return scores.index_fill(1, torch.tensor(forbidden, dtype=torch.long, device=scores.device), -torch.inf)


class _Heard(StoppingCriteria):
    """Writes down what was chosen, and stops when it goes round in circles."""

    def __init__(self, written: Written, scored: _Scored, watch: Watch) -> None:
        self._written, self._scored, self._watch = written, scored, watch

    def __call__(self, input_ids: Tensor, scores: Tensor, **others: Any) -> Tensor:  # noqa: ARG002
        token = int(input_ids[0, -1])
        raw = self._scored.newest[0].float()
        self._written.tokens.append(token)
        self._written.log_probabilities.append(float(raw[token] - raw.logsumexp(0)))
        self._written.looped = self._watch.add(token)
        return torch.tensor([self._written.looped], device=input_ids.device)
