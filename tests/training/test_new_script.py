"""New tokens for a checkpoint: texts come back exactly, what it knew stays, and what is new can be learnt."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import sentencepiece
import torch
import yaml
from hypothesis import given
from hypothesis import strategies as st
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, pre_tokenizers
from tokenizers.models import WordPiece
from transformers import AutoConfig, AutoTokenizer, PreTrainedTokenizerFast, VisionEncoderDecoderModel

from manuscribe.datasets.labelled import LabelledLine
from manuscribe.errors import InputError, ModelError, UsageError
from manuscribe.options import validated
from manuscribe.readers.options import ReaderOptions
from manuscribe.readers.trocr.reader import TrocrReader
from manuscribe.readers.trocr.tokens import Tokens
from manuscribe.readers.vocabulary import vocabulary_of
from manuscribe.training.finetune.adapters import merged
from manuscribe.training.finetune.course import Recipe
from manuscribe.training.finetune.trocr.lines import Collator, TaughtLines
from manuscribe.training.finetune.trocr.model import load_pupil, publish, reader_of
from manuscribe.training.finetune.trocr.script.checkpoint import ScriptSection, with_script
from manuscribe.training.finetune.trocr.script.embeddings import WITH_ROWS, begun
from manuscribe.training.finetune.trocr.script.vocabulary import Vocabulary
from tests.datasets.conftest import picture
from tests.readers.trocr.building import as_current, as_legacy, build, byte_tokenizer, change_json, current

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.filterwarnings("ignore::FutureWarning:transformers.*", "ignore::UserWarning:torch.*"),
]
SCRIPTS = {
    "Cyrillic": ("вчера получил", "вчера письмо", "ѣзда, ёлка", "№ 7 — даръ"),
    "Vietnamese": ("đã nhận được", "thư của anh", "nhận được thư", "Ưng ý ½"),
    "Arabic": ("السلام عليكم", "سَلَامٌ، ١٢", "عليكم السلام"),
    "Chinese": ("昨天收到，信。", "昨天的信！", "收到昨天的信"),
}
TEXTS = (*(text for texts in SCRIPTS.values() for text in texts), "x, die")
LATIN = ("Dear Sir", "two words, 12.", "naïve—ça")
EXTEND, BPE, CHARACTERS = ({"tokens": "extend", "size": 120}, {"tokens": "bpe", "size": 400}, {"tokens": "characters"})
TOKENS, HEAD = (f"{module}.weight" for module in WITH_ROWS)
LINES = ["the quick brown fox jumps over the lazy dog", "dear sir, two words: вчера, письмо.", "thư của anh"]


@pytest.fixture(autouse=True)
def one_thread():
    """Sums depend a little on the number of threads, which readers set for the whole process."""
    torch.set_num_threads(1)


def as_sentences(folder: Path) -> None:
    """Give a checkpoint the layout of microsoft/trocr-small-handwritten: sentencepiece.bpe.model, no tokenizer.json."""
    (folder / "tokenizer.json").unlink()
    prefix = folder / "pieces"
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(LINES * 30), model_prefix=str(prefix), vocab_size=120, character_coverage=1.0,
        num_threads=1, minloglevel=2, hard_vocab_limit=False,
    )  # fmt: skip
    prefix.with_suffix(".model").rename(folder / "sentencepiece.bpe.model")
    prefix.with_suffix(".vocab").unlink()
    config = {"tokenizer_class": "XLMRobertaTokenizer", "model_max_length": 512}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    size = len(AutoTokenizer.from_pretrained(folder))
    weights = load_file(folder / "model.safetensors")
    # Two rows more than tokens, as theirs has.
    weights = {name: (t[: size + 2].clone() if name in (TOKENS, HEAD) else t) for name, t in weights.items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    decoder = json.loads((folder / "config.json").read_text())["decoder"]
    change_json(folder / "config.json", decoder=decoder | {"vocab_size": size + 2})


@pytest.fixture(scope="module")
def bases(tmp_path_factory):
    """Checkpoints in the layouts that there are."""
    root = tmp_path_factory.mktemp("bases")
    build(root / "tied")
    build(root / "untied", decoder={"tie_word_embeddings": False})
    build(root / "sentences", kind="deit")
    as_sentences(root / "sentences")
    build(root / "letters")
    with_script(str(root / "letters"), None, section(CHARACTERS), LATIN, root / "letters", 0)
    return root


def section(values):
    return validated(ScriptSection, **values)


def made(base, folder, values, texts=TEXTS, seed=0):
    account = with_script(str(base), None, section(values), texts, folder, seed)
    return account, Tokens(folder, json.loads((folder / "config.json").read_text())["decoder"]["vocab_size"])


def rows_of(folder):
    """Embeddings and head, each as it counts."""
    state = load_pupil(str(folder)).model.state_dict()
    return state[TOKENS], state[HEAD]


def pixels():
    return torch.linspace(-1, 1, 3 * 32 * 32).reshape(1, 3, 32, 32)


# ---- what comes out


@pytest.mark.parametrize("layout", ["tied", "untied", "sentences", "letters"])
@pytest.mark.parametrize("values", [EXTEND, BPE, CHARACTERS], ids=lambda values: values["tokens"])
def test_texts_come_back_exactly_and_the_checkpoint_loads_everywhere(bases, tmp_path, layout, values):
    account, tokens = made(bases / layout, tmp_path / "out", values)
    theirs = AutoTokenizer.from_pretrained(tmp_path / "out")
    for text in TEXTS:
        numbers = tokens.tokens(text)
        assert tokens.text(numbers) == text
        assert theirs(text, add_special_tokens=False).input_ids == numbers
        assert theirs.decode([theirs.bos_token_id, *numbers, theirs.eos_token_id], skip_special_tokens=True) == text
    vocabulary = vocabulary_of(str(tmp_path / "out"))
    assert not any(vocabulary.lost(text) for text in TEXTS)
    assert max(vocabulary.length(text) for text in TEXTS) <= vocabulary.limit == account.limit
    assert account.kept + account.composed + account.fresh == account.after == len(theirs)
    plain = VisionEncoderDecoderModel.from_pretrained(tmp_path / "out").eval()
    pupil = load_pupil(str(tmp_path / "out"))
    batch = {"pixel_values": pixels(), "labels": torch.tensor([[*tokens.tokens(TEXTS[0]), theirs.eos_token_id]])}
    with torch.no_grad():
        torch.testing.assert_close(pupil.model.eval()(**batch).logits, plain(**batch).logits)
    read = TrocrReader(str(tmp_path / "out"), ReaderOptions(beams=1, threads=1)).read([np.full((32, 64, 3), 255, "u1")])
    written = plain.generate(pixels(), max_new_tokens=3)
    assert len(read) == 1
    assert written.max() < account.after
    assert not list(tmp_path.glob("*.new"))


@pytest.mark.parametrize("layout", ["tied", "untied", "sentences"])
@pytest.mark.parametrize("values", [EXTEND, BPE, CHARACTERS], ids=lambda values: values["tokens"])
def test_kept_rows_and_all_other_weights_are_bit_equal(bases, tmp_path, layout, values):
    account, tokens = made(bases / layout, tmp_path / "out", values)
    before, after = (current(load_file(folder / "model.safetensors")) for folder in (bases / layout, tmp_path / "out"))
    assert (HEAD in after) == (HEAD in before) == (layout == "untied")
    for name, tensor in after.items():
        if name not in (TOKENS, HEAD):
            assert torch.equal(tensor.view(torch.uint8), before[name].view(torch.uint8))
    assert set(before) - set(after) <= {name for name in before if "pooler" in name}
    old = Tokens(bases / layout, len(before[TOKENS]))
    for text in ("xd", "xi", "xe"):  # letters that are tokens, within a word
        (*_, source), (*_, target) = old.tokens(text), tokens.tokens(text)
        for name in {TOKENS, HEAD} & set(after):
            assert torch.equal(after[name][target], before[name][source])
    if values["tokens"] == "extend":
        assert torch.equal(after[TOKENS][: account.before], before[TOKENS][: account.before])
        assert account.kept == account.before


@pytest.mark.parametrize("layout", ["tied", "untied", "sentences"])
def test_what_an_extended_checkpoint_thinks_of_old_tokens_is_unchanged(bases, tmp_path, layout):
    account, _ = made(bases / layout, tmp_path / "out", EXTEND)
    prefix = torch.tensor([[2, 7, 50, 30]])
    found = []
    for folder in (bases / layout, tmp_path / "out"):
        with torch.no_grad():
            model = load_pupil(str(folder)).model.eval()
            found.append(model(pixel_values=pixels(), decoder_input_ids=prefix).logits[..., : account.before])
    assert found[0].std() > 0.1
    torch.testing.assert_close(found[1], found[0], rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("layout", ["tied", "sentences", "letters"])
def test_an_extended_tokenizer_cuts_as_before_what_has_nothing_new(bases, tmp_path, layout):
    _, tokens = made(bases / layout, tmp_path / "out", EXTEND)
    size = json.loads((bases / layout / "config.json").read_text())["decoder"]["vocab_size"]
    old = Tokens(bases / layout, size)
    for text in LATIN if layout != "sentences" else LINES:
        assert tokens.tokens(text) == old.tokens(text)


def test_pieces_of_an_extended_one_are_frequent_and_their_rows_the_mean_of_what_they_are_made_of(bases, tmp_path):
    account, tokens = made(bases / "untied", tmp_path / "out", EXTEND, TEXTS * 2)
    assert account.length_after < account.length_before / 2
    old = Tokens(bases / "untied", 400)
    number = tokens.tokens("вчера")[0]
    assert number >= 400
    assert tokens.text([number]) == "вчера"
    pieces = old.tokens("вчера")
    for before, after in zip(rows_of(bases / "untied"), rows_of(tmp_path / "out"), strict=True):
        torch.testing.assert_close(after[number], before[pieces].mean(0))


def test_rows_of_which_nothing_is_known_are_near_the_mean(bases, tmp_path):
    account, tokens = made(bases / "sentences", tmp_path / "out", EXTEND)
    before, after = (rows_of(folder)[0] for folder in (bases / "sentences", tmp_path / "out"))
    known = before[: account.before]
    fresh = after[account.before :]
    assert len(fresh) == account.fresh > 30
    apart = (fresh - known.mean(0)) / known.std(0)
    assert 0.05 < apart.std() < 0.2
    assert len(torch.unique(fresh, dim=0)) == len(fresh)
    assert tokens.tokens("昨")[-1] >= account.before


def test_equal_rows_stay_equal_and_others_are_in_their_own_precision():
    rows = torch.randn(9, 4).half()
    rows[3, 0] = -0.0
    sources = [(3,), (1, 2), ()]
    first, again, other = (begun(rows, sources, 8, seed) for seed in (1, 1, 2))
    assert first.dtype == torch.float16
    assert torch.equal(first, again)
    assert torch.equal(first[0].view(torch.int16), rows[3].view(torch.int16))
    assert not torch.equal(first[2], other[2])


def test_special_tokens_keep_their_role(tmp_path):
    build(tmp_path / "base", generation={"decoder_start_token_id": 9, "eos_token_id": 7, "pad_token_id": 8})
    config = json.loads((tmp_path / "base" / "config.json").read_text())
    roles = {"decoder_start_token_id": 9, "eos_token_id": 7, "pad_token_id": 8, "vocab_size": 400}
    change_json(tmp_path / "base" / "config.json", **roles, decoder=config["decoder"] | roles, sep_token_id=7)
    change_json(tmp_path / "base" / "generation_config.json", suppress_tokens=[300], forced_eos_token_id=7)
    account, _ = made(tmp_path / "base", tmp_path / "out", CHARACTERS)
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    generation = json.loads((tmp_path / "out" / "generation_config.json").read_text())
    numbers = {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 0}
    for place in (config, config["decoder"], generation):
        assert {key: value for key, value in place.items() if key.endswith("_token_id")} == numbers
    assert "suppress_tokens" not in generation
    assert config["vocab_size"] == config["decoder"]["vocab_size"] == account.after
    before, after = (rows_of(tmp_path / name)[0] for name in ("base", "out"))
    assert torch.equal(after[:4], before[[9, 8, 7, 3]])


def test_texts_that_start_with_their_end_still_do(bases, tmp_path):
    made(bases / "tied", tmp_path / "out", BPE)
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert config["decoder_start_token_id"] == config["eos_token_id"] == 2
    before, after = (rows_of(folder)[0] for folder in (bases / "tied", tmp_path / "out"))
    assert torch.equal(after[:4], before[:4])


@pytest.mark.parametrize("stored", ["legacy", "current", "sinusoidal", "settings in config.json", "adapter"])
def test_other_layouts(tmp_path, stored):
    build(tmp_path / "base", decoder={"use_learned_position_embeddings": stored != "sinusoidal"})
    base = tmp_path / "base"
    if stored in ("legacy", "current"):
        {"legacy": as_legacy, "current": as_current}[stored](base)
    elif stored == "settings in config.json":
        (base / "generation_config.json").unlink()
    elif stored == "adapter":
        model = get_peft_model(load_pupil(str(base)).model, LoraConfig(target_modules=["q_proj"]))
        model.peft_config["default"].base_model_name_or_path = str(base)
        model.save_pretrained(base := tmp_path / "adapter")
    _, tokens = made(base, tmp_path / "out", EXTEND)
    assert (tmp_path / "out" / "generation_config.json").is_file()
    prefix = torch.tensor([[2, 7, 50, 30]])
    with torch.no_grad():
        before, after = (
            load_pupil(str(folder)).model.eval()(pixel_values=pixels(), decoder_input_ids=prefix).logits[..., :400]
            for folder in (base, tmp_path / "out")
        )
    torch.testing.assert_close(after, before, rtol=1e-6, atol=1e-5)
    assert tokens.text(tokens.tokens(TEXTS[0])) == TEXTS[0]


def test_longer_texts_than_the_checkpoint_wrote_are_allowed_as_far_as_there_are_places(bases, tmp_path):
    account, _ = made(bases / "tied", tmp_path / "out", CHARACTERS, ("x" * 30,))
    assert account.limit == 46  # with start and end half as much again as needed; it was 22
    account, _ = made(bases / "tied", tmp_path / "out", CHARACTERS, ("x" * 60,))
    assert account.limit == 62
    assert load_pupil(str(tmp_path / "out")).configuration.generation.max_length == 64
    with pytest.raises(InputError, match=r"1 texts have more tokens .* places, 62: .* has 63.*larger size"):
        made(bases / "tied", tmp_path / "out", CHARACTERS, ("x" * 63, "x"))
    assert not (tmp_path / "out.new").exists()


def test_equal_arguments_give_equal_files(bases, tmp_path):
    for values in (EXTEND, BPE, CHARACTERS):
        for name, seed in (("a", 1), ("b", 1), ("c", 2)):
            made(bases / "sentences", tmp_path / name, values, seed=seed)
        for file in (tmp_path / "a").iterdir():
            assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()
        first, other = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("a", "c"))
        assert first != other
        assert (tmp_path / "a" / "tokenizer.json").read_bytes() == (tmp_path / "c" / "tokenizer.json").read_bytes()


def test_what_happened_is_told(bases, tmp_path):
    account, _ = made(bases / "sentences", tmp_path / "out", EXTEND)
    assert {"昨", "ѣ", "…"} & set(account.gained) == {"昨", "ѣ"}
    assert account.lost == ""
    assert f"{account.before} tokens before, {account.after} now: {account.kept} are kept" in str(account)
    assert "new" in str(account).splitlines()[-1]
    account, _ = made(bases / "tied", tmp_path / "out", EXTEND)
    assert account.gained == ""
    assert "old tokens" in str(account).splitlines()[-1]
    assert "�" not in str(account)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_any_text_comes_back_from_bytes(of_bytes, text):
    for tokens in of_bytes:
        assert tokens.text(tokens.tokens(text)) == text


@pytest.fixture(scope="module")
def of_bytes(bases, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bytes")
    texts = TEXTS * 2
    return [made(bases / "tied", folder / values["tokens"], values, texts)[1] for values in (EXTEND, BPE)]


def test_tokens_that_were_added_beside_the_model_s_keep_their_numbers(tmp_path):
    build(tmp_path / "base", vocabulary=402)
    tokenizer = byte_tokenizer(400)
    tokenizer.add_special_tokens(["<date>"])
    tokenizer.add_tokens(["Mark"])
    tokenizer.save(str(tmp_path / "base" / "tokenizer.json"))
    _, tokens = made(tmp_path / "base", tmp_path / "out", EXTEND, TEXTS * 2)
    assert tokens.tokens("<date>Mark") == [400, 401]
    assert tokens.text([400, 401]) == "Mark"
    assert min(tokens.tokens("вчера")) > 401
    assert [tokens.text(tokens.tokens(text)) for text in TEXTS] == [*TEXTS]


def test_letters_of_bytes_are_those_of_the_tokenizers(bases):
    old = Vocabulary.of(Tokenizer.from_file(str(bases / "tied" / "tokenizer.json")), "it")
    letters = {token: number for token, number in old.numbers.items() if len(token) == 1}
    assert set(letters) == set(pre_tokenizers.ByteLevel.alphabet())
    for byte in range(256):
        (number,) = old.pieces_of_bytes(bytes([byte]))
        assert old.bytes_of(number) == bytes([byte])
    assert old.tokenizer.encode("Я").ids == list(old.pieces_of_bytes("Я".encode()))


# ---- learning


def learn(model, batch, steps):
    model.train()
    learnt = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(learnt, lr=5e-3, weight_decay=0.0)
    for _ in range(steps):
        optimiser.zero_grad()
        loss = model(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learnt, 1.0)
        optimiser.step()
        if loss < 0.03:
            break
    model.eval()


@pytest.fixture
def pupil(bases, tmp_path):
    """A model that is easily moved, with pieces of its own."""
    torch.manual_seed(0)
    shutil.copytree(bases / "tied", tmp_path / "fresh")
    settings = AutoConfig.from_pretrained(tmp_path / "fresh")
    settings.decoder.dropout = settings.decoder.attention_dropout = 0.0
    VisionEncoderDecoderModel(settings).save_pretrained(tmp_path / "fresh")
    made(tmp_path / "fresh", tmp_path / "out", EXTEND)
    return load_pupil(str(tmp_path / "out"))


def test_lines_are_learnt_by_heart_with_new_tokens(pupil):
    lines = [LabelledLine(picture(text), text) for text in TEXTS[::4]]
    taught = TaughtLines(lines, pupil, None, 0)
    learn(pupil.model, Collator(pupil)([*taught]), 400)
    read = reader_of(pupil, pupil.model, 1).read([line.rgb() for line in lines])
    assert [line.text for line in read] == [line.text for line in lines]


def test_an_adapter_learns_embeddings_and_head_whole_where_it_is_told_to(pupil, tmp_path):
    """That they were tied is then over, and both are kept."""
    model = get_peft_model(pupil.model, LoraConfig(r=4, target_modules=["q_proj"], modules_to_save=list(WITH_ROWS)))
    taught = TaughtLines([LabelledLine(picture(text), text) for text in TEXTS[:2]], pupil, None, 0)
    batch = Collator(pupil)([*taught])
    learn(model, batch, 3)
    publish(pupil, merged(model), tmp_path / "merged")
    again = load_pupil(str(tmp_path / "merged")).model.eval()
    with torch.no_grad():
        torch.testing.assert_close(again(**batch).logits, model(**batch).logits, rtol=1e-4, atol=1e-4)
    assert not torch.equal(*rows_of(tmp_path / "merged"))


# ---- what is refused


@pytest.mark.parametrize(
    "values",
    [{"tokens": "bpe"}, {"tokens": "bpe", "size": 259}, {"tokens": "extend"}, {"tokens": "extend", "size": 0},
     {"tokens": "characters", "size": 300}, {"tokens": "words"}, {"tokens": "bpe", "size": 300, "vocabulary": 3}],
)  # fmt: skip
def test_sections_that_make_no_sense_are_refused(values):
    with pytest.raises(UsageError):
        section(values)


@pytest.mark.parametrize("texts", [(), ("", "")])
def test_texts_are_needed(bases, tmp_path, texts):
    with pytest.raises(InputError, match="no texts"):
        made(bases / "tied", tmp_path / "out", BPE, texts)
    assert not list(tmp_path.iterdir())


def test_there_may_be_too_many_characters(bases, tmp_path):
    texts = ["".join(chr(0x4E00 + place)) for place in range(20_001)]
    with pytest.raises(InputError, match=r"20001 different characters.*tokens: bpe"):
        made(bases / "tied", tmp_path / "out", CHARACTERS, texts)


@pytest.mark.parametrize("layout", ["sentences", "letters"])
def test_a_size_that_does_not_hold_all_unknown_characters_is_refused(bases, tmp_path, layout):
    with pytest.raises(UsageError, match=r"characters of the texts are unknown .* size is 9\. Set it to"):
        made(bases / layout, tmp_path / "out", {"tokens": "extend", "size": 9})


def test_a_tokenizer_of_another_kind_is_replaced_but_not_extended(tmp_path):
    build(tmp_path / "base", vocabulary=10)
    words = {token: number for number, token in enumerate(["<s>", "<pad>", "</s>", "<unk>", *"abc", "##a", "##b", "d"])}
    PreTrainedTokenizerFast(tokenizer_object=Tokenizer(WordPiece(words, unk_token="<unk>"))).save_pretrained(
        tmp_path / "base"
    )
    with pytest.raises(ModelError, match=r"cannot be extended.*tokens: bpe"):
        made(tmp_path / "base", tmp_path / "out", EXTEND)
    account, tokens = made(tmp_path / "base", tmp_path / "out", CHARACTERS)
    assert (account.composed, account.fresh) == (0, account.after - 4)
    assert tokens.text(tokens.tokens(TEXTS[0])) == TEXTS[0]


def test_a_tokenizer_with_gaps_is_refused(bases, tmp_path):
    shutil.copytree(bases / "tied", tmp_path / "base")
    values = json.loads((tmp_path / "base" / "tokenizer.json").read_text())
    values["added_tokens"] = [token for token in values["added_tokens"] if token["content"] != "<mask>"]
    values["model"]["vocab"]["<mask>"] = 450
    (tmp_path / "base" / "tokenizer.json").write_text(json.dumps(values))
    with pytest.raises(ModelError, match="gaps"):
        made(tmp_path / "base", tmp_path / "out", EXTEND)


def test_special_tokens_that_the_tokenizer_does_not_have_are_refused(bases, tmp_path):
    build(tmp_path / "base", vocabulary=410, generation={"eos_token_id": 405})
    shutil.copy(bases / "tied" / "tokenizer.json", tmp_path / "base")
    with pytest.raises(ModelError, match="name special tokens that its tokenizer does not have"):
        made(tmp_path / "base", tmp_path / "out", EXTEND)


def test_weights_that_do_not_fit_their_settings_are_refused(bases, tmp_path):
    shutil.copytree(bases / "tied", tmp_path / "base")
    weights = load_file(tmp_path / "base" / "model.safetensors")
    weights[TOKENS] = weights[TOKENS][:390].clone()
    save_file(weights, tmp_path / "base" / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"embed_tokens\.weight does not fit"):
        made(tmp_path / "base", tmp_path / "out", EXTEND)


def test_what_was_there_stays_where_it_fails(bases, tmp_path):
    made(bases / "tied", tmp_path / "out", BPE)
    before = (tmp_path / "out" / "tokenizer.json").read_bytes()
    with pytest.raises(InputError):
        made(bases / "tied", tmp_path / "out", CHARACTERS, ("x" * 99,))
    assert (tmp_path / "out" / "tokenizer.json").read_bytes() == before


def test_the_recipe_that_ships_is_one():
    values = yaml.safe_load((Path(__file__).parents[2] / "recipes" / "new-script.yaml").read_text(encoding="utf-8"))
    assert section(values.pop("script")).tokens == "characters"
    assert validated(Recipe, **values).stages[0].adapter == "none"
