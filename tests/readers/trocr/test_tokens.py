"""Tokens to text as the checkpoint's tokenizer in transformers does it, in all layouts of its files."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("transformers")
pytest.importorskip("sentencepiece")

import sentencepiece
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from manuscribe.errors import ModelError
from manuscribe.readers.trocr.tokens import Tokens
from tests.readers.trocr.building import SPECIAL, byte_tokenizer, change_json

TEXTS = [
    "Dear Sir, I have the honour", "Вчера получил письмо", "Tôi đã nhận được thư của anh", "Ўзбек — “ёлка”", "a", "",
    " two  spaces ", "𝔄 😀 end", "don't , won't .", "e\u0301te\u0301",
]  # fmt: skip
LINES = [
    "the quick brown fox jumps over the lazy dog", "I have the honour to acknowledge the receipt of your letter",
    "вчера я получил ваше письмо и очень вас благодарю", "tôi đã nhận được thư của anh ngày hôm qua",
    "don't you see , he said . it is 's not ! is it ? yes , we 've been there n't", "' quoted ' words , 'm 're",
]  # fmt: skip


def save_fast(folder: Path, **settings: Any) -> Any:
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=byte_tokenizer(400), bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="<unk>"
    )
    tokenizer.save_pretrained(folder)
    change_json(folder / "tokenizer_config.json", **settings)
    return AutoTokenizer.from_pretrained(folder)


def save_byte_parts(folder: Path) -> Any:
    """The layout of microsoft/trocr-base-handwritten: vocab.json and merges.txt alone."""
    model = json.loads(byte_tokenizer(400).to_str())["model"]
    (folder / "vocab.json").write_text(json.dumps(model["vocab"]), encoding="utf-8")
    merges = [" ".join(merge) for merge in model["merges"]]
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]), encoding="utf-8")
    special = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
    special |= {"cls_token": "<s>", "sep_token": "</s>"}
    mask = {"content": "<mask>", "single_word": False, "lstrip": True, "rstrip": False, "normalized": True}
    (folder / "special_tokens_map.json").write_text(json.dumps(special | {"mask_token": mask}))
    config = {"add_prefix_space": False, "tokenizer_class": "RobertaTokenizer", "trim_offsets": True}
    (folder / "tokenizer_config.json").write_text(json.dumps(config | special))
    return AutoTokenizer.from_pretrained(folder)


@pytest.fixture(scope="module")
def sentences(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A small sentencepiece model, as bytes."""
    prefix = tmp_path_factory.mktemp("pieces") / "model"
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(LINES * 30), model_prefix=str(prefix), vocab_size=150, character_coverage=1.0,
        num_threads=1, minloglevel=2, hard_vocab_limit=False,
    )  # fmt: skip
    return prefix.with_suffix(".model").read_bytes()


def save_sentences(folder: Path, sentences: bytes, **settings: Any) -> Any:
    """The layout of microsoft/trocr-small-handwritten: sentencepiece.bpe.model without tokenizer.json."""
    (folder / "sentencepiece.bpe.model").write_bytes(sentences)
    config = {"tokenizer_class": "XLMRobertaTokenizer", "model_max_length": 512} | settings
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return AutoTokenizer.from_pretrained(folder)


def agree(ours: Tokens, theirs: Any, texts: list[str]) -> None:
    """Both write the same of texts and of tokens in any order."""
    for text in texts:
        tokens = theirs(text, add_special_tokens=False).input_ids
        assert ours.tokens(text) == tokens
        assert ours.text(tokens) == theirs.decode(tokens, skip_special_tokens=True)
        special = [theirs.bos_token_id, *tokens, theirs.eos_token_id, theirs.pad_token_id]
        assert ours.text(special) == theirs.decode(special, skip_special_tokens=True)
    choose = random.Random(1)
    for _ in range(60):
        tokens = [choose.randrange(len(theirs)) for _ in range(12)]
        assert ours.text(tokens) == theirs.decode(tokens, skip_special_tokens=True)


def check_origins(tokens: Tokens, numbers: list[int]) -> list[int]:
    text, origins = tokens.text(numbers), tokens.origins(numbers)
    assert len(origins) == len(text)
    assert origins == sorted(origins)
    for place, token in enumerate(origins):  # whole with it, and not before
        assert tokens.text(numbers[: token + 1]).startswith(text[: place + 1].rstrip())
    return origins


def test_a_saved_fast_tokenizer(tmp_path: Path) -> None:
    theirs = save_fast(tmp_path)
    ours = Tokens(tmp_path, 400)
    agree(ours, theirs, TEXTS)
    assert [ours.text(ours.tokens(text)) for text in TEXTS] == TEXTS


def test_vocabulary_and_merges_alone(tmp_path: Path) -> None:
    theirs = save_byte_parts(tmp_path)
    ours = Tokens(tmp_path, 400)
    agree(ours, theirs, TEXTS)
    assert [ours.text(ours.tokens(text)) for text in TEXTS] == TEXTS


