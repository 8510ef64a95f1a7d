"""Dates as pens write them: found in text, told in EDTF, written in one convention.

A text goes through these modules from top to bottom:

- `folding`: one form for signs that mean the same, with the way back to the text as it was
- `grammar`: what the conventions of writing dates look like, a pattern for each
- `meanings`: what a pattern's match says, with the names in `months` and `numerals`
- `calendars`: whether there is such a day, and its EDTF string
- `finding`, `writing`: the public functions
"""

from manuscribe.text.dates.finding import Date, find_dates
from manuscribe.text.dates.writing import CONVENTIONS, Convention, write_dates

__all__ = ["CONVENTIONS", "Convention", "Date", "find_dates", "write_dates"]
