"""Drafts: the text is that of greedy decoding, whatever the draft says; a good one saves passes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from manuscribe.errors import UsageError
from manuscribe.readers.trocr.configuration import Generation
from manuscribe.readers.trocr.decoding import greedy
from manuscribe.readers.trocr.drafts import checked

END, TOKENS = 0, 6


class Chain:
    """A session whose next token follows from the tokens before by chance, always the same for the same ones."""

    def __init__(self, seed: int) -> None:
        self.seed, self.tokens = seed, []  # type: ignore[var-annotated]

    def step(self, tokens: np.ndarray) -> np.ndarray:
        found = []
        for token in tokens[0].tolist():
            self.tokens.append(token)
            found.append(np.random.default_rng((self.seed, *self.tokens)).normal(0, 3, TOKENS))
        return np.array([found], np.float32)

    def select(self, images: Any, texts: Any) -> None: ...

    def forget(self, count: int) -> None:
        assert count > 0
        del self.tokens[-count:]


def settings(**changes: Any) -> Generation:
    values = {"decoder_start_token_id": 1, "eos_token_id": END, "max_length": 30} | changes
    return Generation(**values)


@pytest.mark.parametrize("changes", [{}, {"max_length": 3}, {"max_length": 2}, {"no_repeat_ngram_size": 2}])
@pytest.mark.parametrize("seed", range(12))
def test_any_draft_gives_the_greedy_text(seed: int, changes: dict[str, Any]) -> None:
    chosen = settings(**changes)
    (expected,) = greedy(Chain(seed), 1, chosen)
    rng = np.random.default_rng(seed)
    spoilt = [token if rng.random() < 0.8 else 5 for token in expected.tokens]
    drafts = [[], list(expected.tokens), spoilt, spoilt[1:], [5, *spoilt], rng.integers(0, TOKENS, 40).tolist()]
    for draft in drafts:
        found = checked(Chain(seed), draft, chosen)
        assert found.written.tokens == expected.tokens
        assert found.written.log_probabilities == pytest.approx(expected.log_probabilities)
        assert found.written.truncated == expected.truncated
        assert found.right <= found.guessed


def test_a_good_draft_needs_one_pass() -> None:
    for seed in range(12):
        (expected,) = greedy(Chain(seed), 1, settings())
        if 2 <= len(expected.tokens) <= 16 and not expected.truncated:
            found = checked(Chain(seed), expected.tokens, settings())
            assert (found.passes, found.right) == (1, len(expected.tokens))
            return
    raise AssertionError("no chain of a fitting length")


def test_a_draft_that_differs_in_one_token_is_taken_up_again() -> None:
    for seed in range(40):
        (expected,) = greedy(Chain(seed), 1, settings())
        if len(expected.tokens) >= 8 and not expected.truncated:
            wrong = [*expected.tokens[:2], 5 if expected.tokens[2] != 5 else 4, *expected.tokens[3:]]
            assert checked(Chain(seed), wrong, settings()).passes < len(expected.tokens)
            return
    raise AssertionError("no chain of a fitting length")


@pytest.mark.parametrize("engine", ["torch", "openvino", "onnx"])
def test_every_engine_forgets_what_was_guessed_wrongly(engine: Any, tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    from manuscribe.readers.options import ReaderOptions
    from manuscribe.readers.trocr.images import together
    from manuscribe.readers.trocr.reader import TrocrReader
    from tests.readers.trocr.building import build, lines
    from tests.readers.trocr.test_parity import ENDS

    build(tmp_path, generation={"eos_token_id": ENDS})
    plain = TrocrReader(str(tmp_path), ReaderOptions(engine=engine, threads=1))
    chosen = plain._configuration.generation
    images = lines(4, seed=3)
    for image, expected in zip(images, plain.tokens(images), strict=True):
        for place in range(len(expected)):
            draft = [*expected[:place], 7, *expected[place + 1 :]]
            session = plain._engine.begin(together([image], plain._configuration), 1, chosen.max_length)
            assert checked(session, draft, chosen).written.tokens == expected


def test_the_option(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    from manuscribe.readers.options import ReaderOptions
    from manuscribe.readers.trocr.reader import TrocrReader
    from tests.readers.trocr.building import build, lines
    from tests.readers.trocr.test_parity import ENDS

    build(tmp_path, generation={"eos_token_id": ENDS, "num_beams": 1})
    images = lines(5)
    with_draft, without = (TrocrReader(str(tmp_path), ReaderOptions(draft=d, threads=1)) for d in (True, False))
    assert [line.text for line in with_draft.read(images)] == [line.text for line in without.read(images)]
    with pytest.raises(UsageError, match="surest token"):
        TrocrReader(str(tmp_path), ReaderOptions(draft=True, beams=4))
