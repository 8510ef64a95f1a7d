"""Roman numerals, as pens write them and as readers read them."""

NUMERALS = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII", "XIII", "XIV")
"""As far as dates need them: twelve months, fourteen years of the Republic."""

STROKES = "IVXІХiіlx1хvПШ"
"""What the letters I, V and X are read as: Cyrillic letters, a small l, the digit one, and II and III as П and Ш."""

_PLAIN = str.maketrans({"І": "I", "i": "I", "і": "I", "l": "I", "1": "I", "v": "V"} | dict.fromkeys("Ххx", "X"))
_JOINED = str.maketrans({"П": "II", "Ш": "III"})
_VALUES = {numeral: value for value, numeral in enumerate(NUMERALS, start=1)} | {"IIII": 4, "VIIII": 9}


def plain_numeral(text: str) -> str:
    """The numeral in Latin capitals."""
    return text.translate(_PLAIN).translate(_JOINED)


def roman_value(text: str) -> int | None:
    """The number that a Roman numeral up to XIV means; `None` for all else."""
    return _VALUES.get(plain_numeral(text))
