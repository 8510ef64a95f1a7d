"""Batches: one output a page, resume, failures recorded."""

import json
from pathlib import Path

import pytest

from manuscribe.document import Document, Line, Page, Region
from manuscribe.errors import InputError, OutputError, UsageError
from manuscribe.formats import Format, get_format
from manuscribe.formats import text as text_format
from manuscribe.reading.batch import Batch, Outcome, output_stems
from manuscribe.reading.record import NAME as RECORD


class Pages:
    """Reads an image's name; fails on those it is told to."""

    def __init__(self, **failures: BaseException) -> None:
        self.failures = failures
        self.seen: list[str] = []

    def __call__(self, path: Path) -> Document:
        self.seen.append(path.stem)
        if path.stem in self.failures:
            raise self.failures[path.stem]
        return Document((Page(10, 10, (Region((Line(path.stem),)),)),))


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    files = [tmp_path / "scans" / f"{name}.jpg" for name in "abc"]
    files[0].parent.mkdir()
    for file in files:
        file.write_bytes(b"image")
    return files


def run(images: list[Path], out: Path, read: Pages, job: str = "job") -> list[Outcome]:
    batch = Batch(images, out, [get_format("txt")], job)
    return list(batch.run(read))


def test_each_image_gets_its_file(images: list[Path], tmp_path: Path) -> None:
    outcomes = run(images, tmp_path / "out", Pages())
    assert [outcome.status for outcome in outcomes] == ["done"] * 3
    assert (tmp_path / "out" / "b.txt").read_text() == "b\n"


def test_a_second_run_repeats_nothing(images: list[Path], tmp_path: Path) -> None:
    run(images, tmp_path / "out", Pages())
    again = Pages()
    assert [outcome.status for outcome in run(images, tmp_path / "out", again)] == ["skipped"] * 3
    assert again.seen == []


@pytest.mark.parametrize("change", ["image", "output", "job"])
def test_what_changed_is_read_again(images: list[Path], tmp_path: Path, change: str) -> None:
    run(images, tmp_path / "out", Pages())
    if change == "image":
        images[1].write_bytes(b"another image")
    if change == "output":
        (tmp_path / "out" / "b.txt").unlink()
    again = Pages()
    run(images, tmp_path / "out", again, job="another" if change == "job" else "job")
    assert again.seen == (["a", "b", "c"] if change == "job" else ["b"])


def test_what_changes_while_it_is_read_is_read_again(images: list[Path], tmp_path: Path) -> None:
    pages = Pages()

    def meanwhile(path: Path) -> Document:
        if path == images[1] and "b" not in pages.seen:
            path.write_bytes(b"scanned once more")
        return pages(path)

    list(Batch(images, tmp_path / "out", [get_format("txt")], "job").run(meanwhile))
    again = Pages()
    run(images, tmp_path / "out", again)
    assert again.seen == ["b"]


def test_a_bad_page_is_recorded_and_the_rest_goes_on(images: list[Path], tmp_path: Path) -> None:
    pages = Pages(a=InputError("a.jpg is empty.", "Scan it again."), b=ZeroDivisionError("oops"))
    outcomes = run(images, tmp_path / "out", pages)
    assert [outcome.status for outcome in outcomes] == ["failed", "failed", "done"]
    assert outcomes[0].problem == "a.jpg is empty. Scan it again."
    assert "ZeroDivisionError" in outcomes[1].problem
    rows = [json.loads(row) for row in (tmp_path / "out" / RECORD).read_text().splitlines()]
    assert [row["status"] for row in rows] == ["failed", "failed", "done"]
    better = Pages()
    run(images, tmp_path / "out", better)
    assert better.seen == ["a", "b"]


