"""What a match of a pattern says: an EDTF string, or that it is no date after all."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from manuscribe.text.dates import grammar
from manuscribe.text.dates.calendars import (
    COMPLEMENTARY,
    ImpossibleDate,
    edtf_day,
    edtf_month,
    edtf_year,
    republican_day,
)
from manuscribe.text.dates.months import NUMBERED, VIETNAMESE_NUMBERS, find_month, find_republican_month
from manuscribe.text.dates.numerals import plain_numeral, roman_value

Match = re.Match[str]

_REFERENCE = re.compile(  # words after which numbers count pages, sections, telephones
    r"(?:(?<!\w)(?:tel|tél|phone|fax|тел|телефон|pages?|pp?|стр|с(?=\.)|п(?=\.)|n[o°º]|nr|version|ver|art|chap|ch|fig"
    r"|section|гл|кн|рис|ст|стат\w{1,3}|пункт\w{0,3}|trang|điều|mục)|[№§])[.:]? ?$",
    re.IGNORECASE,
)
_UNIT = re.compile(r" ?(?:[%€$£°×]|[cmк]?[mм]{1,2}\b|k?g\b|кг\b|руб|h\b|x ?[0-9])", re.IGNORECASE)
_NUMBER_BEFORE = re.compile(r"[0-9]\S{0,4} {0,2}$")
_OTHER_CALENDAR = re.compile(  # years before Christ, the lunar calendar of Vietnam
    r" {0,2}\(?(?:v\. ?Chr|av(?:ant|\.) J|до н|BCE?\b|B\. ?C|TCN\b|trước công|âm lịch)", re.IGNORECASE
)
_LONGEST_REFERENCE = 12
_MOST_DAYS = 31


@dataclass(frozen=True)
class Circumstances:
    """What is known beside the match.

    Attributes:
        language: Of the document; `None` where it is not known.
        near: A year near which the document was written.
        ukrainian: Whether р. after a number is року and not рублей.
    """

    language: str | None
    near: int | None
    ukrainian: bool


Meaning = Callable[[Match, Circumstances], str | None]
"""The EDTF string; `None` where the match is no date. Raises `ImpossibleDate`."""


def _iso(match: Match, _: Circumstances) -> str:
    return edtf_day(match["year"], int(match["month"]), int(match["day"]))


def _republican(match: Match, _: Circumstances) -> str | None:
    month = COMPLEMENTARY if match["extra"] else find_republican_month(match["month"])
    if month is None:
        return None
    year = int(match["year"]) if match["year"].isdecimal() else roman_value(match["year"])
    if year is None:
        raise ImpossibleDate(f"the Republican calendar has no year {match['year']}")
    return republican_day(year, month, int(match["day"]))


def _vietnamese_day(match: Match, known: Circumstances) -> str | None:
    month = _vietnamese_number(match)
    # Without a word before and a year after, 3 tháng 5 may go on: ngày, three months and five days.
    if month is None or not (match["year"] or match["lead"]):
        return None
    return edtf_day(_year(match, known), month, int(match["day"]))


def _vietnamese_month(match: Match, _: Circumstances) -> str | None:
    month = _vietnamese_number(match)
    return None if month is None else edtf_month(match["year"], month)


def _vietnamese_number(match: Match) -> int | None:
    if _is_of_other_calendar(match):
        return None
    text = match["month"]
    return int(text) if text.isdecimal() else VIETNAMESE_NUMBERS.get(text.casefold())


def _named_day(match: Match, known: Circumstances) -> str | None:
    return _days_of_month(match, known, known.language)


def _month_first(match: Match, known: Circumstances) -> str | None:
    # In other languages the month stands first only in registers: мая 3 дня.
    languages = ("ru", "uk") if match["russian"] else ("en",)
    return _days_of_month(match, known, languages[0]) if known.language in (None, *languages) else None


def _days_of_month(match: Match, known: Circumstances, language: str | None) -> str | None:
    """A day, or from a day until another one, of a month with a name."""
    groups = match.groupdict()
    dated = bool(groups["year"] or groups.get("short"))
    # Without a year, 3-Feb may be what a spreadsheet made of 3-2, and 45 mars is nothing.
    if not dated and (groups.get("stroke") or int(groups["day"]) > _MOST_DAYS):
        return None
    month, year = _named_month(match, language, dated=dated), _year(match, known)
    days = [int(day) for day in (groups["day"], groups.get("until")) if day]
    if month is None or sorted(set(days)) != days:
        return None
    return "/".join(edtf_day(year, month, day) for day in days)


def _roman(match: Match, known: Circumstances) -> str | None:
    numeral = plain_numeral(match["month"])
    spaced = match["before"] == " " and match["after"] == " "
    # Without points or strokes, 10 x 15 is a product, and I a word.
    if spaced and (numeral == "I" or match["month"].islower() or len(match["year"]) == 2):
        return None
    if _is_reference(match):
        return None
    month = roman_value(numeral)
    return edtf_day(_year(match, known), month, int(match["day"])) if month else None


def _numbers(match: Match, known: Circumstances) -> str | None:
    day, month = int(match["first"]), int(match["second"])
    if known.language in (None, "en") and day <= 12 < month and "." not in match["before"]:
        day, month = month, day
    if _is_reference(match) or (len(match["year"]) == 2 and not _is_short_date(match, day, month)):
        return None
    either = known.language == "en" and day != month and max(day, month) <= 12
    return edtf_day(_year(match, known), month, day) + ("?" if either else "")


def _is_short_date(match: Match, day: int, month: int) -> bool:
    """Three numbers of two digits are many things: only what can be nothing but a date counts."""
    before, after = match["before"], match["after"]
    regular = before.strip() == after.strip() or (before, after) == ("/", "-")
    tight = len(before) == 1 or before == after == ". "
    likely = 1 <= day <= _MOST_DAYS and 1 <= month <= 12
    return regular and tight and likely and not _UNIT.match(match.string, match.end())


def _is_reference(match: Match) -> bool:
    start = match.start("date")
    return bool(_REFERENCE.search(match.string, max(0, start - _LONGEST_REFERENCE), start))


def _month_of_year(match: Match, known: Circumstances) -> str | None:
    start = match.start("date")
    if _NUMBER_BEFORE.search(match.string, max(0, start - 8), start):
        return None  # the day before it was none, so this is something else
    month = _named_month(match, known.language, dated=False)
    return edtf_month(_year(match, known), month) if month else None


def _years(match: Match, _: Circumstances) -> str | None:
    first, last = int(match["year"]), int(f"{match['year'][: -len(match['until'])]}{match['until']}")
    # Two round numbers are a quantity as often as years.
    round_ones = first % 10 == last % 10 == 0
    if not first < last <= first + 100 or round_ones or _is_reference(match):
        return None
    return f"{first}/{last}"


def _marked_year(match: Match, known: Circumstances) -> str | None:
    roubles = match.groupdict().get("abbreviated") and not known.ukrainian
    return None if roubles or _is_of_other_calendar(match) else match["year"]


def _is_of_other_calendar(match: Match) -> bool:
    return bool(_OTHER_CALENDAR.match(match.string, match.end()))


def _year(match: Match, known: Circumstances) -> str:
    groups = match.groupdict()
    return edtf_year(groups["year"] or groups.get("short"), known.near)


def _named_month(match: Match, language: str | None, *, dated: bool) -> int | None:
    """The month's number. A word that may also be another one needs a point, a capital or a year with it."""
    groups = match.groupdict()
    if groups.get("numbered"):
        return NUMBERED[groups["numbered"].lower().replace("х", "x")]
    word = groups["month"]
    found = find_month(word, language)
    # After a point any word has a capital: "4. May I ask".
    capital = word[0].isupper() and "." not in match.string[match.start("date") : match.start("month")]
    return found.number if found and (found.sure or groups["point"] or capital or dated) else None


MEANINGS: tuple[tuple[re.Pattern[str], Meaning], ...] = (
    (grammar.ISO, _iso),
    (grammar.REPUBLICAN, _republican),
    (grammar.VIETNAMESE_DAY, _vietnamese_day),
    (grammar.YEAR_FIRST, _named_day),
    (grammar.DAY_RANGE, _named_day),
    (grammar.DAY_MONTH, _named_day),
    (grammar.MONTH_DAY, _month_first),
    (grammar.ROMAN, _roman),
    (grammar.NUMBERS, _numbers),
    (grammar.VIETNAMESE_MONTH, _vietnamese_month),
    (grammar.MONTH_YEAR, _month_of_year),
    (grammar.YEARS, _years),
    (grammar.YEAR_BEFORE_MARK, _marked_year),
    (grammar.YEAR_AFTER_MARK, _marked_year),
)
"""Conventions, the more telling ones first: what one has taken is not offered to the next."""
