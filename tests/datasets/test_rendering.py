"""Rendered lines: what they look like, and that seeds decide everything."""

from pathlib import Path

import numpy as np
import pytest

from manuscribe.datasets.augmentation.varying import mask_columns, vary
from manuscribe.datasets.lines import read_lines
from manuscribe.datasets.rendering.borrowed import LENT, SHAPED, BorrowedHand, can_lend
from manuscribe.datasets.rendering.files import Rendering, render
from manuscribe.datasets.rendering.hands import DRAWN, Face, FontHand, load_faces
from manuscribe.datasets.rendering.synthetic import LineRenderer
from manuscribe.datasets.rendering.texts import TextSource, load_texts
from manuscribe.errors import InputError, UsageError
from manuscribe.text.charset import LANGUAGES, charset


@pytest.fixture(scope="module")
def renderer(faces_folder: Path, texts_folder: Path) -> LineRenderer:
    return LineRenderer(load_faces(faces_folder), TextSource(load_texts(texts_folder, ["en", "fr"])))


def test_lines_have_the_readers_height_dark_ink_and_a_text(renderer: LineRenderer) -> None:
    rng = np.random.default_rng(1)
    for length in (1, 10, 60):
        line, text = renderer.draw("en", length, rng)
        assert line.dtype == np.uint8
        assert line.shape[0] == 64
        assert text == text.strip() != ""
        assert int(line.max()) - int(line.min()) > 20


def test_length_is_about_what_was_asked_for(renderer: LineRenderer) -> None:
    rng = np.random.default_rng(2)
    lengths = [len(renderer.draw("fr", 40, rng)[1]) for _ in range(60)]
    assert 25 < np.mean(lengths) < 50


def test_the_seed_decides_the_line(renderer: LineRenderer) -> None:
    (first, text), (again, same) = (renderer.draw("en", 20, np.random.default_rng(7)) for _ in range(2))
    other, _ = renderer.draw("en", 20, np.random.default_rng(8))
    assert text == same
    assert np.array_equal(first, again)
    assert not (first.shape == other.shape and np.array_equal(first, other))


def test_texts_need_characters_that_the_language_has(texts_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "UD_English-x.txt").write_text("Plain words.\nСлова.\n", encoding="utf-8")
    (tmp_path / "Book_English-y.txt").write_text("Ever yours.\n", encoding="utf-8")
    assert load_texts(tmp_path, ["en"]) == {"en": ["Ever yours.", "Plain words."]}
    with pytest.raises(InputError, match="_German"):
        load_texts(tmp_path, ["de"])


def test_a_folder_without_fonts_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"No \.ttf"):
        load_faces(tmp_path)
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    with pytest.raises(InputError, match=r"broken\.ttf"):
        load_faces(tmp_path)


def test_varying_keeps_the_height_and_the_seed_decides(renderer: LineRenderer) -> None:
    line, _ = renderer.draw("en", 20, np.random.default_rng(3))
    varied = [vary(line, np.random.default_rng(seed)) for seed in (0, 0, 1)]
    assert all(v.shape[0] == 64 and v.dtype == np.uint8 for v in varied)
    assert np.array_equal(varied[0], varied[1])
    assert varied[0].shape != varied[2].shape or not np.array_equal(varied[0], varied[2])


def test_a_line_one_pixel_wide_can_be_varied() -> None:
    for seed in range(20):
        assert vary(np.full((64, 1), 90, np.uint8), np.random.default_rng(seed)).size


def test_masking_only_removes_ink() -> None:
    ink = np.ones((64, 400), np.float32)
    masked = mask_columns(ink, np.random.default_rng(0))
    assert set(np.unique(masked)) == {0.0, 1.0}
    assert ink.all()


def test_rendering_to_disk_resumes_and_repeats_nothing(faces_folder: Path, texts_folder: Path, tmp_path: Path) -> None:
    job = Rendering(faces_folder, texts_folder, ("en", "fr"), lines=1010, length=12, seed=4)
    files = list(render(job, tmp_path))
    assert len(files) == job.files == 2
    whole = [path.read_bytes() for path in files]
    files[1].unlink()
    kept = files[0].stat().st_mtime_ns
    list(render(job, tmp_path))
    assert [path.read_bytes() for path in files] == whole
    assert files[0].stat().st_mtime_ns == kept
    lines = read_lines(["*.parquet"], tmp_path)
    assert len(lines) == 1010
    assert {line.language for line in lines} == {"en", "fr"}
    assert lines[0].pixels().shape[0] == 64


def test_another_jobs_files_are_not_taken_for_this_ones(faces_folder: Path, texts_folder: Path, tmp_path: Path) -> None:
    def rendered(length: int, lines: int) -> Path:
        (file,) = render(Rendering(faces_folder, texts_folder, ("en",), lines, length), tmp_path)
        return file

    few, other = rendered(10, 3), rendered(11, 3)
    assert few != other
    first = read_lines([few.name], tmp_path)
    assert rendered(10, 5) == few
    assert read_lines([few.name], tmp_path)[:3] == first
    assert len(read_lines([few.name], tmp_path)) == 5
    whole = few.stat().st_mtime_ns
    assert rendered(10, 3).stat().st_mtime_ns == whole  # more than enough is there


def test_other_texts_or_fonts_give_other_names(faces_folder: Path, tmp_path: Path) -> None:
    names = set()
    for text in ("One day.", "Two days."):
        (tmp_path / "UD_English-x.txt").write_text(text, encoding="utf-8")
        names |= {file.name for file in render(Rendering(faces_folder, tmp_path, ("en",), 1), tmp_path / "out")}
    assert len(names) == 2


