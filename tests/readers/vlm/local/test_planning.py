import json

import numpy as np
import pytest

from manuscribe.errors import ModelError, UsageError
from manuscribe.readers.options import ReaderOptions
from manuscribe.readers.protocol import load_bare_reader
from manuscribe.readers.vlm.local import planning
from manuscribe.readers.vlm.local.planning import require_memory
from manuscribe.readers.vlm.manner import Manner, write_manner
from manuscribe.readers.vlm.naming import Named
from manuscribe.readers.vocabulary import vocabulary_of
from tests.readers.vlm.deepseek.building import folder_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return folder_of(tmp_path_factory.mktemp("plan") / "base", image=128)


def plan(folder, **changes):
    asked = {"precision": "fp32", "device": "cpu", "level": "line", "size": None, "longest": 100, **changes}
    return require_memory(Named(str(folder)), None, **asked)


def test_size_precision_and_length_are_what_it_depends_on(folder):
    usual = plan(folder)
    assert usual.tokens == 100 + 1 + 7 + len("\nFree OCR.")
    assert plan(folder, size="256").tokens == usual.tokens - 7 + 21
    assert plan(folder, size="256").activations > usual.activations
    assert plan(folder, precision="bf16").weights * 2 == usual.weights
    assert plan(folder, longest=200).cache > usual.cache


def test_it_is_refused_before_it_is_loaded(folder, monkeypatch):
    free = plan(folder, precision="bf16", size="1280", longest=256).total + 1
    monkeypatch.setattr(planning, "free_memory", lambda _: free)
    monkeypatch.setattr("manuscribe.readers.vlm.local.loading.load", lambda *_: pytest.fail("it was loaded"))
    with pytest.raises(ModelError, match=r"does not fit into .* Take --size gundam"):
        load_bare_reader(f"vlm:{folder}", ReaderOptions(level="line", size="1280"))
    monkeypatch.setattr(planning, "free_memory", lambda _: 1000)
    with pytest.raises(ModelError, match="--endpoint"):
        plan(folder)


def test_the_plan_is_told_first(folder, caplog):
    with caplog.at_level("INFO", "manuscribe.readers.vlm.reader"):
        load_bare_reader(f"vlm:{folder}", ReaderOptions(level="word"))
    assert "memory: " in caplog.text


def test_an_image_that_takes_all_places_is_refused(tmp_path):
    folder = folder_of(tmp_path / "short", longest=12)
    reader = load_bare_reader(f"vlm:{folder}", ReaderOptions(level="word"))
    with pytest.raises(Exception, match="12 places for tokens, fewer than the image and the prompt take"):
        reader.read([np.zeros((20, 20, 3), np.uint8)])


def test_a_size_that_was_taught_is_the_only_one_unless_asked(folder):
    reader = load_bare_reader(f"vlm:{folder}", ReaderOptions(level="word"))
    assert list(reader._runtime.sizes) == ["128"]
    load_bare_reader(f"vlm:{folder}", ReaderOptions(level="word", size="64"))


def test_a_published_size_that_was_taught_comes_first(tmp_path):
    folder = folder_of(tmp_path / "base")
    write_manner(folder, Manner(size="small", prompt="<image>\nLies. "))
    reader = load_bare_reader(f"vlm:{folder}", ReaderOptions(level="word"))
    assert reader._runtime.sizes[:2] == ("small", "gundam")
    assert reader.prompt == "<image>\nLies. "


def test_a_later_model_of_the_same_name_is_refused(tmp_path):
    folder = folder_of(tmp_path / "base")
    settings = json.loads((folder / "config.json").read_text())
    settings["vision_config"]["width"] = {"sam_vit_b": {}, "qwen2-0-5b": {}}
    (folder / "config.json").write_text(json.dumps(settings))
    with pytest.raises(ModelError, match="not the first DeepSeek-OCR"):
        load_bare_reader(f"vlm:{folder}", ReaderOptions())


def test_its_tokens_write_all_texts(folder):
    vocabulary = vocabulary_of(f"vlm:{folder}")
    assert vocabulary.lost("Việt Nam\nЖук") == ""
    assert vocabulary.limit == 2048


def test_a_calibration_beside_it_does_not_make_it_another(tmp_path):
    folder = folder_of(tmp_path / "base")
    before = load_bare_reader(f"vlm:{folder}", ReaderOptions(level="word")).version
    (folder / "manuscribe.calibration.json").write_text("{}")
    assert load_bare_reader(f"vlm:{folder}", ReaderOptions(level="word")).version == before


def test_without_a_gpu_it_says_so(folder, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(UsageError, match="finds no GPU"):
        load_bare_reader(f"vlm:{folder}", ReaderOptions(level="word", device="cuda"))
