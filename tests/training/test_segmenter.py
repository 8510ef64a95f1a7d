import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

torch = pytest.importorskip("torch")

from safetensors.torch import save_file  # noqa: E402

from manuscribe.engines.openvino import OpenVinoModel  # noqa: E402
from manuscribe.errors import InputError, ModelError, UsageError  # noqa: E402
from manuscribe.formats import get_format  # noqa: E402
from manuscribe.formats.reading import read_document  # noqa: E402
from manuscribe.training.loop import train  # noqa: E402
from manuscribe.training.segmenter import (  # noqa: E402
    Recipe,
    build_task,
    export,
    hold_out,
    segmenter_loss,
)
from manuscribe.training.segmenter_pages import TrueLine, TruePage, compose, draw, load_pages  # noqa: E402

PAGE_XML = """<PcGts xmlns="http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15">
<Page imageFilename="x.jpg" imageWidth="300" imageHeight="200"><TextRegion id="r"><Coords points="0,0 300,0 300,200"/>
{lines}</TextRegion></Page></PcGts>"""
LINE_XML = '<TextLine id="l{y}"><Coords points="{polygon}"/><Baseline points="{baseline}"/></TextLine>'


def line_xml(baseline, y):
    return LINE_XML.format(y=y, baseline=baseline, polygon=f"30,{y - 20} 270,{y - 20} 270,{y + 8} 30,{y + 8}")


@pytest.fixture
def pages(tmp_path):
    folder = tmp_path / "pages"
    folder.mkdir()
    image = np.full((200, 300), 230, np.uint8)
    for y in (60, 110, 160):
        image[y - 10 : y, 30:270:3] = 20
    lines = line_xml("30,60 270,60", 60) + line_xml("270,110 30,110", 110) + line_xml("100,20 100,180", 160)
    for name in ("a_0", "a_1", "b_0", "b_1"):
        cv2.imwrite(str(folder / f"{name}.jpg"), image)
        (folder / f"{name}.xml").write_text(PAGE_XML.format(lines=lines))
    return folder


def recipe(**changes):
    small = {"stem": 4, "widths": [8, 8, 8, 8], "blocks": [1, 0, 0, 0]}
    data = {"folder": "pages", "held_out": 1, "crop": 128, "batch": 1}
    loop = {"steps": 3, "evaluate_every": 3, "threads": 1, "bf16": False}
    head = {"kind": "segmenter", "name": "segmenter", "licence": "CC0-1.0", "description": "Small.", "credits": []}
    return Recipe.model_validate(head | {"data": data, "network": small, "loop": loop} | changes)


def test_pages_are_read_with_their_lines(pages):
    page = load_pages(pages)[0]
    assert page.pixels.shape == (200, 300)
    assert page.source == "a"
    level, turned = page.lines  # The vertical one is out of scope.
    assert (level.ascender, level.descender) == pytest.approx((20, 8), abs=1.5)
    assert turned.baseline[0, 0] < turned.baseline[-1, 0]


def test_missing_data_is_reported(pages, tmp_path):
    with pytest.raises(InputError, match="No PAGE or ALTO"):
        load_pages(tmp_path / "nowhere")
    (pages / "a_1.jpg").write_bytes(b"no image")
    with pytest.raises(InputError, match=r"a_1\.jpg"):
        load_pages(pages)
    (pages / "a_0.xml").write_text("<mets/>")
    with pytest.raises(InputError, match=r"a_0\.xml"):
        load_pages(pages)


def test_alto_counts_and_xml_without_image_does_not(pages):
    document = read_document(pages / "a_0.xml")
    (pages / "a_0.xml").write_bytes(get_format("alto").write(document))
    (pages / "METS.xml").write_text("<mets/>")
    assert [len(page.lines) for page in load_pages(pages)] == [2, 2, 2, 2]


def test_the_recipe_refuses_unknown_keys():
    with pytest.raises(ValidationError, match="colour"):
        recipe(data={"folder": "pages", "colour": True})
    with pytest.raises(ValidationError, match="crop"):
        recipe(data={"folder": "pages", "crop": 100})


