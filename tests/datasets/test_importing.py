"""Ground truth in the layouts that others publish."""

import json
import re
from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image

from manuscribe.datasets.importing.found import About, Problem
from manuscribe.datasets.importing.kinds import import_lines, kind_of
from manuscribe.document import Document, Line, Page, Region
from manuscribe.errors import InputError, UsageError
from manuscribe.formats import get_format
from tests.datasets.conftest import picture

ABOUT = About("set", language="fr")


def lines_of(source, about=ABOUT, kind=None):
    """What is imported of a source where nothing is wrong."""
    items = list(import_lines(str(source), about, kind))
    assert not [item for item in items if isinstance(item, Problem)]
    return items


def problems_of(source, about=ABOUT, kind=None):
    return [item.what for item in import_lines(str(source), about, kind) if isinstance(item, Problem)]


def ruled_line(top, text="écrit", **changes):
    box = ((20, top), (280, top), (280, top + 40), (20, top + 40))
    return Line(text, id=f"l{top}", polygon=box, baseline=((20, top + 30), (280, top + 30)), **changes)


@pytest.fixture
def page(tmp_path):
    """Write a page of three lines, dark, grey and light, with its file."""

    def write(form="page", size=(300, 200), image="scan.png", name="scan.xml", lines=None):
        pixels = np.full((size[1], size[0]), 255, np.uint8)
        for row, tone in ((10, 60), (70, 120), (130, 180)):
            top, foot = (round(y * size[1] / 200) for y in (row, row + 40))
            pixels[top:foot] = tone
        Image.fromarray(pixels).save(tmp_path / image)
        lines = lines or (ruled_line(10), ruled_line(70, ""), ruled_line(130, "enfin", language="de"))
        document = Document((Page(300, 200, (Region(lines, "r"),), image),))
        (tmp_path / name).write_bytes(get_format(form).write(document))
        return tmp_path

    return write


@pytest.mark.parametrize("form", ["page", "alto"])
def test_lines_with_a_text_are_cut_out_of_their_pages(page, form):
    first, second = lines_of(page(form), replace(ABOUT, height=48))
    assert (first.text, first.group, first.page, first.source, first.language) == ("écrit", "scan", "scan", "set", "fr")
    assert second.text == "enfin"
    assert first.pixels().shape[0] == 48
    assert abs(float(np.median(first.pixels())) - 60) < 8
    assert abs(float(np.median(second.pixels())) - 180) < 8


def test_an_image_that_was_published_smaller_fits_its_file(page):
    first, second = lines_of(page(size=(150, 100)))
    assert abs(float(np.median(first.pixels())) - 60) < 8
    assert abs(float(np.median(second.pixels())) - 180) < 8


def test_images_are_found_beside_the_folder_and_by_the_file_s_own_name(page, tmp_path):
    page()
    (tmp_path / "page").mkdir()
    (tmp_path / "scan.xml").rename(tmp_path / "page" / "scan.xml")
    assert len(lines_of(tmp_path)) == 2
    (tmp_path / "scan.png").rename(tmp_path / "page" / "other.png")
    (tmp_path / "page" / "scan.xml").rename(tmp_path / "page" / "other.page.xml")
    assert len(lines_of(tmp_path)) == 2


def test_pages_that_cannot_be_imported_do_not_stop_the_others(page, tmp_path):
    page()
    page(image="a.png", name="a.xml", size=(200, 200))
    page(image="b.png", name="b.xml", lines=(ruled_line(10), ruled_line(70)))
    text = (tmp_path / "b.xml").read_text(encoding="utf-8")
    far = re.sub(r'(<TextLine.*?points=")[^"]*', r"\g<1>900,900 950,900 950,950", text, count=1, flags=re.DOTALL)
    (tmp_path / "b.xml").write_text(far, encoding="utf-8")
    page(image="gone.png", name="c.xml")
    (tmp_path / "gone.png").unlink()
    (tmp_path / "d.xml").write_text("<broken")
    (tmp_path / "METS.xml").write_text("<mets/>")
    files = [re.search(r"\w\.xml", what)[0] for what in problems_of(tmp_path)]
    assert files == ["a.xml", "b.xml", "c.xml", "d.xml"]
    assert sum(not isinstance(item, Problem) for item in import_lines(str(tmp_path), ABOUT)) == 3