def test_an_interruption_keeps_what_is_done(images: list[Path], tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(images, tmp_path / "out", Pages(b=KeyboardInterrupt()))
    assert (tmp_path / "out" / "a.txt").is_file()
    rest = Pages()
    run(images, tmp_path / "out", rest)
    assert rest.seen == ["b", "c"]


def test_a_record_cut_off_by_a_crash_is_no_obstacle(images: list[Path], tmp_path: Path) -> None:
    run(images, tmp_path / "out", Pages())
    record = tmp_path / "out" / RECORD
    record.write_text(record.read_text()[:-30])
    again = Pages()
    run(images, tmp_path / "out", again)
    assert again.seen == ["c"]
    last = Pages()
    run(images, tmp_path / "out", last)
    assert last.seen == []


def test_a_full_disk_ends_the_batch(images: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from manuscribe.reading import batch

    def full(path: Path, data: bytes) -> None:
        raise OutputError(f"{path} cannot be written: no space left.")

    monkeypatch.setattr(batch, "write_atomically", full)
    pages = Pages()
    with pytest.raises(OutputError, match="no space"):
        run(images, tmp_path / "out", pages)
    assert pages.seen == ["a"]


def test_a_writer_that_trips_fails_its_page_alone(images: list[Path], tmp_path: Path) -> None:
    def write(document: Document) -> bytes:
        if document.text == "b":
            raise ValueError("cannot be said")
        return text_format.FORMAT.write(document)

    batch = Batch(images, tmp_path / "out", [Format("odd", ".odd", write)], "job")
    assert [outcome.status for outcome in batch.run(Pages())] == ["done", "failed", "done"]
    assert not (tmp_path / "out" / "b.odd").exists()


def test_an_output_that_is_a_file_is_refused_at_once(images: list[Path], tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OutputError, match="cannot be written"):
        run(images, tmp_path / "out", Pages())


def test_names_that_collide_are_told_apart() -> None:
    paths = [Path("x/letter.jpg"), Path("x/letter.png"), Path("y/other.jpg")]
    assert list(output_stems(paths).values()) == ["x-letter.jpg", "x-letter.png", "other"]
    with pytest.raises(UsageError, match="Several images"):
        output_stems([Path("p/x/a.jpg"), Path("q/x/a.jpg")])


def test_texts_that_no_run_wrote_are_not_overwritten(images: list[Path], tmp_path: Path) -> None:
    truth = images[1].with_suffix(".txt")
    truth.write_text("typed by hand")
    with pytest.raises(UsageError, match=r"b\.txt is there"):
        run(images, truth.parent, Pages())
    assert truth.read_text() == "typed by hand"
    truth.unlink()
    assert [outcome.status for outcome in run(images, truth.parent, Pages())] == ["done"] * 3
    assert [outcome.status for outcome in run(images, truth.parent, Pages(), job="another")] == ["done"] * 3


def test_an_image_keeps_its_name_when_others_come_to_it(tmp_path: Path) -> None:
    boxes = [tmp_path / box / "001.jpg" for box in ("box1", "box2")]
    for image in boxes:
        image.parent.mkdir()
        image.write_bytes(b"image")
    run(boxes[:1], tmp_path / "out", Pages())
    assert [outcome.status for outcome in run(boxes, tmp_path / "out", Pages())] == ["skipped", "done"]
    assert {path.name for path in (tmp_path / "out").glob("*.txt")} == {"001.txt", "box2-001.jpg.txt"}
    assert [outcome.status for outcome in run(boxes[:1], tmp_path / "out", Pages())] == ["skipped"]


def test_another_images_output_is_neither_taken_for_ours_nor_overwritten(tmp_path: Path) -> None:
    first, second = tmp_path / "a" / "page.jpg", tmp_path / "b" / "page.jpg"
    for image in (first, second):
        image.parent.mkdir()
        image.write_bytes(b"image")
    out = tmp_path / "out"

    def read(path: Path) -> Document:
        return Document((Page(10, 10, (Region((Line(path.parent.name),)),)),))

    for image in (first, second):
        assert [outcome.status for outcome in Batch([image], out, [get_format("txt")], "job").run(read)] == ["done"]
    assert (out / "page.txt").read_text() == "a\n"
    assert (out / "b-page.jpg.txt").read_text() == "b\n"
    for image in (first, second):
        again = Batch([image], out, [get_format("txt")], "job").run(read)
        assert [outcome.status for outcome in again] == ["skipped"]


@pytest.mark.parametrize("name", ["caf\udce9.jpg", "line\u2028separator.jpg", "письмо.jpg"])
def test_any_file_name_is_recorded_and_known_again(tmp_path: Path, name: str) -> None:
    image = tmp_path / name
    image.write_bytes(b"image")
    assert run([image], tmp_path / "out", Pages())[0].status == "done"
    assert run([image], tmp_path / "out", Pages())[0].status == "skipped"


def test_a_name_too_long_for_an_output_fails_alone(images: list[Path], tmp_path: Path) -> None:
    long = tmp_path / ("x" * 250 + ".jpg")
    long.write_bytes(b"image")
    batch = Batch([long, *images], tmp_path / "out", [Format("long", ".very-long.txt", lambda _: b"")], "job")
    assert [outcome.status for outcome in batch.run(Pages())] == ["failed", "done", "done", "done"]


def test_notes_and_failed_lines_are_told_and_recorded(images: list[Path], tmp_path: Path) -> None:
    def read(path: Path) -> Document:
        line = Line(notes=("failed: it lies outside of the page",))
        return Document((Page(10, 10, (Region((line,)),), notes=("blank: nothing",)),))

    (outcome, *_) = Batch(images, tmp_path / "out", [get_format("txt")], "job").run(read)
    assert (outcome.status, outcome.notes) == ("done", ("blank: nothing",))
    assert "1 lines could not be read" in outcome.problem
    row = json.loads((tmp_path / "out" / RECORD).read_text().splitlines()[0])
    assert row["notes"] == ["blank: nothing"]
