"""Each fault that spoils training is found, and sound data have none."""

import cv2
import numpy as np
import pytest

from manuscribe.datasets.checking import check
from manuscribe.readers.vocabulary import LetterVocabulary, vocabulary_of
from tests.datasets.conftest import picture


@pytest.fixture
def sound(labelled):
    """Ten lines of five writers, divided."""
    return [labelled(f"line {i} of it", group=str(i // 2), split="validation" if i < 2 else "train") for i in range(10)]


@pytest.fixture
def tiny_checkpoint(tmp_path):
    """A checkpoint whose tokenizer has ASCII letters alone, and writes 24 tokens at most."""
    pytest.importorskip("transformers")
    from tokenizers import Tokenizer
    from tokenizers.models import BPE

    from tests.readers.trocr.building import build

    build(tmp_path / "checkpoint")
    tokens = ["<s>", "<pad>", "</s>", "<unk>", *map(chr, range(32, 127)), *(f"<{i}>" for i in range(301))]
    tokenizer = Tokenizer(BPE({token: n for n, token in enumerate(tokens)}, [], unk_token="<unk>"))
    tokenizer.add_special_tokens(tokens[:4])
    tokenizer.save(str(tmp_path / "checkpoint" / "tokenizer.json"))
    return tmp_path / "checkpoint"


def kinds(lines, vocabulary=None):
    return {finding.kind: finding for finding in check(lines, vocabulary)}


def test_sound_data_have_no_faults(sound):
    assert kinds(sound, vocabulary_of("compact")) == {}


def test_images_are_opened(sound, labelled, tmp_path):
    blank = cv2.imencode(".png", np.full((20, 200), 200, np.uint8))[1].tobytes()
    found = kinds([*sound, labelled("gone", image=tmp_path / "x.png"), labelled("broken", image=b"x"),
                   labelled("an empty line", image=blank)])  # fmt: skip
    assert found["unreadable"].lines == (10, 11)
    assert "x.png" in found["unreadable"].detail
    assert found["blank"].lines == (12,)


def test_texts_are_looked_at(sound, labelled):
    found = kinds([*sound, labelled("  ", image=picture("q")), labelled("a\nb"), labelled("e\u0301te\u0301")])
    assert found["empty"].lines == (10,)
    assert (found["control"].lines, found["control"].detail) == ((11,), "U+000A")
    assert (found["decomposed"].lines, found["decomposed"].severity) == ((12,), "remark")


def test_twins_are_found_also_under_another_encoding(sound, labelled):
    # The same pixels as the first line's, in another file format.
    found = kinds([*sound, labelled(sound[0].text, image=picture(sound[0].text, ".bmp"), split="validation")])
    assert found["duplicate"].lines == (10,)
    assert found["duplicate"].severity == "remark"
    found = kinds([*sound, labelled("other", image=picture(sound[0].text), split="validation")])
    assert found["contradiction"].lines == (0, 10)


def test_leaks_between_splits_are_faults(sound, labelled):
    found = kinds([*sound, labelled(sound[0].text, split="train", group="9")])
    assert (found["leak"].lines, found["leak"].severity) == ((0, 10), "fault")
    found = kinds([*sound, labelled("another line", split="train", group="0")])
    assert found["torn"].lines == (0, 1, 10)


def test_one_hand_alone_may_be_divided(labelled):
    lines = [labelled(f"line {i}", group="Anna", split="train" if i else "validation") for i in range(5)]
    assert kinds(lines) == {}


def test_a_missing_split_is_a_fault(sound):
    assert "validation" in kinds(sound[2:])["split"].problem


def test_characters_that_a_reader_cannot_write_are_counted(sound, labelled):
    found = kinds([*sound, labelled("ʒ and ʒ"), labelled("x" * 40)], LetterVocabulary(frozenset("lineoft 0123456789")))
    assert found["unwritable"].lines == (10, 11)
    assert found["unwritable"].detail.startswith("x×40 ʒ×2")


def test_a_text_that_cannot_be_its_image_s_is_remarked(sound, labelled):
    found = kinds([*sound, labelled("far too long for such a picture", image=picture("ab"))])
    assert found["width"].lines == (10,)


def test_one_text_too_often_is_remarked(labelled):
    same = [labelled("I consent", image=picture("I consent", height=20 + i)) for i in range(6)]
    assert kinds([*same, labelled("else")])["frequent"].lines == (0, 1, 2, 3, 4, 5)


def test_what_a_checkpoint_loses_and_what_is_too_long_for_it(tiny_checkpoint, sound, labelled):
    found = kinds([*sound, labelled("the ¤ sign"), labelled("word " * 60)], vocabulary_of(str(tiny_checkpoint)))
    assert "¤×1" in found["unwritable"].detail
    assert 11 in found["long"].lines