def test_an_image_s_name_leads_nowhere_else(page, tmp_path):
    page()
    (tmp_path / "in").mkdir()
    text = (tmp_path / "scan.xml").read_text(encoding="utf-8").replace("scan.png", "../../../../etc/secret.png")
    (tmp_path / "in" / "other.xml").write_text(text, encoding="utf-8")
    assert "no image secret.png is beside it" in problems_of(tmp_path / "in")[0]


def test_pairs(tmp_path):
    for path in ("a/1", "a/2", "b/1"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / f"{path}.png").write_bytes(picture(path))
        (tmp_path / f"{path}.gt.txt").write_text(f"{path}\n", encoding="utf-8")
    assert [(line.text, line.group) for line in lines_of(tmp_path)] == [("a/1", "a"), ("a/2", "a"), ("b/1", "b")]
    (tmp_path / "a" / "1.png").rename(tmp_path / "a" / "1.nrm.png")
    (tmp_path / "a" / "2.png").unlink()
    (tmp_path / "b" / "1.gt.txt").write_bytes(b"\xff\xfe\xff")
    told = problems_of(tmp_path)
    assert len(told) == 2
    assert "2.gt.txt has no image" in told[0]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", 'file_name,text,label,writer\n1.png,"dit ""oui"", puis",date,Anne\n2.png,b,,\n'),
        ("t.csv", 'file_name;transcription;label;writer\n1.png;"dit ""oui"", puis";date;Anne\n2.png;b;;\n'),
        ("t.tsv", 'image\ttext\tlabel\tgroup\n1.png\tdit "oui", puis\tdate\tAnne\n2.png\tb\t\t\n'),
        ("t.json", json.dumps({"1.png": {"text": 'dit "oui", puis', "label": "date", "group": "Anne"}, "2.png": "b"})),
        ("t.json", json.dumps([{"image": "1.png", "text": 'dit "oui", puis', "label": "date", "writer": "Anne"},
                               {"path": "2.png", "text": "b"}])),
        ("t.jsonl", '{"file_name": "1.png", "text": "dit \\"oui\\", puis", "label": "date", "group": "Anne"}\n'
                    '{"file_name": "2.png", "text": "b"}\n'),
    ],
)  # fmt: skip
def test_tables(tmp_path, name, content):
    for number in (1, 2):
        (tmp_path / f"{number}.png").write_bytes(picture(str(number)))
    (tmp_path / name).write_text(content, encoding="utf-8")
    first, second = lines_of(tmp_path / name)
    assert (first.text, first.label, first.group) == ('dit "oui", puis', "date", "Anne")
    assert (second.text, second.label, second.group, second.language) == ("b", "text", "", "fr")
    assert first.encoded() == picture("1")


def test_a_table_of_two_columns_needs_no_names(tmp_path):
    (tmp_path / "crops").mkdir()
    (tmp_path / "crops" / "1.png").write_bytes(picture("1"))
    (tmp_path / "labels.txt.tsv").write_text("1.png\tText\n", encoding="utf-8")
    (line,) = lines_of(tmp_path / "labels.txt.tsv", replace(ABOUT, images=tmp_path / "crops"))
    assert line.text == "Text"


def test_a_folder_with_metadata_and_one_with_splits(tmp_path):
    for folder in ("", "train", "validation"):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "1.png").write_bytes(picture("1"))
        (tmp_path / folder / "metadata.csv").write_text(f"file_name,text\n1.png,{folder or 'all'}\n")
    assert [(line.text, line.split) for line in lines_of(tmp_path)] == [
        ("all", ""), ("train", "train"), ("validation", "validation"),
    ]  # fmt: skip


def test_a_table_leads_to_no_file_outside_its_folder(tmp_path):
    (tmp_path / "secret.png").write_bytes(picture("s"))
    (tmp_path / "in").mkdir()
    rows = f"image,text\n../secret.png,a\n{tmp_path}/secret.png,b\n..\\secret.png,c\nnone.png,d\n,e\n"
    (tmp_path / "in" / "t.csv").write_text(rows)
    told = problems_of(tmp_path / "in" / "t.csv")
    assert ["is not in" in what for what in told] == [True, True, True, False, False]
    assert len(told) == 5


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("t.csv", b"a,b,c\n1,2,3\n", "which column"),
        ("t.json", b"3", "lists no lines"),
        ("t.json", b"{", "is not JSON"),
        ("t.csv", b"\xff\xfe", "cannot be read"),
        ("t.csv", b'image,text\na.png,"Bon\nb.png,soir\n', "quote left open"),
    ],
)
def test_a_table_that_is_none_is_named(tmp_path, name, content, problem):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=problem):
        list(import_lines(str(tmp_path / name), ABOUT))