def test_a_font_that_is_kept_to_a_language_gives_other_names(
    faces_folder: Path, texts_folder: Path, tmp_path: Path
) -> None:
    fonts, (face,), names = tmp_path / "fonts", load_faces(faces_folder), set()
    for place in ("b.ttf", "en/b.ttf"):
        for path in (fonts / "a.ttf", fonts / place):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(face.path.read_bytes())
        names |= {file.name for file in render(Rendering(fonts, texts_folder, ("en",), 1), tmp_path / "out")}
        (fonts / place).unlink()
    assert len(names) == 2


def test_a_language_may_have_its_letters_from_the_fonts_kept_to_it(faces_folder: Path, tmp_path: Path) -> None:
    (face,) = load_faces(faces_folder)
    faces = [Face(face.path, frozenset("abc")), Face(face.path, face.characters, "en")]
    source = TextSource({"en": ["Plain words."]})
    assert LineRenderer(faces, source).draw("en", 10, np.random.default_rng(0))[1]
    with pytest.raises(InputError, match="'en'"):
        LineRenderer(faces[:1], source)
    with pytest.raises(InputError, match="'en'"):
        LineRenderer([], source)


def test_fonts_without_a_languages_letters_are_refused(faces_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'ru'"):
        LineRenderer(load_faces(faces_folder), TextSource({"en": ["Plain words."], "ru": ["Слова и числа."]}))
    (tmp_path / "UD_Russian-x.txt").write_text("Plain words.\n", encoding="utf-8")
    with pytest.raises(InputError, match="letters of 'ru'"):
        load_texts(tmp_path, ["ru"])


def test_texts_that_no_font_can_write_end_the_search(faces_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = TextSource({"en": ["Plain words."]})
    monkeypatch.setattr(source, "draw", lambda *_: "Ж")
    with pytest.raises(InputError, match="can write 'Ж'"):
        LineRenderer(load_faces(faces_folder), source).draw("en", 5, np.random.default_rng(0))


def test_rendering_an_unknown_language_is_refused(faces_folder: Path, texts_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="xx"):
        list(render(Rendering(faces_folder, texts_folder, ("xx",), 1), tmp_path))


def test_treebanks_loose_signs_are_joined_to_their_words(tmp_path: Path) -> None:
    (tmp_path / "UD_Vietnamese-x.txt").write_text('Chị ( bạn ) nói : " Vâng " , rồi đi .\n', encoding="utf-8")
    assert load_texts(tmp_path, ["vi"]) == {"vi": ['Chị (bạn) nói: "Vâng", rồi đi.']}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_texts_in_its_own_letters(language: str) -> None:
    source, rng = TextSource({language: ["a b c."]}), np.random.default_rng(0)
    for length in (1, 8, 20, 60):
        for _ in range(40):
            text = source.draw(language, length, rng)
            assert text == text.strip() != ""
            assert set(text) <= set(charset())
            assert len(text) <= max(1.3 * length, 12) or " " not in text


def test_a_latin_hand_lends_its_strokes_to_cyrillic(faces_folder: Path) -> None:
    (face,) = load_faces(faces_folder)
    assert not can_lend(face.characters)
    assert can_lend(LENT)
    hand, own = BorrowedHand(face.path, habit=0), FontHand(face.path)
    lent, advance = hand.word("рот")
    same, width = own.word("pom")
    assert (lent.shape[0], advance) == (3 * DRAWN, pytest.approx(width, abs=3))
    columns = min(lent.shape[1], same.shape[1])
    assert np.abs(lent[:, :columns] - same[:, :columns]).mean() < 0.02
    turned, _ = hand.word("ш")
    assert not np.array_equal(turned, hand.word("т")[0])


def test_every_borrowed_letter_has_ink(faces_folder: Path) -> None:
    (face,) = load_faces(faces_folder)
    for habit in (0, 1):
        hand = BorrowedHand(face.path, habit)
        for letter in sorted(SHAPED):
            ink, advance = hand.word(letter)
            assert advance > 0
            assert ink.max() > 0.5, letter


def test_lenders_make_languages_possible_that_no_font_has_whole(faces_folder: Path) -> None:
    (face,) = load_faces(faces_folder)
    lender = Face(face.path, face.characters | LENT | set(charset("ru")))
    source = TextSource({"ru": ["Слова и числа."]})
    line, text = LineRenderer([lender], source).draw("ru", 12, np.random.default_rng(0))
    assert line.shape[0] == 64
    assert text


def test_fonts_in_a_folder_named_for_a_language_write_that_one_alone(
    faces_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (face,) = load_faces(faces_folder)
    for path in (tmp_path / "any.ttf", tmp_path / "de" / "kurrent.ttf", tmp_path / "xx" / "none.ttf"):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(face.path.read_bytes())
    faces = load_faces(tmp_path)
    assert [(face.path.name, face.language) for face in faces] == [("any.ttf", None), ("kurrent.ttf", "de")]
    chosen: list[str] = []
    monkeypatch.setattr(
        "manuscribe.datasets.rendering.synthetic.FontHand", lambda path: chosen.append(path.name) or FontHand(path)
    )
    renderer = LineRenderer(faces, TextSource({"de": ["Ein Haus."], "en": ["A house."]}))
    for language, hands in (("en", {"any.ttf"}), ("de", {"any.ttf", "kurrent.ttf"})):
        chosen.clear()
        for seed in range(20):
            renderer.draw(language, 10, np.random.default_rng(seed))
        assert set(chosen) == hands
