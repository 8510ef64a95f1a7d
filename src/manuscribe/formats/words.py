"""The words of a file, brought back to the characters of a line.

PAGE and ALTO store words, with or without glyphs; the document model stores characters, spaces included.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from manuscribe.document.model import Character, Line


@dataclass(frozen=True, slots=True)
class FileWord:
    """A word as a file has it; `glyphs` is empty where the file says nothing about characters."""

    text: str
    confidence: float | None
    glyphs: tuple[Character, ...]


def characters_of(text: str, words: Sequence[FileWord]) -> tuple[Character, ...]:
    """The characters that spell a line's text, as far as its words tell about them.

    A word without glyphs passes its confidence on to each of its characters, so that the word's own (the
    least of them) stays what it was. Characters between words know nothing.

    Returns:
        Characters that spell `text` exactly; empty where the words do not occur in it in order.
    """
    characters: list[Character] = []
    end = 0
    for word in words:
        start = text.find(word.text, end)
        if start < 0:
            return ()
        characters += [Character(letter) for letter in text[end:start]]
        characters += _spelling(word)
        end = start + len(word.text)
    if not words:
        return ()
    return (*characters, *(Character(letter) for letter in text[end:]))


def with_words(line: Line, words: Sequence[FileWord]) -> Line:
    """The line with the confidences of its words, where the file says others than follow from its characters.

    A file that does not say one for every word has none to give.
    """
    told, known = [(word.text, word.confidence) for word in words], [(w.text, w.confidence) for w in line.words]
    sure = tuple(confidence for _, confidence in told if confidence is not None)
    same_words = [text for text, _ in told] == [text for text, _ in known]
    if told == known or not same_words or len(sure) < len(told):
        return line
    return replace(line, word_confidences=sure)


def _spelling(word: FileWord) -> Sequence[Character]:
    if "".join(glyph.text for glyph in word.glyphs) == word.text:
        return word.glyphs
    return [Character(letter, word.confidence) for letter in word.text]
