"""Making of the character model: transcriptions, sentences, drawn texts and word lists, counted."""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import wordfreq
from pydantic import Field

from manuscribe.datasets.rendering.texts import TextSource, load_texts
from manuscribe.text.characters import START, CharacterModel
from manuscribe.text.charset import charset
from manuscribe.training.export import write_card
from manuscribe.training.form import RecipeForm
from manuscribe.training.lines import RealSection
from manuscribe.training.ngrams import LONGEST, Text, fit, joined

_Counted = Iterator[tuple[str, float, bool]]
"""Texts with how often each counts; and whether it is a line, or a word that was counted elsewhere."""

_SUFFIX = ".safetensors"


class CorpusSection(RealSection):
    """What is counted: transcriptions, once each, without those that the compact reader's recipe holds out; and texts.

    Attributes:
        texts: Folder of sentences.
        languages: Languages of the sentences, drawn texts and words.
        characters: What each language's sentences count for together, in characters.
        drawn: Texts of about a line's length that are drawn as for rendering: phrases, numbers, capitals.
        words: What each language's common words count for together, in words, each by its frequency.
    """

    texts: str
    languages: tuple[str, ...]
    characters: int = Field(default=1_200_000, gt=0)
    drawn: int = Field(default=20_000, ge=0)
    words: int = Field(default=200_000, ge=0)


class Recipe(RecipeForm):
    """A whole recipe: `kind: character-model`.

    Attributes:
        order: Length of the longest n-grams.
        threshold: Least gain in nats for which an n-gram is kept: decides the model's size.
    """

    kind: Literal["character-model"]
    data: CorpusSection
    order: int = Field(default=7, ge=2, le=LONGEST)
    threshold: float = Field(default=2.0, ge=0)


def build(recipe: Recipe, root: Path, out: Path, *, resume: bool = False, quiet: bool = False) -> Path:  # noqa: ARG001
    """Count, and write the model and its card into the folder `out`; returns the model's file.

    Raises:
        InputError: Data are missing.
    """
    characters = charset()
    numbers = {character: number for number, character in enumerate(characters, start=1)}
    learnt, held = recipe.data.split(root, characters)
    rows = [*((line.text, 1.0, True) for line in learnt), *_texts(recipe.data, root)]
    texts = [_as_classes(*row, numbers) for row in rows if set(row[0]) <= set(characters)]
    model = fit(joined(texts), len(characters) + 1, recipe.order, recipe.threshold)
    path = out / f"{recipe.name}{_SUFFIX}"
    model.save(path)
    figures = {"bits_per_character": bits_per_character(model, [line.text for line in held], numbers)}
    write_card(path, recipe.for_card(model.size, figures, characters))
    return path


def bits_per_character(model: CharacterModel, texts: Sequence[str], numbers: Mapping[str, int]) -> float:
    """How badly the model foresees texts, in bits a character."""
    nats = 0.0
    for text in texts:
        context = model.start
        for character in text:
            score, context = model.step(context, numbers[character])
            nats -= score
    return nats / math.log(2) / sum(map(len, texts))


def _texts(data: CorpusSection, root: Path) -> _Counted:
    sentences = load_texts(root / data.texts, data.languages)
    source, rng = TextSource(sentences), np.random.default_rng(data.seed)
    for language in data.languages:
        whole = sentences[language]
        weight = min(4.0, data.characters / sum(map(len, whole)))
        yield from ((sentence, weight, True) for sentence in whole)
        for _ in range(data.drawn):
            yield source.draw(language, int(rng.integers(10, 60)), rng), 0.5, True
        yield from _words(language, source.common_words(language), data.words)


def _words(language: str, words: Sequence[str], count: int) -> _Counted:
    """Words between spaces, each as often as it occurs in so many words; a few with a capital."""
    frequencies = np.array([wordfreq.word_frequency(word, language) for word in words])
    counts = frequencies / frequencies.sum() * count
    for word, weight in zip(words, counts.tolist(), strict=True):
        yield f" {word} ", weight, False
        yield f" {word.capitalize()} ", 0.2 * weight, False


def _as_classes(text: str, weight: float, line: bool, numbers: Mapping[str, int]) -> Text:
    classes = np.array([*([START] if line else []), *(numbers[c] for c in text)], dtype=np.uint64)
    return Text(classes, weight, weight if line else min(weight, 1.0))
