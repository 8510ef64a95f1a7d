"""Makes fonts of German handwriting for rendering: `python recipes/kurrent.py fonts/de wesu14.ttf wesub14.ttf`.

The strokes are those of Walter Entenmann's Sütterlin in METAFONT (CTAN: schulschriften, LPPL), traced into TrueType
with the glyph names g000 to g255. Sütterlin was made for children; a clerk's Kurrent has the same letters of the same
strokes, but the long ones reach further beyond the short ones, and all lean. So each traced font becomes several. They
write as German hands do: a long s within a word and a round one at its end, and a word's last letter without the stroke
to the next.
"""

import sys
from pathlib import Path
from string import ascii_letters

from fontTools.feaLib.builder import addOpenTypeFeaturesFromString
from fontTools.fontBuilder import FontBuilder
from fontTools.ttLib import TTFont
from fontTools.ttLib.tables._g_l_y_f import Glyph, GlyphCoordinates

# Where the traced font has each letter: as it stands within a word, and at the end of one.
_LETTERS = {letter: (ord(letter), ord(letter) + 0o100) for letter in ascii_letters}
_LETTERS |= {"s": (ord("s"), 0o031), "ß": (0o377, 0o035), "ä": (0o344, 0o273), "ö": (0o366, 0o274), "ü": (0o374, 0o275)}
_LETTERS |= {"Ä": (0o304, 0o233), "Ö": (0o326, 0o234), "Ü": (0o334, 0o235)}
_SIGNS = {sign: ord(sign) for sign in "0123456789!\"'()*+,-./:;=?[]&%$#@<>"} | {"–": 0o025, "—": 0o026, "§": 0o237}
_SHORT, _LONG = 333, 667  # how high short and long letters of the traced font are, in thousandths of its size
_SPACE = 400
# Height of the short letters beside the traced ones, width, slant (run over rise).
_HANDS = ((1.0, 1.0, 0.0), (1.0, 0.85, 0.35), (0.75, 0.9, 0.45), (0.6, 1.0, 0.3), (0.6, 0.8, 0.65), (0.5, 0.75, 0.9))


def written(traced: Path, short: float, width: float, slant: float) -> TTFont:
    """A traced font as another hand writes it."""
    font = TTFont(traced)
    outlines, metrics = font["glyf"], font["hmtx"]
    for name in font.getGlyphOrder():
        glyph = outlines[name]
        if glyph.numberOfContours > 0:
            glyph.coordinates = GlyphCoordinates([_moved(x, y, short, width, slant) for x, y in glyph.coordinates])
            glyph.recalcBounds(outlines)
        metrics[name] = round(metrics[name][0] * width), getattr(glyph, "xMin", 0)
    outlines["space"] = Glyph()
    metrics["space"] = round(_SPACE * width), 0
    places = {letter: end for letter, (_, end) in _LETTERS.items()} | _SIGNS
    names = {" ": "space"} | {sign: _name(place) for sign, place in places.items()}
    FontBuilder(font=font).setupCharacterMap({ord(sign): name for sign, name in names.items()})
    addOpenTypeFeaturesFromString(font, _joining())
    return font


def _moved(x: int, y: int, short: float, width: float, slant: float) -> tuple[int, int]:
    """Short letters as high as told, long ones as before; what hangs below reaches further by as much."""
    reach = (_LONG - short * _SHORT) / (_LONG - _SHORT)
    y_new = y * short if 0 <= y <= _SHORT else y * reach if y < 0 else _LONG - (_LONG - y) * reach
    return round(x * width + y_new * slant), round(y_new)


def _joining() -> str:
    """An OpenType feature: a letter before a letter has the form that goes on."""
    within, end = ([_name(pair[n]) for pair in _LETTERS.values()] for n in (0, 1))
    letters = " ".join(within + end)
    pairs = "\n".join(f"  sub {last} by {inner};" for inner, last in zip(within, end, strict=True))
    return f"""
lookup goes_on {{
{pairs}
}} goes_on;
feature calt {{
  sub [{" ".join(end)}]' lookup goes_on [{letters}];
}} calt;
"""


def _name(place: int) -> str:
    return f"g{place:03d}"


def main() -> None:
    """Write the fonts of all hands."""
    folder, *traced = map(Path, sys.argv[1:])
    folder.mkdir(parents=True, exist_ok=True)
    for path in traced:
        for number, hand in enumerate(_HANDS, 1):
            written(path, *hand).save(folder / f"{path.stem}-{number}.ttf")


if __name__ == "__main__":
    main()