def test_the_shipped_recipe_is_valid():
    yaml = pytest.importorskip("yaml")
    text = (Path(__file__).parents[2] / "recipes" / "segmenter.yaml").read_text(encoding="utf-8")
    assert Recipe.model_validate(yaml.safe_load(text)).kind == "segmenter"


def test_held_out_pages_come_from_every_source(pages):
    held_out, rest = hold_out(load_pages(pages), 1)
    assert [page.source for page in held_out] == [page.source for page in rest] == ["a", "b"]
    with pytest.raises(UsageError, match="held out"):
        hold_out(load_pages(pages), 2)


def test_scenes_are_repeatable_and_never_the_same(pages):
    loaded = load_pages(pages)
    weights = np.full(4, 0.25)
    one, again, other = (compose(loaded, weights, 128, np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert np.array_equal(one.pixels, again.pixels)
    assert np.array_equal(one.targets, again.targets)
    assert not np.array_equal(one.pixels, other.pixels)


def test_targets_stay_on_the_writing_however_the_page_is_bent():
    image = np.full((400, 600), 255, np.uint8)
    image[199:202, 50:550] = 0
    page = TruePage(image, (TrueLine(np.array([[50, 200], [549, 200]], np.float32), 20, 10),), "a")
    seen = 0
    for seed in range(40):
        scene = compose([page], np.array([1.0]), 256, np.random.default_rng(seed))
        rows, columns = np.nonzero(scene.targets[0])
        if len(rows) < 50:
            continue
        around = np.median(scene.pixels)
        difference = np.abs(scene.pixels.astype(float) - around)
        seen += difference[rows * 2, columns * 2].mean() > 1.5 * difference.mean()
    assert seen >= 12


def test_drawn_targets_hold_heights_and_ends():
    targets = np.zeros((4, 64, 64), np.float32)
    draw(targets, TrueLine(np.array([[20, 60], [100, 60]], np.float32), 20, 8))
    assert targets[0, 30, 10:51].all()
    assert np.exp(targets[2, 30, 30]) == pytest.approx(20)
    assert np.exp(targets[3, 30, 30]) == pytest.approx(8)
    assert targets[1, 27, 10] == targets[1, 27, 50] == 1
    assert not targets[1, 27, 20:40].any()


def test_the_loss_prefers_the_truth():
    targets = torch.zeros(1, 4, 16, 16)
    targets[:, 0, 8] = 1
    targets[:, 2:, 8] = 3
    truth = torch.cat([targets[:, :2] * 20 - 10, targets[:, 2:]], dim=1)
    assert segmenter_loss(truth, targets) < 0.6 < segmenter_loss(torch.zeros_like(truth), targets)


def test_training_writes_weights_that_export_to_the_same_network(pages, tmp_path):
    task = build_task(recipe(), tmp_path)
    best = train(task, recipe().loop, tmp_path / "run", quiet=True)
    assert 0 <= best["error"] <= 1
    export(recipe(), task, tmp_path / "run" / "best.safetensors", best, tmp_path)
    assert json.loads((tmp_path / "segmenter.json").read_text())["metrics"] == best
    (page,) = task.samples()[:1]
    with torch.no_grad():
        expected = task.model.eval()(page).numpy()
    (maps,) = OpenVinoModel(tmp_path / "segmenter.onnx", threads=1, bf16=False)(page.numpy())
    _, _, height, width = page.shape
    assert maps.shape == (1, 4, height // 2, width // 2)
    # Convolutions are in eight bits.
    error = (maps - expected).std(axis=(0, 2, 3)) / expected.std(axis=(0, 2, 3))
    assert error.max() < 0.05


def test_weights_of_another_network_are_refused(pages, tmp_path):
    save_file({"other": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(ModelError, match="another network"):
        export(recipe(), build_task(recipe(), tmp_path), tmp_path / "other.safetensors", {}, tmp_path)
    assert not (tmp_path / "x.onnx").exists()
