"""Fonts of German handwriting are made of traced ones, as docs/data.md says."""

import subprocess
import sys
from pathlib import Path

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont
from fontTools.ttLib.tables._g_l_y_f import Glyph
from PIL import ImageFont, features

from manuscribe.datasets.rendering.hands import load_faces

SCRIPT = Path(__file__).parents[2] / "recipes" / "kurrent.py"
LONG_S, ROUND_S = 0o163, 0o031


@pytest.fixture(scope="module")
def fonts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made of one whose glyph at place N is a bar from -300 to 667, and takes 400 + N."""
    folder = tmp_path_factory.mktemp("kurrent")
    names = [f"g{place:03d}" for place in range(256)]
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", *names])
    builder.setupCharacterMap({})
    builder.setupGlyf({".notdef": Glyph(), **dict.fromkeys(names, _bar())})
    builder.setupHorizontalMetrics({".notdef": (0, 0)} | {name: (400 + n, 0) for n, name in enumerate(names)})
    builder.setupHorizontalHeader(ascent=700, descent=-350)
    builder.setupNameTable({})
    builder.setupOS2()
    builder.setupPost()
    builder.save(folder / "traced.ttf")
    subprocess.run([sys.executable, SCRIPT, folder / "fonts", folder / "traced.ttf"], check=True)
    return folder / "fonts"


def _bar() -> Glyph:
    pen = TTGlyphPen(None)
    pen.moveTo((0, -300))
    for corner in ((100, -300), (100, 667), (0, 667)):
        pen.lineTo(corner)
    pen.closePath()
    return pen.glyph()


def test_they_write_german(fonts: Path) -> None:
    faces = load_faces(fonts)
    assert len(faces) == 6
    assert all(set("Ärger über 3 Größen?") <= face.characters for face in faces)


def test_long_letters_keep_their_height_reach_further_below_and_lean(fonts: Path) -> None:
    upright, leaning = (TTFont(fonts / f"traced-{number}.ttf")["glyf"]["g097"] for number in (1, 6))
    assert (upright.xMin, upright.xMax, upright.yMin, upright.yMax) == (0, 100, -300, 667)
    assert leaning.yMax == 667
    assert leaning.yMin == -450  # by as much as the part above the short letters, half as high as before, has grown
    assert leaning.xMax == round(100 * 0.75 + 667 * 0.9)


@pytest.mark.skipif(not features.check("raqm"), reason="Pillow was built without Raqm, or FriBidi is not installed")
def test_s_is_long_within_a_word_and_round_at_its_end(fonts: Path) -> None:
    face = ImageFont.truetype(str(fonts / "traced-1.ttf"), 1000)
    assert face.getlength("s") == 400 + ROUND_S
    assert face.getlength("ss") == 800 + LONG_S + ROUND_S
    assert face.getlength("s,s") == 1200 + 2 * ROUND_S + ord(",")
