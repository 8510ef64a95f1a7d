"""Dates in text: found, told in EDTF, written anew, and nothing else touched."""

import re
import time
import unicodedata
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manuscribe.errors import UsageError
from manuscribe.text.dates import CONVENTIONS, find_dates, write_dates
from manuscribe.text.dates.calendars import ImpossibleDate, republican_day
from manuscribe.text.dates.folding import fold
from manuscribe.text.dates.months import MONTHS
from tests.text.date_cases import CASES, NOT_YET

LINES = [line for _, line, _ in CASES]
PIECES = [
    "1",
    "12",
    "31",
    "1937",
    ".",
    "/",
    "-",
    " ",
    "X",
    "Х",
    "і",
    "mai",
    "мая",
    "tháng",
    "an",
    "г.",
    "'",
    "\u0301",
    "\n",
]
WHOLE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def found(line: str, language: str | None = None, near: int | None = None) -> dict[str, str | None]:
    return {found.text: found.edtf for found in find_dates(line, language=language, near=near)}


def test_ninety_eight_of_a_hundred_lines_are_understood() -> None:
    wrong = [(language, line) for language, line, dates in CASES if found(line, language) != dates]
    assert len(CASES) >= 380
    assert len(wrong) <= 0.02 * len(CASES)
    assert [line for _, line in wrong] == list(NOT_YET)


def test_decomposed_letters_are_read_alike() -> None:
    for language, line, _ in CASES:
        expected = {unicodedata.normalize("NFD", text): edtf for text, edtf in found(line, language).items()}
        assert found(unicodedata.normalize("NFD", line), language) == expected


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_places_are_those_of_the_text_in_order(form: str) -> None:
    text = unicodedata.normalize(form, " • ".join(LINES))
    dates = find_dates(text)
    assert len(dates) > 150
    assert all(text[one.start : one.end] == one.text for one in dates)
    assert all(one.end <= other.start for one, other in pairwise(dates))


def test_folding_knows_the_way_back() -> None:
    folded, places = fold("a\u0301q\u0302\u0323–x\u0331")
    assert folded == "áq\u0323\u0302-x\u0331"
    assert list(places) == [0, 2, 3, 4, 5, 6, 7, 8]


@pytest.mark.parametrize(
    ("line", "near", "edtf"),
    [
        ("12/XI-37 г.", None, "XX37-11-12"),
        ("12/XI-37 г.", 1940, "1937?-11-12"),
        ("12/XI-37 г.", 1850, "1837?-11-12"),
        ("3.V.56", 1914, "1956?-05-03"),  # 42 years after, 58 before
        ("3.V.50", 1900, "1850?-05-03"),  # as near as 1950, and earlier
        ("3.V.00", 1890, "1900?-05-03"),
        ("3.V.1856", 1914, "1856-05-03"),
        ("3 mai", 1914, "XXXX-05-03"),
        ("29.II.00", None, "XX00-02-29"),  # 2000 had it
        ("29.II.00", 1600, "1600?-02-29"),
        ("29.II.00", 1900, None),
        ("29.II.56", None, "XX56-02-29"),
    ],
)
def test_two_digits_of_a_year(line: str, near: int | None, edtf: str | None) -> None:
    assert [one.edtf for one in find_dates(line, near=near)] == [edtf]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("31.02.1937", "1937-02 has no day 31"),
        ("31 juin", "XXXX-06 has no day 31"),
        ("12.XIII.1937", "there is no month 13"),
        ("29 февраля 1900", "1900-02 has a day 29 in the Julian calendar only"),
        ("29.II.1901", "1901-02 has no day 29"),
        ("31 brumaire an VIII", "month 2 of the Republican year 8 has no day 31"),
        ("6e jour complémentaire an VIII", "the end of the Republican year 8 has no day 6"),
        ("12 brumaire an 15", "the Republican calendar has no year 15"),
        ("12 brumaire an XX", "the Republican calendar has no year XX"),
        ("11 nivôse an XIV", "the Republican calendar ended on 10 nivôse an XIV"),
    ],
)
def test_what_is_impossible_says_why(line: str, reason: str) -> None:
    (one,) = find_dates(line)
    assert (one.possible, one.edtf, one.reason) == (False, None, reason)
    assert all(write_dates(line, convention) == line for convention in CONVENTIONS)


def test_the_republican_calendar_has_every_day_once() -> None:
    days = []
    for year in range(1, 15):
        for month in range(1, 14):
            for day in range(1, 32):
                try:
                    days.append(republican_day(year, month, day))
                except ImpossibleDate:
                    continue
    first, last = date(1792, 9, 22), date(1805, 12, 31)
    assert days == [(first + timedelta(days=n)).isoformat() for n in range((last - first).days + 1)]


def test_whole_dates_are_days_of_the_calendar() -> None:
    ends = [end for line in LINES for one in find_dates(line) if one.edtf for end in one.edtf.split("/")]
    whole = [end for end in ends if WHOLE.fullmatch(end)]
    assert len(whole) > 100
    assert all(date.fromisoformat(end) for end in whole)