def test_a_sentencepiece_model_alone(tmp_path: Path, sentences: bytes) -> None:
    theirs = save_sentences(tmp_path, sentences)
    ours = Tokens(tmp_path, len(theirs))
    agree(ours, theirs, LINES)
    assert ours.text(ours.tokens(LINES[2])) == LINES[2]


def by_bytes(tokens: Tokens, text: str) -> list[int]:
    """A token for each byte, as a decoder may write it."""
    found = byte_tokenizer(261).encode(text, add_special_tokens=False).ids  # no pairs, and the same numbers
    assert len(found) == len(text.encode())
    assert tokens.text(found) == text
    return found


@pytest.mark.parametrize("text", ["Я иду", "được", "a—b", "😀!"])
def test_letters_of_several_bytes_come_with_their_last_token(text: str, tmp_path: Path) -> None:
    save_fast(tmp_path)
    tokens = Tokens(tmp_path, 400)
    ends = [len(text[: n + 1].encode()) - 1 for n in range(len(text))]
    assert check_origins(tokens, by_bytes(tokens, text)) == ends


@pytest.mark.parametrize("text", TEXTS)
def test_every_character_has_an_origin(text: str, tmp_path: Path) -> None:
    save_fast(tmp_path)
    tokens = Tokens(tmp_path, 400)
    check_origins(tokens, tokens.tokens(text))
    check_origins(tokens, [0, *tokens.tokens(text), 2])


def test_half_a_letter_at_the_end(tmp_path: Path) -> None:
    """A text that was cut off may end amid a letter."""
    save_fast(tmp_path)
    tokens = Tokens(tmp_path, 400)
    numbers = by_bytes(tokens, "Яд")[:-1]
    assert tokens.text(numbers) == "Я\ufffd"
    assert tokens.origins(numbers) == [1, 2]


def test_origins_of_pieces(tmp_path: Path, sentences: bytes) -> None:
    theirs = save_sentences(tmp_path, sentences, clean_up_tokenization_spaces=True)
    tokens = Tokens(tmp_path, len(theirs))
    for line in LINES:
        check_origins(tokens, tokens.tokens(line))


TANGLED = ["a ' ' b", "it ' . is", "we 's 're", "n't , . ! ?", "' 'm", "the ' quick ' fox , jumps n't"]


@pytest.mark.parametrize("tidy", [True, False])
def test_spaces_are_taken_out_of_pieces_where_asked_for(tidy: bool, tmp_path: Path, sentences: bytes) -> None:
    theirs = save_sentences(tmp_path, sentences, clean_up_tokenization_spaces=tidy)
    ours = Tokens(tmp_path, len(theirs))
    agree(ours, theirs, [*LINES, *TANGLED])
    text = "he said , don't . yes"
    assert ours.text(ours.tokens(text)) == ("he said, don't. yes" if tidy else text)


@pytest.mark.parametrize("layout", ["fast", "parts"])
def test_spaces_of_byte_pairs_are_never_taken_out(layout: str, tmp_path: Path) -> None:
    save_fast(tmp_path) if layout == "fast" else save_byte_parts(tmp_path)
    change_json(tmp_path / "tokenizer_config.json", clean_up_tokenization_spaces=True)
    ours = Tokens(tmp_path, 400)
    agree(ours, AutoTokenizer.from_pretrained(tmp_path), [*LINES, *TANGLED])
    assert ours.text(ours.tokens("he said , yes .")) == "he said , yes ."


def test_special_tokens_are_no_text(tmp_path: Path) -> None:
    save_fast(tmp_path)
    assert Tokens(tmp_path, 400).text([*range(4), 399]) == ""
    assert len(SPECIAL) == 5


@pytest.mark.parametrize(("vocabulary", "fits"), [(400, True), (405, True), (421, True), (422, False), (399, False)])
def test_a_decoder_may_have_a_few_rows_more_than_tokens(vocabulary: int, fits: bool, tmp_path: Path) -> None:
    save_fast(tmp_path)
    if fits:
        tokens = Tokens(tmp_path, vocabulary)
        assert tokens.text([*tokens.tokens("yes"), vocabulary - 1]) == "yes"
    else:
        with pytest.raises(ModelError, match=f"the tokenizer has 400 tokens, and the decoder {vocabulary}"):
            Tokens(tmp_path, vocabulary)


def test_code_in_a_folder_is_neither_asked_for_nor_run(tmp_path: Path) -> None:
    save_byte_parts(tmp_path)
    (tmp_path / "own.py").write_text(f"open({str(tmp_path / 'sprung')!r}, 'w')")
    change_json(
        tmp_path / "tokenizer_config.json",
        auto_map={"AutoTokenizer": ["own.Own", "own.Own"]}, tokenizer_class="Own",
    )  # fmt: skip
    with pytest.raises(ModelError, match="does not load"):
        Tokens(tmp_path, 400)
    assert not (tmp_path / "sprung").exists()
