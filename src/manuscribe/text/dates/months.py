"""Names of months, by language. To teach a name, write it into its month's line.

A name that ends in a point is an abbreviation. Accents may be missing in what is read, and need no line of their own.
"""

import unicodedata
from collections.abc import Collection
from functools import cache
from typing import NamedTuple

from manuscribe.text.charset import LANGUAGES

MONTHS = {
    "en": (
        "January Jan. Jany.",
        "February Feb. Febr. Feby.",
        "March Mar.",
        "April Apr. Apl.",
        "May",
        "June Jun.",
        "July Jul.",
        "August Aug. Augt.",
        "September Sept. Sep. Septr.",
        "October Oct. Octr.",
        "November Nov. Novr.",
        "December Dec. Decr.",
    ),
    "fr": (
        "janvier janv. jan.",
        "février febvrier févr. fév.",
        "mars",
        "avril avr.",
        "mai may",
        "juin",
        "juillet juil. juill.",
        "août aoust",
        "septembre sept. septemb. septbre",
        "octobre oct. octob. octbre",
        "novembre nov. novemb. novbre",
        "décembre déc. décemb. décbre",
    ),
    "de": (
        "Januar Jänner Jan.",
        "Februar Feber Febr. Feb.",
        "März Maerz Merz Mrz.",
        "April Apr.",
        "Mai",
        "Juni Jun.",
        "Juli Jul.",
        "August Aug.",
        "September Sept. Sep.",
        "Oktober October Okt. Oct.",
        "November Nov.",
        "Dezember December Dez. Dec.",
    ),
    "ru": (  # the last forms of a line are the spelling before 1918
        "январь января январе янв.",
        "февраль февраля феврале февр. фев.",
        "март марта марте мар. мартъ",
        "апрель апреля апреле апр. апрѣль апрѣля апрѣлѣ",
        "май мая мае",
        "июнь июня июне июн. іюнь іюня іюнѣ",
        "июль июля июле июл. іюль іюля іюлѣ",
        "август августа августе авг. августъ",
        "сентябрь сентября сентябре сент. сен.",
        "октябрь октября октябре окт.",
        "ноябрь ноября ноябре нояб. ноя.",
        "декабрь декабря декабре дек.",
    ),
    "uk": (  # without "лист.": that is a sheet of paper as often as November
        "січень січня січні січ.",
        "лютий лютого лютому лют.",
        "березень березня березні берез. бер.",
        "квітень квітня квітні квіт.",
        "травень травня травні трав.",
        "червень червня червні черв.",
        "липень липня липні лип.",
        "серпень серпня серпні серп.",
        "вересень вересня вересні верес. вер.",
        "жовтень жовтня жовтні жовт.",
        "листопад листопада листопаді листоп.",
        "грудень грудня грудні груд.",
    ),
    "vi": (),  # months are numbers there: VIETNAMESE_NUMBERS
}

NUMBERED = {"7": 9, "8": 10, "9": 11, "10": 12, "x": 12}
"""`7bre` to `10bre` and `Xbre`: septem, octo, novem, decem, counted from March."""

VIETNAMESE_NUMBERS = {
    "một": 1, "hai": 2, "ba": 3, "tư": 4, "năm": 5, "sáu": 6, "bảy": 7, "tám": 8, "chín": 9, "mười": 10,
    "mười một": 11, "mười hai": 12,
}  # fmt: skip
"""Not among them: giêng and chạp, months of the lunar calendar."""

REPUBLICAN_MONTHS = (
    "vendémiaire vend.",
    "brumaire brum.",
    "frimaire frim.",
    "nivôse niv.",
    "pluviôse pluv.",
    "ventôse vent.",
    "germinal germ.",
    "floréal flor.",
    "prairial prair.",
    "messidor mess.",
    "thermidor therm. fervidor",
    "fructidor fruct.",
)

_ORDINARY = {"en": {"march", "may"}}
"""Words of everyday in a language, which are months where a capital or a year says so."""

_READ_TOGETHER = {"ru": ("ru", "uk"), "uk": ("uk", "ru")}
"""Archives where one of two languages was written hold the other one, too."""


class MonthName(NamedTuple):
    """What a word says: the number of a month, and whether it can be anything but a month."""

    number: int
    sure: bool


def find_month(word: str, language: str | None) -> MonthName | None:
    """The month that a word names, in a language or (`None`) in any; `None` where it names none."""
    return _names(language).get(_plain(word))


def find_republican_month(word: str) -> int | None:
    """The number of a month of the French Republican calendar."""
    found = _republican_names().get(_plain(word))
    return found.number if found else None


@cache
def _names(language: str | None) -> dict[str, MonthName]:
    names: dict[str, MonthName] = {}
    languages = LANGUAGES if language is None else _READ_TOGETHER.get(language, (language,))
    for code in languages:
        for word, found in _table(MONTHS[code], _ORDINARY.get(code, ())).items():
            # What is an everyday word in one language is none the surer for being a month in another.
            names[word] = MonthName(found.number, found.sure and names.get(word, found).sure)
    return names


@cache
def _republican_names() -> dict[str, MonthName]:
    return _table(REPUBLICAN_MONTHS)


def _table(lines: tuple[str, ...], ordinary: Collection[str] = ()) -> dict[str, MonthName]:
    table = {}
    for number, line in enumerate(lines, start=1):
        for name in line.split():
            word = _plain(name.rstrip("."))
            table[word] = MonthName(number, sure=not name.endswith(".") and word not in ordinary)
    return table


def _plain(word: str) -> str:
    """Without accents and capitals: aoùt and AOUT are août."""
    return "".join(c for c in unicodedata.normalize("NFD", word.casefold()) if not unicodedata.combining(c))
