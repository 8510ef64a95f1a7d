"""Making of the character models: transcriptions, sentences, drawn texts and word lists, counted by language."""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import wordfreq
from pydantic import Field

from manuscribe.datasets.labelled import LabelledLine
from manuscribe.datasets.rendering.texts import TextSource, load_texts
from manuscribe.text.characters import START, CharacterModel, save_models
from manuscribe.text.charset import charset
from manuscribe.training.export import write_card
from manuscribe.training.form import RecipeForm
from manuscribe.training.lines import RealSection
from manuscribe.training.ngrams import LONGEST, Text, fit, joined

_Counted = Iterator[tuple[str, float, bool]]
"""Texts with how often each counts; and whether it is a line, or a word that was counted elsewhere."""

_SUFFIX = ".safetensors"


class CorpusSection(RealSection):
    """What is counted: transcriptions without those that the compact reader's recipe holds out, and texts.

    Attributes:
        texts: Folder of sentences.
        languages: Each gets a model, from texts in its characters alone. Transcriptions are counted in the language
            that their column `language` names; without one, or in another, they are left out.
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
    texts = load_texts(root / recipe.data.texts, recipe.data.languages)
    models = {
        language: _fitted(
            recipe, language, [*_lines_in(learnt, language), *_texts(recipe.data, language, texts[language])], numbers
        )
        for language in recipe.data.languages
    }
    path = out / f"{recipe.name}{_SUFFIX}"
    save_models(path, models)
    write_card(path, recipe.for_card(sum(m.size for m in models.values()), _figures(models, held, numbers), characters))
    return path


def _fitted(
    recipe: Recipe, language: str, rows: Sequence[tuple[str, float, bool]], numbers: Mapping[str, int]
) -> CharacterModel:
    known = set(charset(language))
    texts = [_as_classes(*row, numbers) for row in rows if set(row[0]) <= known]
    return fit(joined(texts), [START, *(numbers[letter] for letter in known)], recipe.order, recipe.threshold)


def _lines_in(lines: Sequence[LabelledLine], language: str) -> _Counted:
    return ((line.text, 1.0, True) for line in lines if line.language == language)


def _figures(
    models: Mapping[str, CharacterModel], held: Sequence[LabelledLine], numbers: Mapping[str, int]
) -> dict[str, float]:
    """How well each language's held-out lines are foreseen, where there are some."""
    figures = {}
    for language, model in models.items():
        known = set(charset(language))
        texts = [text for text, _, _ in _lines_in(held, language) if set(text) <= known]
        if texts:
            figures[f"bits_per_character_{language}"] = bits_per_character(model, texts, numbers)
    return figures


def bits_per_character(model: CharacterModel, texts: Sequence[str], numbers: Mapping[str, int]) -> float:
    """How badly the model foresees texts, in bits a character."""
    nats = -sum(sum(model.scores([numbers[character] for character in text])) for text in texts)
    return nats / math.log(2) / sum(map(len, texts))


def _texts(data: CorpusSection, language: str, sentences: Sequence[str]) -> _Counted:
    source, rng = TextSource({language: sentences}), np.random.default_rng(data.seed)
    weight = min(4.0, data.characters / sum(map(len, sentences)))
    yield from ((sentence, weight, True) for sentence in sentences)
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
