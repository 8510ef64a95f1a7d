"""Whether there is such a day, and its EDTF string (ISO 8601-2:2019, the Library of Congress' EDTF).

A year is passed as EDTF writes it: `1937`; `XX37` where only two digits are known, `1937?` where the century was
supplied, `XXXX` where there is no year. The last three belong to EDTF's level 2 in a date with a month; all else is of
level 1.

Dates are taken as written. Nothing is moved from the Julian calendar to the Gregorian one, for the paper seldom says
which it means. Only Republican dates are converted, as EDTF has no other way to write them.
"""

import calendar
from datetime import date, timedelta

COMPLEMENTARY = 13
"""The number by which the days after the twelve Republican months go."""

_UNKNOWN = "XX"

# The days on which the autumn equinox fell in Paris, 1 Vendémiaire of the years I to XIV.
_NEW_YEARS = {1: 22, 2: 22, 3: 22, 4: 23, 5: 22, 6: 22, 7: 22, 8: 23, 9: 23, 10: 23, 11: 23, 12: 24, 13: 23, 14: 23}
_LEAP_YEARS = (3, 7, 11)
_LAST_DAY = date(1805, 12, 31)


class ImpossibleDate(ValueError):  # noqa: N818 - a date that no calendar has is no error of ours
    """No calendar has this date; the message says why."""


def edtf_year(digits: str | None, near: int | None) -> str:
    """A year as EDTF writes it.

    Args:
        digits: Four or two digits; `None` where there is no year.
        near: A year that two digits are completed by: the nearest that ends in them, the earlier one of two.
    """
    if digits is None:
        return _UNKNOWN * 2
    if len(digits) == 4:
        return digits
    if near is None:
        return _UNKNOWN + digits
    earliest = near - 50
    return f"{earliest + (int(digits) - earliest) % 100:04}?"


def edtf_month(year: str, month: int) -> str:
    """A month as EDTF writes it.

    Raises:
        ImpossibleDate: The year has no such month.
    """
    if not 1 <= month <= 12:
        raise ImpossibleDate(f"there is no month {month}")
    return f"{year}-{month:02}"


def edtf_day(year: str, month: int, day: int) -> str:
    """A day as EDTF writes it.

    Raises:
        ImpossibleDate: The month has no such day in the Gregorian calendar.
    """
    written = edtf_month(year, month)
    # 2000 and 2020 are leap years: what may be one is taken for one.
    whole = int(year.rstrip("?").replace(_UNKNOWN, "20"))
    if 1 <= day <= calendar.monthrange(whole, month)[1]:
        return f"{written}-{day:02}"
    if (month, day) == (2, 29) and whole % 4 == 0:
        raise ImpossibleDate(f"{written} has a day 29 in the Julian calendar only")
    raise ImpossibleDate(f"{written} has no day {day}")


def republican_day(year: int, month: int, day: int) -> str:
    """The Gregorian day, as EDTF writes it, of a date in the French Republican calendar.

    The calendar was in force until 10 Nivôse XIV, and leap years followed the equinox as observed; so a table of its
    fourteen years is exact, and there is nothing beyond it.

    Args:
        year: Since 22 September 1792, from 1.
        month: From 1; `COMPLEMENTARY` for the days at the end of the year.
        day: Of the month, from 1.

    Raises:
        ImpossibleDate: The calendar has no such day.
    """
    if year not in _NEW_YEARS:
        raise ImpossibleDate(f"the Republican calendar has no year {year}")
    days = 30 if month < COMPLEMENTARY else 5 + (year in _LEAP_YEARS)
    if not 1 <= day <= days:
        which = f"month {month}" if month < COMPLEMENTARY else "the end"
        raise ImpossibleDate(f"{which} of the Republican year {year} has no day {day}")
    found = date(1791 + year, 9, _NEW_YEARS[year]) + timedelta(days=30 * (month - 1) + day - 1)
    if found > _LAST_DAY:
        raise ImpossibleDate("the Republican calendar ended on 10 nivôse an XIV")
    return found.isoformat()
