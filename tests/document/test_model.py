"""The document model: words of lines, text of pages, and that nothing can be changed in place."""

from dataclasses import FrozenInstanceError, replace

import pytest

from manuscribe.document.model import Character, Document, Line, Page, Region


def characters(text, confidence=0.9):
    return tuple(Character(letter, confidence) for letter in text)


def test_words_without_characters_take_the_confidence_of_the_line():
    words = Line(text=" deux  mots ", confidence=0.5).words
    assert [(word.text, word.confidence, word.polygon) for word in words] == [
        ("deux", 0.5, None),
        ("mots", 0.5, None),
    ]


def test_words_are_groups_of_characters_between_spaces():
    words = Line(text="à  toi", characters=characters("à \N{NO-BREAK SPACE}toi")).words
    assert [word.text for word in words] == ["à", "toi"]
    assert [len(word.characters) for word in words] == [1, 3]


def test_a_word_is_as_sure_as_its_weakest_character():
    line = Line(characters=(Character("a", 0.9), Character("b", 0.2), Character(" ", 0.1), Character("c", None)))
    assert [word.confidence for word in line.words] == [0.2, None]


def test_a_word_reaches_around_its_characters():
    first = Character("a", polygon=((1, 5), (4, 5), (4, 9)))
    second = Character("b", polygon=((4, 2), (8, 3)))
    assert Line(characters=(first, second)).words[0].polygon == ((1, 2), (8, 2), (8, 9), (1, 9))
    assert Line(characters=(Character("a"), second)).words[0].polygon == ((4, 2), (8, 2), (8, 3), (4, 3))


@pytest.mark.parametrize("line", [Line(), Line(text="  "), Line(characters=characters("  "))])
def test_lines_without_words(line):
    assert line.words == ()


def test_text_of_pages_and_documents():
    first = Page(9, 9, (Region((Line("a"), Line("b"))), Region((Line("c"),), kind="margin")))
    second = Page(9, 9, (Region((Line("d"),)),))
    document = Document((first, second))
    assert first.text == "a\nb\n\nc"
    assert [line.text for line in first.lines] == ["a", "b", "c"]
    assert document.text == "a\nb\n\nc\n\fd"
    assert list(document) == [first, second]


def test_nothing_changes_in_place():
    line = Line("a")
    with pytest.raises(FrozenInstanceError):
        line.text = "b"  # type: ignore[misc]
    assert replace(line, text="b").text == "b"
    assert line.text == "a"
