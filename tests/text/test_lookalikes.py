"""Look-alikes of Latin and Cyrillic: repaired where the word says so, and nowhere else."""

import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manuscribe.errors import UsageError
from manuscribe.text.charset import script
from manuscribe.text.lookalikes import Change, Repair, repair

LETTERS = "aаoоcсXХIІVMМTТKКkкЁËёëїïnжàч 1.'\n-\u0301\u0306уyиb"


@pytest.mark.parametrize(
    ("text", "repaired"),
    [
        ("cocна", "сосна"),  # Latin c, o, c
        ("Mосква", "Москва"),
        ("MOСКBА Ж", "МОСКВА Ж"),
        ("vоus avеz", "vous avez"),  # Cyrillic о and е
        ("Nоël", "Noël"),
        ("Nоёl", "Noël"),
        ("ёлкa, Ëлка", "ёлка, Ёлка"),
        ("їxня Ïжа", "їхня Їжа"),
        ("oб'єкт, об’єkт", "об'єкт, об’єкт"),
        ("мiръ", "міръ"),
        ("việc nhà сó", "việc nhà có"),  # Cyrillic с; ó has no Cyrillic look-alike, so it decides
        ("đườпg", "đườпg"),  # п has no Latin look-alike: half a repair is none
    ],
)
def test_a_word_becomes_wholly_of_one_script(text: str, repaired: str) -> None:
    assert repair(text).text == repaired


@pytest.mark.parametrize(
    ("text", "language", "repaired"),
    [
        ("сopа", None, "сopа"),  # mixed, and nothing decides
        ("сopа", "ru", "сора"),
        ("сopа", "fr", "copa"),
        ("лес, сopа, дуб", None, "лес, сора, дуб"),
        ("лес, сopа, bird", None, "лес, сopа, bird"),
        ("bird, сopа", None, "bird, copa"),
        ("лес, сopа, дуб", "fr", "лес, copa, дуб"),  # the language comes before the neighbours
        ("оса", None, "оса"),
        ("cop", None, "cop"),
        ("cop", "ru", "сор"),
        ("cop идёт", None, "сор идёт"),
        ("cop идёт", "ru", "сор идёт"),
        ("cop идёт", "fr", "cop идёт"),
        ("cop идёт by day", "ru", "cop идёт by day"),
        ("il у а deux", "fr", "il y a deux"),
        ("мати i батько", "uk", "мати і батько"),
        ("C албанским языком", None, "С албанским языком"),
        ("хромосомы X и Y", "ru", "хромосомы X и Y"),
        ("танк T4 и 5 °C", "ru", "танк T4 и 5 °C"),
        ("@xxxx о том", "ru", "@xxxx о том"),
        ("лаборатории BBC", "ru", "лаборатории BBC"),
        ("screened ха ха ха", None, "screened ха ха ха"),
        ("12.x.1937 года", "ru", "12.x.1937 года"),
    ],
)
def test_words_wholly_of_lookalikes_need_a_witness(text: str, language: str | None, repaired: str) -> None:
    assert repair(text, language=language).text == repaired


@pytest.mark.parametrize(
    ("text", "repaired"),
    [
        ("ХII век", "XII век"),  # a Cyrillic Х before Latin I
        ("в XІX веке", "в XIX веке"),
        ("XII век", "XII век"),
        ("ХІІ століття", "ХІІ століття"),  # wholly Cyrillic
        ("12.ХI.1937", "12.XI.1937"),
    ],
)
@pytest.mark.parametrize("language", [None, "ru", "uk"])
def test_roman_numerals_stay_numerals(text: str, repaired: str, language: str | None) -> None:
    assert repair(text, language=language).text == repaired


def test_changes_say_what_was_where() -> None:
    assert repair("да\nMосквa").changes == (Change(3, "M", "М"), Change(8, "a", "а"))


def test_lines_decide_for_themselves() -> None:
    assert repair("cop идёт\ncop comes").text == "сор идёт\ncop comes"


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(UsageError, match="ru, uk"):
        repair("cop", language="xx")


@given(st.text(alphabet=LETTERS), st.sampled_from([None, "ru", "uk", "fr"]))
def test_repair_is_complete_and_keeps_the_length(text: str, language: str | None) -> None:
    composed = unicodedata.normalize("NFC", text)
    done = repair(text, language=language)
    assert repair(done.text, language=language) == Repair(done.text, ())
    assert unicodedata.is_normalized("NFC", done.text)
    assert len(done.text) == len(composed)
    different = [(i, a, b) for i, (a, b) in enumerate(zip(composed, done.text, strict=True)) if a != b]
    assert different == [(change.position, change.seen, change.meant) for change in done.changes]


@given(st.text())
def test_no_text_is_too_strange(text: str) -> None:
    assert len(repair(text, language="uk").text) == len(unicodedata.normalize("NFC", text))


def test_real_sentences_change_only_in_words_that_mix(shared: Path) -> None:
    if not (shared / "text").is_dir():
        pytest.skip("the sentences are not beside this checkout")
    for language, files, repaired in (
        ("ru", "UD_Russian-*.txt", ["com", "Варвара", "ст", "С"]),
        ("uk", "UD_Ukrainian-*.txt", ["COVID", "XXI"]),
        ("fr", "UD_French-*.txt", []),
        ("vi", "UD_Vietnamese-*.txt", []),
    ):
        text = "\n".join(path.read_text(encoding="utf-8") for path in sorted((shared / "text").glob(files)))
        text = unicodedata.normalize("NFC", text)
        done = repair(text, language=language)
        places = {change.position for change in done.changes}
        words = [word for word in re.finditer(r"[^\W\d_]+", text) if not places.isdisjoint(range(*word.span()))]
        assert [done.text[slice(*word.span())] for word in words] == repaired
        # In one sentence a Latin C stands alone where the preposition С is meant; all other words mix.
        assert [word[0] for word in words if len({script(letter) for letter in word[0]}) < 2] in ([], ["C"])