@pytest.mark.parametrize(
    ("line", "iso", "roman"),
    [
        ("арест. 12/X-1937 г.", "арест. 1937-10-12 г.", "арест. 12.X.1937 г."),
        ("Paris, le 3 Xbre 1858.", "Paris, le 1858-12-03.", "Paris, le 3.XII.1858."),
        ("ngày 2 tháng 9 năm 1945", "ngày 1945-09-02", "ngày 2.IX.1945"),
        ("le 18 brumaire an VIII", "le 1799-11-09", "le 9.XI.1799"),
        ("3-5 mai 1856 !", "1856-05-03/1856-05-05 !", "3.V.1856–5.V.1856 !"),
        ("12/XI-37 и 3.5.1938", "12/XI-37 и 1938-05-03", "12.XI.37 и 3.V.1938"),
        ("en mai 1937, le 3 mai", "en mai 1937, le 3 mai", "en mai 1937, le 3 mai"),
        ("31.02.1937 et 1.3.1937", "31.02.1937 et 1937-03-01", "31.02.1937 et 1.III.1937"),
        ("1914-1918, 12.50, p. 12/14", "1914-1918, 12.50, p. 12/14", "1914-1918, 12.50, p. 12/14"),
    ],
)
def test_dates_are_written_in_one_convention(line: str, iso: str, roman: str) -> None:
    assert write_dates(line, "iso") == iso
    assert write_dates(line, "roman") == roman
    assert write_dates(line, "keep") == line


def test_a_supplied_century_is_marked_and_written_in_iso_only() -> None:
    assert write_dates("12/XI-37 г.", "iso", near=1937) == "1937?-11-12 г."
    assert write_dates("12/XI-37 г.", "roman", near=1937) == "12.XI.37 г."


def test_an_order_that_is_not_known_is_left_alone() -> None:
    assert write_dates("3/5/1856", "iso", language="en") == "3/5/1856"
    assert write_dates("3/5/1856", "roman", language="en") == "3/5/1856"
    assert write_dates("3/5/1856", "iso", language="fr") == "1856-05-03"


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_writing_twice_changes_nothing_more(convention: str) -> None:
    for language, line, _ in CASES:
        once = write_dates(line, convention, language=language, near=1937)  # type: ignore[arg-type]
        assert write_dates(once, convention, language=language, near=1937) == once  # type: ignore[arg-type]


def test_a_language_leaves_out_the_words_of_others() -> None:
    assert found("3 mai", "vi") == {}  # three, tomorrow
    assert found("3 мая", "fr") == {}
    assert found("3 мая", "uk") == found("3 мая", "ru") == {"3 мая": "XXXX-05-03"}


def test_r_is_a_year_in_ukrainian_and_roubles_in_russian() -> None:
    assert found("у 1933 р. їх було", None) == {"1933": "1933"}
    assert found("в 1933 р. было", None) == found("в 1933 р. было", "ru") == {}


def test_no_name_means_two_months() -> None:
    numbers: dict[str, set[int]] = {}
    for names in MONTHS.values():
        for number, line in enumerate(names, start=1):
            for name in line.casefold().split():
                numbers.setdefault(name.rstrip("."), set()).add(number)
    assert not {name: found for name, found in numbers.items() if len(found) > 1}


@given(st.one_of(st.text(), st.lists(st.sampled_from(PIECES)).map("".join)))
def test_no_text_is_too_strange(text: str) -> None:
    dates = find_dates(text, near=1900)
    assert all(text[one.start : one.end] == one.text != "" for one in dates)
    assert write_dates(text, "keep") == text
    for convention in CONVENTIONS:
        assert isinstance(write_dates(text, convention), str)


@pytest.mark.parametrize("piece", ["1.", "X", "1 a "])
def test_time_grows_with_the_text_and_no_faster(piece: str) -> None:
    def seconds(length: int) -> float:
        start = time.process_time()
        assert find_dates((piece * length)[:length]) == []
        return time.process_time() - start

    assert seconds(100_000) < 10 * max(seconds(25_000), 0.01)  # four times as long; sixteen, if each part met each


@pytest.mark.parametrize(
    "options", [{"language": "xx"}, {"near": 37}, {"near": 20000}], ids=["language", "century", "far year"]
)
def test_options_without_sense_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        find_dates("3.5.1937", **options)  # type: ignore[arg-type]


def test_an_unknown_convention_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match="iso, roman, keep"):
        write_dates("3.5.1937", "julian")  # type: ignore[arg-type]


YEAR = re.compile(r"(?<!\d)(?:1\d|20)\d\d(?!\d)")
NUMBERS_AS_DATES = re.compile(r"\d/\d+/\d|(?<!\d)\d\d-\d\d-\d\d(?!\d)")
BEGINNINGS = (  # of the months' names, written down here anew
    "jan|feb|fév|mar|mär|apr|avr|ma[iy]|jun|jui|jul|aug|aoû|sep|oct|okt|nov|de[cz]|déc|янв|фев|мар|апр|ма[йя]|июн|июл"
    "|авг|сен|окт|ноя|дек|січ|лют|бер|кві|тра|чер|лип|сер|вер|жов|лис|гру|tháng"
)
MONTH_BESIDE_NUMBER = re.compile(
    rf"\d.{{0,12}}(?<![^\W\d_])(?:{BEGINNINGS})|(?<![^\W\d_])(?:{BEGINNINGS}).{{0,20}}\d", re.I
)


def lines_without_dates(folder: Path) -> list[str]:
    """Lines with digits in which no year, no name of a month near a number and no numbers as 3/5/37 stand."""
    # Every second line is enough, and half the time.
    files = [path.read_text(encoding="utf-8").split("\n")[::2] for path in sorted(folder.glob("UD_*.txt"))]
    numbers = [line for lines in files for line in lines if re.search(r"\d", line) and not YEAR.search(line)]
    return [line for line in numbers if not NUMBERS_AS_DATES.search(line) and not MONTH_BESIDE_NUMBER.search(line)]


def test_nothing_is_found_in_a_thousand_lines_without_dates(shared: Path) -> None:
    if not (shared / "text").is_dir():
        pytest.skip("the sentences are not beside this checkout")
    lines = lines_without_dates(shared / "text")
    chosen = lines[:: len(lines) // 1000][:1000]
    assert len(chosen) == 1000
    assert [(line, dates) for line in chosen if (dates := find_dates(line))] == []
