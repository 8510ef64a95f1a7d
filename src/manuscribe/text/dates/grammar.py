"""What the conventions of writing dates look like: a pattern for each, put together from named parts.

Patterns are for folded text (`folding`). The group `date` is what counts as the date; words around it, such as le, ngày
and г., are only looked at. Everything that repeats has a bound, so that time grows with the text and no faster.
"""

import re

from manuscribe.text.dates.months import VIETNAMESE_NUMBERS
from manuscribe.text.dates.numerals import STROKES

_LETTER = r"[^\W\d_]"
_GAP = " {0,2}"
_SEPARATOR = rf"{_GAP}[./-]{_GAP}"
_DAY = "[0-9]{1,2}"
_FULL_YEAR = "(?:1[0-9]|20)[0-9]{2}"  # 1000 to 2099

_ENDINGS = "er|re|r|e|ème|eme|me|st|nd|rd|th|d|de|ten|te|t|го|ого|ього|е|є|ье"
_ORDINAL = rf"(?:[.°º]? ?-?(?:{_ENDINGS})(?!{_LETTER})\.?|[.°º])?"
_OF = "(?:(?:day )?of |(?:jour )?de |d')?"
_NUMBERED_MONTH = "(?P<numbered>10|[789XХ])[. ]{0,2}b(?:re|er|r)"
_RAISED_END = rf"(?:[.'](?:bre|ber|er|re|r|t|y)(?!{_LETTER}))?"  # nov.bre, Jan'y: ends that the pen raised
_NAME = rf"(?P<month>{_LETTER}{{3,11}})(?!{_LETTER})(?=(?P<point>[.']?)){_RAISED_END}"
_MONTH = rf"(?:{_NUMBERED_MONTH}(?!{_LETTER})|{_NAME})"
_VIETNAMESE_MONTH = f"(?P<month>[0-9]{{1,2}}|{'|'.join(sorted(VIETNAMESE_NUMBERS, key=len, reverse=True))})"

_BEFORE_YEAR = r"(?:of |de |de l'an |de l'année |anno |a\. ?d\. )?"
_NO_MORE_DIGITS = "(?![0-9]|[.,:/][0-9])"
_NO_SUM = r"(?! ?(?:fr\b|francs?\b|livres\b|Mark\b|руб|грн|đồng|[€£]))"  # 3 janvier 1500 fr.
# Two digits after a month are a year where a mark or the end of the clause follows; else perhaps 12 of something.
_CLOSED = r"(?=(?:-?го)? ?(?:г\.|год|рок)| ?[.;:)\]](?! ?[0-9])|,(?! ?[0-9])| ?$)"
_YEAR = (
    rf"(?:(?:\.?,?{_GAP}{_BEFORE_YEAR}|[/-])(?P<year>{_FULL_YEAR}){_NO_MORE_DIGITS}{_NO_SUM}"
    rf"|(?:\.?{_GAP}'?|[/-])(?P<short>(?<=')[0-9]{{2}}(?![0-9])|[0-9]{{2}}{_CLOSED}))"
)

# Where numbers alone make a date, nothing around them may belong to a longer number, section or telephone number.
# A dash may lead from one date to the next.
_ALONE = r"(?<![^\W_])(?<![0-9][.,/:])(?:(?<![0-9]-)|(?<=[./][0-9]{4}-))(?<![$€£№#])"
_OVER = (
    rf"(?![0-9]|[.,:/][0-9]|-[0-9](?![0-9]?[./])|-{_LETTER})"
    rf"(?:(?=[гр]{{1,2}}\b|год|рок)|(?!{_LETTER}))"
)
# Where a month is named, letters may touch: du13 août.
_NO_NUMBER_BEFORE = "(?<![0-9$€£])(?<![0-9][.,/:])(?:(?<![0-9]-)|(?<=[0-9]{4}-))"


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE | re.MULTILINE)


ISO = _pattern(
    rf"(?<![\w-])(?P<date>(?P<year>{_FULL_YEAR})-(?P<month>[01][0-9])-(?P<day>[0-3][0-9]))(?![0-9]|[.,-][0-9])"
)
"""1937-10-12"""

REPUBLICAN = _pattern(
    rf"{_NO_NUMBER_BEFORE}(?P<date>(?P<day>{_DAY}){_ORDINAL}{_GAP}(?:de )?"
    rf"(?:(?P<extra>(?:jours? )?compl(?:émentaires?|\.))|(?P<month>{_LETTER}{{4,11}}))\.?,?{_GAP}(?:de )?(?:l')?"
    rf"an{_GAP}(?P<year>[0-9]{{1,2}}|[{STROKES}]{{1,5}})(?:e|ème|me)?)(?![^\W_])"
)
"""12 brumaire an VIII, 5e jour complémentaire an 3"""

VIETNAMESE_DAY = _pattern(
    rf"(?P<lead>(?:ngày|hôm|đêm|sáng|trưa|chiều|tối|mồng|mùng) {{1,2}})?(?:(?:mồng|mùng) {{1,2}})?{_NO_NUMBER_BEFORE}"
    rf"(?P<date>(?P<day>{_DAY}){_GAP}tháng{_GAP}{_VIETNAMESE_MONTH}(?![^\W_]|[.,][0-9])"
    rf"(?:{_GAP}[,/-]?{_GAP}(?:năm{_GAP})?(?P<year>{_FULL_YEAR}){_NO_MORE_DIGITS}"
    rf"|{_GAP}năm{_GAP}(?P<short>[0-9]{{2}}){_NO_MORE_DIGITS})?)"
)
"""2 tháng 9 năm 1945"""

