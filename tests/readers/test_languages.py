"""Lines are read in the language of their page, which their letters tell."""

import re
from typing import Any

import numpy as np
import pytest

from manuscribe.models.files import embedded
from manuscribe.readers.compact.languages import Languages
from manuscribe.readers.compact.reader import CompactReader
from manuscribe.readers.compact.reading import BEAMS, Decoder, Seen
from manuscribe.readers.compact.scripts import script_of
from manuscribe.readers.options import ReaderOptions
from manuscribe.text.charset import charset

ENGLISH = ["I have received your letter", "and we were glad to hear from", "the children are quite well"]
FRENCH = ["J'ai reçu votre lettre du mois", "et nous sommes bien contents", "les enfants se portent bien"]
CHOICE = re.compile(r"\((.)\|(.)\)|(.)")


def seen(text: str, sure: float = 0.9) -> Seen:
    """A network that sees a text with a blank after each letter; (u|n) is about as likely to be one as the other."""
    characters = charset()
    letters = [(first or only, second or only) for first, second, only in CHOICE.findall(text)] or [(" ", " ")]
    frames = np.full((2 * len(letters), len(characters) + 1), (1 - sure) / len(characters), np.float32)
    frames[1::2, 0] = sure
    for place, (first, second) in enumerate(letters):
        frames[2 * place, characters.index(second) + 1] = 0.45 * sure
        frames[2 * place, characters.index(first) + 1] = (0.55 if first != second else 1) * sure
    return Seen(np.log(frames / frames.sum(axis=1, keepdims=True)), (64, 16 * len(letters)))


def read(texts: list[str], *, of_one_page: bool = True, **options: Any) -> list[str]:
    """What the embedded reader makes of texts that its network sees."""
    reader = CompactReader(ReaderOptions(**{"threads": 1} | options))
    images = [np.full((64, 99), number, np.uint8) for number in range(len(texts))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "_look", lambda line, network, frame: seen(texts[line[0, 0]]))
        return [line.text for line in reader.read(images, of_one_page=of_one_page)]


def test_a_doubtful_line_is_read_in_its_pages_language() -> None:
    assert read([*ENGLISH, "to t(b|h)e h(a|o)use"])[3] == "to the house"
    assert read([*ENGLISH, "of th(é|e)"])[3] == "of the"
    assert read([*FRENCH, "du th(e|é)"])[3] == "du thé"


def test_a_language_that_is_told_needs_no_page() -> None:
    assert read(["w(t|h)ich w(o|a)s"], language="en", of_one_page=False) == ["which was"]
    assert read(["le m(n|u)r d(n|u) fond"], language="fr", of_one_page=False) == ["le mur du fond"]


def test_a_line_that_is_much_better_in_another_language_is_read_in_it() -> None:
    german = "daß wir gl(u|ü)cklich hier ange(h|k)ommen sind"
    assert read([*FRENCH, german])[3] == "daß wir glücklich hier angekommen sind"
    french = "l'ann(e|é)e derni(e|è)re à la m(e|ê)me époque"
    assert read([*ENGLISH, french])[3] == "l'année dernière à la même époque"


def test_lines_alone_do_not_depend_on_each_other() -> None:
    texts = [*ENGLISH, *FRENCH, "le m(n|u)r", "go o(u|n)", "1887", ""]
    together = read(texts, of_one_page=False, threads=2)
    assert together == [read([text], of_one_page=False)[0] for text in texts]
    assert together[:3] == ENGLISH


def test_threads_change_nothing_on_a_page() -> None:
    page = [*ENGLISH, "to t(b|h)e h(a|o)use"] * 4
    assert read(page, threads=2) == read(page, threads=1)


@pytest.mark.parametrize("texts", [[], [""], ["1887"], ["12 345", "13.06.1936", "346", "-"], ["I"]])
def test_pages_with_hardly_a_letter_are_read(texts: list[str]) -> None:
    assert read(texts) == texts


def test_numbers_on_a_cyrillic_page_stay_numbers() -> None:
    page = ["на второй группе", "относятся героев", "13.06.1936", "34(6|б) (3|З)4"]
    assert read(page)[2:] == ["13.06.1936", "346 34"]
    assert read(page, of_one_page=False)[:3] == page[:3]


def test_letter_by_letter_a_language_that_is_told_has_its_letters_alone() -> None:
    (text,) = read(["the ж"], language="en", beams=1, of_one_page=False)
    assert text.startswith("the")
    assert "ж" not in text


def test_other_readings_do_not_change_the_language() -> None:
    assert read(["to t(b|h)e h(a|o)use"], nbest=40, of_one_page=False) == read(
        ["to t(b|h)e h(a|o)use"], of_one_page=False
    )


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Your affectionate friend and obedient servant"),
        ("fr", "Veuillez agréer mes salutations distinguées"),
        ("de", "Es grüßt Euch herzlich Euer dankbarer Sohn"),
        ("vi", "Phường Nguyễn Thái Bình, Quận Tân Phú"),
        ("ru", "Здравствуйте, дорогие мои родители"),
        ("uk", "Добрий день, любі мої батьки"),
    ],
)
def test_a_page_is_in_the_language_of_its_letters(language: str, text: str) -> None:
    assert of_page(text, text.lower()) == language


def of_page(*texts: str) -> str:
    languages = Languages.embedded(Decoder(charset(), BEAMS, 1), charset())
    assert languages
    return languages.of_page([seen(text) for text in texts])


@pytest.mark.parametrize("texts", [["1887", "346"], ["-", ""], ["33 66 44"]])
def test_a_page_without_letters_is_not_taken_for_cyrillic(texts: list[str]) -> None:
    assert script_of(of_page(*texts)) == "LATIN"


def test_a_reader_of_other_letters_has_no_character_models() -> None:
    assert Languages.embedded(Decoder("abc", BEAMS, 1), "abc") is None
    assert Languages.embedded(Decoder(charset(), BEAMS, 1), embedded("compact").charset)


def test_what_french_expects_is_taken_off_where_another_language_has_latin_letters() -> None:
    languages = Languages.embedded(Decoder(charset(), BEAMS, 1), charset())
    assert languages
    weights = {language: (fusion.weight, fusion.discount) for language, fusion in languages.fusions.items()}
    plain, other = (0.6, 0.0), (pytest.approx(0.7), 0.1)
    assert weights == {"fr": plain, "ru": plain, "uk": plain, "de": other, "en": other, "vi": other}