def test_iam(tmp_path):
    (tmp_path / "ascii").mkdir()
    (tmp_path / "ascii" / "lines.txt").write_text(
        "#--- lines.txt ---#\na01-000u-00 ok 154 19 408 746 1661 89 A|MOVE|to|stop\n"
        "a01-003-01 err 160 1 400 700 1600 90 Mr. |Gaitskell\nbroken row\na01-009-00 ok 1 1 1 1 1 1 gone\n"
    )
    (tmp_path / "ascii" / "forms.txt").write_text("# forms\na01-000u 012 2 prt 7 5 52 36\n")
    for form, name in (("a01-000u", "a01-000u-00"), ("a01-003", "a01-003-01")):
        (tmp_path / "lines" / "a01" / form).mkdir(parents=True)
        (tmp_path / "lines" / "a01" / form / f"{name}.png").write_bytes(picture(name))
    items = list(import_lines(str(tmp_path / "ascii" / "lines.txt"), About()))
    first, second = (item for item in items if not isinstance(item, Problem))
    assert (first.text, first.group, first.page, first.language) == ("A MOVE to stop", "012", "a01-000u", "en")
    assert second.group == "a01-003"
    assert len(items) == 4


def test_a_data_set_of_hugging_face_s_library_on_disk(tmp_path):
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(image=datasets.Image(), text=datasets.Value("string"), writer=datasets.Value("string"))
    rows = {"image": [{"bytes": picture("a"), "path": None}], "text": [" a "], "writer": ["x"]}
    both = {split: datasets.Dataset.from_dict(rows, features=features) for split in ("train", "dev")}
    datasets.DatasetDict(both).save_to_disk(str(tmp_path / "set"))
    assert [(line.text, line.split, line.encoded()) for line in lines_of(tmp_path / "set")] == [
        ("a", "train", picture("a")), ("a", "validation", picture("a")),
    ]  # fmt: skip
    datasets.Dataset.from_dict({"image": ["x"]}).save_to_disk(str(tmp_path / "other"))
    with pytest.raises(InputError, match="no column `text`"):
        list(import_lines(str(tmp_path / "other"), ABOUT))


def test_a_name_on_the_hub_while_offline_is_named(monkeypatch):
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match="nobody/nothing does not load"):
        list(import_lines("nobody/nothing", ABOUT))


def test_the_kind_is_found_out_or_asked_for(tmp_path):
    assert kind_of("owner/name") == "hub"
    for source in (tmp_path, tmp_path / "gone", "./a/b"):
        with pytest.raises(InputError):
            kind_of(str(source))
    (tmp_path / "a.bin").write_bytes(b"")
    with pytest.raises(InputError, match="--kind"):
        kind_of(str(tmp_path / "a.bin"))
    with pytest.raises(UsageError, match="Use one of"):
        import_lines(str(tmp_path), ABOUT, "pdf")


def test_pages_in_colour_are_cut_in_grey(page):
    folder = page()
    colour = cv2.cvtColor(cv2.imread(str(folder / "scan.png")), cv2.COLOR_BGR2RGB)
    Image.fromarray(colour).save(folder / "scan.png")
    assert len(lines_of(folder)) == 2


def test_rows_that_are_no_lines_are_told(tmp_path):
    (tmp_path / "1.png").write_bytes(picture("1"))
    (tmp_path / "t.jsonl").write_text('[1]\n{"image": "1.png", "text": "a", "split": "fold3"}\n')
    told = problems_of(tmp_path / "t.jsonl")
    assert ["lacks an image" in what for what in told] == [True, False]
    assert "no split 'fold3'" in told[1]


def test_a_data_set_s_paths_lead_to_no_file_of_this_machine(tmp_path):
    datasets = pytest.importorskip("datasets")
    (tmp_path / "secret.png").write_bytes(picture("s"))
    rows = {"image": [{"bytes": None, "path": str(tmp_path / "secret.png")}, None], "text": ["a", "b"]}
    features = datasets.Features(image={"bytes": datasets.Value("binary"), "path": datasets.Value("string")},
                                 text=datasets.Value("string"))  # fmt: skip
    datasets.Dataset.from_dict(rows, features=features).save_to_disk(str(tmp_path / "set"))
    assert len(problems_of(tmp_path / "set")) == 2
