"""What several rooms' tests share."""

from pathlib import Path

import pytest
from hypothesis import settings

# The same examples in every run, and no deadlines: a busy machine is no bug.
settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.load_profile("repeatable")

SHARED = Path(__file__).parent.parent.parent / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with ground truth that is not part of the project."""
    if not (SHARED / "data").is_dir():
        pytest.skip("the measuring data are not beside this checkout")
    return SHARED


@pytest.fixture(scope="session")
def faces_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A font of our own: each letter and digit a box of its own shape; enough to render with, and free of rights."""
    pytest.importorskip("fontTools")
    from fontTools.fontBuilder import FontBuilder
    from fontTools.pens.ttGlyphPen import TTGlyphPen

    characters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,-/()°€+% àâçéèêëîïôûùœN"
    names = {ord(c): f"g{ord(c)}" for c in characters}
    glyphs = {}
    for code, name in {**names, 0: ".notdef"}.items():
        pen = TTGlyphPen(None)
        if code != ord(" "):
            width, height = 200 + code % 7 * 40, 300 + code % 5 * 90
            for x, y in ((40, 0), (40 + width // 2, height // 2)):
                pen.moveTo((x, y))
                for dx, dy in ((0, height // 2), (width // 2, height // 2), (width // 2, 0)):
                    pen.lineTo((x + dx, y + dy))
                pen.closePath()
        glyphs[name] = pen.glyph()
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", *names.values()])
    builder.setupCharacterMap(names)
    builder.setupGlyf(glyphs)
    builder.setupHorizontalMetrics(dict.fromkeys([".notdef", *names.values()], (520, 40)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Boxes", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    folder = tmp_path_factory.mktemp("fonts")
    builder.save(folder / "boxes.ttf")
    return folder


@pytest.fixture(scope="session")
def texts_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few sentences of our own in the layout that rendering expects."""
    folder = tmp_path_factory.mktemp("texts")
    (folder / "UD_English-Own.txt").write_text(
        "The cat sat by the stove.\nWe paid 12 pence for it, and went home.\nNo letter came on Monday.\n",
        encoding="utf-8",
    )
    (folder / "UD_French-Own.txt").write_text(
        "Le chat dort près du poêle.\nNous avons payé 12 sous.\nAucune lettre lundi.\n", encoding="utf-8"
    )
    return folder