VIETNAMESE_MONTH = _pattern(
    rf"(?P<date>tháng{_GAP}{_VIETNAMESE_MONTH}(?![^\W_]|[.,][0-9])"
    rf"(?:{_GAP},?{_GAP}năm|{_GAP}[/-]){_GAP}(?P<year>{_FULL_YEAR}){_NO_MORE_DIGITS})"
)
"""tháng 5 năm 1937, tháng 5-1937"""

YEAR_FIRST = _pattern(
    rf"{_ALONE}(?P<date>(?P<year>{_FULL_YEAR})(?:-?го)? ?(?:года?|г\.|року|р\.),?{_GAP}{_NAME}\.? {{1,2}}"
    rf"(?P<day>{_DAY})(?: ?-?о?го)?(?: дня| числа)?)(?!{_LETTER}){_NO_MORE_DIGITS}"
)
"""1889 года мая 3 дня"""

DAY_RANGE = _pattern(
    rf"{_NO_NUMBER_BEFORE}(?P<date>(?P<day>{_DAY}){_ORDINAL}{_GAP}-{_GAP}(?P<until>{_DAY}){_ORDINAL}"
    rf"{_GAP}{_OF}{_MONTH}{_YEAR}?)"
)
"""3-5 mai 1856"""

DAY_MONTH = _pattern(
    rf"{_NO_NUMBER_BEFORE}(?P<date>(?P<quoted>[«„“\"] ?)?(?P<day>{_DAY})(?(quoted) ?[»“”\"]){_ORDINAL}"
    rf"(?:{_GAP}{_OF}|(?P<stroke>[/-])){_MONTH}{_YEAR}?)"
)
"""3 mai 1856, 3-го мая, 3rd of May 1856, 3 Xbre, 3-May-1856; «3» мая 1856, as on forms"""

MONTH_DAY = _pattern(
    rf"(?<!{_LETTER})(?P<date>{_NAME}(?:\. ?| {{1,2}})(?:the )?(?P<day>{_DAY})"
    rf"(?: ?(?:st|nd|rd|th|d)|(?P<russian>(?: ?-?о?го)? дня))?(?:-(?P<until>{_DAY})(?:st|nd|rd|th|d)?)?(?!{_LETTER})"
    rf"(?:\.?,?{_GAP}{_BEFORE_YEAR}(?:(?P<year>{_FULL_YEAR})|'(?P<short>[0-9]{{2}})))?)"
    rf"(?!{_LETTER}| ?%){_NO_MORE_DIGITS}"
)
"""May 3rd, 1856; мая 3 дня 1856"""

ROMAN = _pattern(
    rf"{_ALONE}(?P<date>(?P<day>[0-3]?[0-9])(?!-[хx][ .])(?P<before>{_SEPARATOR}| )"
    rf"(?=[1l]{{0,5}}[IVXІХПШ])(?P<month>[{STROKES}]{{1,6}})(?P<after>{_SEPARATOR}| )'?"
    rf"(?P<year>{_FULL_YEAR}|[0-9]{{2}})){_OVER}"
)
"""12.X.1937, 12/XI-37"""

NUMBERS = _pattern(
    rf"{_ALONE}(?P<date>(?P<first>[0-3]?[0-9])(?P<before>{_SEPARATOR})(?P<second>[0-3]?[0-9])"
    rf"(?P<after>{_SEPARATOR})(?P<year>{_FULL_YEAR}|[0-9]{{2}})){_OVER}"
)
"""2-9-1945, 12/10/37"""

MONTH_YEAR = _pattern(
    rf"(?<![^\W_])(?P<date>{_MONTH}\.?,?{_GAP}{_BEFORE_YEAR}(?:(?P<year>{_FULL_YEAR})|'(?P<short>[0-9]{{2}})))"
    rf"{_NO_MORE_DIGITS}"
)
"""mai 1937, Xbre 1829"""

YEARS = _pattern(
    rf"{_ALONE}(?P<date>(?P<year>{_FULL_YEAR}){_GAP}-{_GAP}"
    rf"(?P<until>{_FULL_YEAR}|[0-9]{{2}}(?= ?(?:гг|рр|год|рок)))){_OVER}"
)
"""1914-1918, 1937-38 гг."""

YEAR_BEFORE_MARK = _pattern(
    rf"{_ALONE}(?P<date>(?P<year>{_FULL_YEAR}))(?:-?(?:й|го|му|м|ом))? ?"
    rf"(?:г\.|год(?:а|у|е|ом)?(?!{_LETTER})|р(?:оку|оці|ік|оком)(?!{_LETTER})|(?P<abbreviated>р\.))"
)
"""1937 г., 1937 року"""

YEAR_AFTER_MARK = _pattern(
    rf"(?<!{_LETTER})(?:l'an|année|năm|Jahre?s?|the year|anno) {{1,2}}(?P<date>(?P<year>{_FULL_YEAR})){_OVER}"
)
"""l'année 1937, năm 1937"""
