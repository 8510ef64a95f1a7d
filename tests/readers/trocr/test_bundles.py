"""Bundles: made of checkpoints, gated, read without PyTorch."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from manuscribe.datasets.labelled import LabelledLine
from manuscribe.errors import ModelError, OutputError, UsageError
from manuscribe.readers.options import ReaderOptions
from manuscribe.readers.trocr.export import ExportOptions, export
from manuscribe.readers.trocr.reader import TrocrReader
from tests.readers.trocr.building import build, lines
from tests.readers.trocr.test_parity import ENDS


def reader(folder: Path, beams: int = 1, **options: object) -> TrocrReader:
    return TrocrReader(str(folder), ReaderOptions(beams=beams, threads=1, **options))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoint")
    build(folder, {"qkv_bias": False}, generation={"eos_token_id": ENDS})
    (folder / "README.md").write_text("---\nlicense: mit\nbase_model: owner/base\n---\n# A checkpoint\n")
    return folder


@pytest.fixture(scope="module", params=["openvino", "onnx"])
def bundle(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    out = tmp_path_factory.mktemp("bundles") / request.param
    export(str(checkpoint), out, ExportOptions(engine=request.param))
    return out


@pytest.mark.parametrize("beams", [1, 4])
def test_a_bundle_writes_the_checkpoints_tokens(checkpoint: Path, bundle: Path, beams: int) -> None:
    images = lines(9, seed=4)
    before, after = reader(checkpoint, beams), reader(bundle, beams)
    assert after.tokens(images) == before.tokens(images)
    for old, new in zip(before.read(images), after.read(images), strict=True):
        assert new.text == old.text
        assert new.confidence == pytest.approx(old.confidence, abs=1e-4)


@pytest.mark.parametrize(
    ("kind", "encoder", "decoder"),
    [
        ("deit", {}, {"activation_function": "relu", "scale_embedding": True, "cross_attention_hidden_size": None}),
        ("vit", {}, {"use_learned_position_embeddings": False, "tie_word_embeddings": False}),
        ("beit", {"use_relative_position_bias": True}, {}),
    ],
)
def test_every_engine_computes_every_architecture(kind: str, encoder: dict, decoder: dict, tmp_path: Path) -> None:
    build(tmp_path, encoder, decoder, {"eos_token_id": ENDS}, kind=kind)
    images = lines(5, seed=6)
    expected = reader(tmp_path, 3).tokens(images)
    for engine in ("openvino", "onnx"):
        assert reader(tmp_path, 3, engine=engine).tokens(images) == expected


def test_eight_bits_are_a_quarter_of_the_size(tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint"
    wide = {"d_model": 64, "decoder_ffn_dim": 256}
    model = build(checkpoint, {"hidden_size": 64, "intermediate_size": 256}, wide, {"eos_token_id": ENDS})
    values = sum(p.numel() for p in model.decoder.parameters())
    known = read_rightly(checkpoint, tmp_path)
    small = export(str(checkpoint), tmp_path / "int8", ExportOptions(precision="int8", cer_budget=1), known)
    assert (tmp_path / "int8" / "text.bin").stat().st_size < 1.3 * values
    assert small.version.endswith("-int8")
    assert len(reader(tmp_path / "int8").read(lines(2))) == 2


def read_rightly(checkpoint: Path, folder: Path) -> list[LabelledLine]:
    """Lines whose truth is what the checkpoint reads."""
    found = []
    for image in lines(4):
        Image.fromarray(image).save(folder / "line.png")
        line = LabelledLine((folder / "line.png").read_bytes(), "", "s", "g", "p", "")
        found.append(replace(line, text=reader(checkpoint).read([line.pixels()])[0].text))
    return found


def test_eight_bits_that_read_worse_are_refused(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from manuscribe.engines import openvino_graphs

    whole = openvino_graphs._in_eight_bits

    def coarse(values: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
        small, scale = whole(values, axis)
        return small // 64 * 64, scale

    monkeypatch.setattr(openvino_graphs, "_in_eight_bits", coarse)
    monkeypatch.setattr(openvino_graphs, "_SMALLEST", 1)
    known = read_rightly(checkpoint, tmp_path)
    with pytest.raises(ModelError, match=r"0\.0000 before: .* more, of 0\.002 allowed"):
        export(str(checkpoint), tmp_path / "refused", ExportOptions(precision="int8"), known)
    assert [path.name for path in tmp_path.iterdir()] == ["line.png"]


def test_other_tokens_than_the_checkpoints_are_refused(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from manuscribe.readers.trocr.engines import openvino_export

    convert = openvino_export.convert

    def careless(network, configuration, *, int8):
        network.decoder.head.weight = torch.nn.Parameter(network.decoder.head.weight.roll(1, 0), requires_grad=False)
        return convert(network, configuration, int8=int8)

    monkeypatch.setattr(openvino_export, "convert", careless)
    with pytest.raises(ModelError, match="8 of 8 lines otherwise"):
        export(str(checkpoint), tmp_path / "refused", ExportOptions())
    assert not list(tmp_path.iterdir())


def test_a_bundle_says_what_it_is(bundle: Path, checkpoint: Path) -> None:
    content = json.loads((bundle / "bundle.json").read_text(encoding="utf-8"))
    assert (content["licence"], content["base"], content["source"]) == ("mit", "owner/base", str(checkpoint))
    assert set(content["files"]) == {p.name for p in bundle.iterdir()} - {"bundle.json"}
    assert "Licence of the weights: mit" in (bundle / "README.md").read_text(encoding="utf-8")


def test_a_bundle_is_read_without_pytorch(bundle: Path, tmp_path: Path) -> None:
    Image.fromarray(lines(1)[0]).save(tmp_path / "line.png")
    program = (
        "import sys\n"
        "for name in ('torch', 'transformers', 'huggingface_hub'): sys.modules[name] = None\n"
        "import manuscribe\n"
        f"print(len(manuscribe.Reader({str(bundle)!r}, threads=1).read_lines([{str(tmp_path / 'line.png')!r}])))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout == "1\n", done.stderr


def test_damage_is_noticed(bundle: Path, tmp_path: Path) -> None:
    graph = "text.bin" if (bundle / "text.bin").exists() else "text.onnx"
    for name, change in ((graph, b"x"), ("tokenizer.json", b" "), ("bundle.json", b"{}")):
        folder = tmp_path / name
        shutil.copytree(bundle, folder)
        (folder / name).write_bytes(change)
        with pytest.raises(ModelError, match=name):
            reader(folder)
    (tmp_path / graph / graph).unlink()
    with pytest.raises(ModelError, match=f"{graph} is missing"):
        reader(tmp_path / graph)


def test_what_cannot_be_done(bundle: Path, checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="made for fp32"):
        reader(bundle, precision="int8")
    with pytest.raises(UsageError, match="made for o"):
        reader(bundle, engine="torch")
    with pytest.raises(UsageError, match="torch does not compute in int8"):
        reader(checkpoint, engine="torch", precision="int8")
    with pytest.raises(UsageError, match="onnx does not compute in bf16"):
        reader(checkpoint, engine="onnx", precision="bf16")
    with pytest.raises(UsageError, match="no bf16 for onnx"):
        export(str(checkpoint), tmp_path / "bf16", ExportOptions(engine="onnx", precision="bf16"))
    with pytest.raises(UsageError, match="--lines"):
        export(str(checkpoint), tmp_path / "int8", ExportOptions(precision="int8"))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    with pytest.raises(OutputError, match="there already"):
        export(str(checkpoint), tmp_path / "full", ExportOptions())
    with pytest.raises(OutputError, match="cannot be written"):
        export(str(checkpoint), tmp_path / "none" / "out", ExportOptions())


def test_tokens_are_taken_from_the_image_not_from_its_neighbours(bundle: Path) -> None:
    images = lines(8, seed=11)
    together = reader(bundle, 2).tokens(images)
    assert [reader(bundle, 2).tokens([image])[0] for image in images[:2]] == together[:2]
    assert np.unique([len(tokens) for tokens in together]).size > 1


def test_eight_bits_of_onnx_runtime_store_shared_tables_once(tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint"
    wide = {"hidden_size": 64, "intermediate_size": 256}
    model = build(checkpoint, wide, {"d_model": 64, "decoder_ffn_dim": 256}, {"eos_token_id": ENDS}, vocabulary=2000)
    known = read_rightly(checkpoint, tmp_path)
    small = export(
        str(checkpoint), tmp_path / "int8", ExportOptions(engine="onnx", precision="int8", cer_budget=1), known
    )
    values = sum(p.numel() for p in model.parameters())  # counts the tied table once
    graphs = sum((small.folder / f"{name}.onnx").stat().st_size for name in ("image", "text"))
    assert graphs < 1.5 * values + 100_000  # the rest is nodes
    assert [line.text for line in reader(small.folder).read(lines(2))]


def test_eight_bits_see_an_image_alike_in_any_batch(tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint"
    build(checkpoint, {"hidden_size": 64, "intermediate_size": 256}, {"d_model": 64}, {"eos_token_id": ENDS})
    known = read_rightly(checkpoint, tmp_path)
    options = ExportOptions(engine="onnx", precision="int8", cer_budget=1)
    for name, calibration in (("measured", known), ("anew", ())):
        bundle = export(str(checkpoint), tmp_path / name, options, known, calibration)
        loaded = reader(bundle.folder)
        images = lines(4, seed=9)
        together = loaded.embed(images)
        alone = [loaded.embed([image])[0] for image in images]
        assert max(np.abs(a.states - b.states).max() for a, b in zip(together, alone, strict=True)) < 1e-4
        texts = [line.text for line in loaded.read(images)]
        assert [loaded.read([image])[0].text for image in images] == texts


def test_sixteen_bits_are_half_the_size(checkpoint: Path, tmp_path: Path) -> None:
    known = read_rightly(checkpoint, tmp_path)
    sizes = {}
    for precision in ("fp32", "fp16"):
        export(str(checkpoint), tmp_path / precision, ExportOptions(precision=precision, cer_budget=1), known)
        sizes[precision] = (tmp_path / precision / "text.bin").stat().st_size
    assert sizes["fp16"] < 0.6 * sizes["fp32"]
    assert reader(tmp_path / "fp16").choices == {
        "engine": "openvino", "precision": "fp16", "fit": "squash", "beams": "1",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"decoder": {"layers": 3}}, "image\\.[45]"),
        (
            {"encoder": {"image_size": [16, 16]}, "preprocessing": {"size": [16, 16]}},
            "32 there, and 16 here",
        ),
        ({"preprocessing": {"size": [0, 0]}}, "greater than 0"),
        ({"generation": {"decoder_start_token_id": 99999}}, "99999"),
        ({"decoder": {"vocab_size": 500}}, "has 400 tokens, and the decoder 500|scores are 400 there"),
    ],
)
def test_settings_that_are_not_those_of_the_graphs(bundle: Path, tmp_path: Path, changes: dict, said: str) -> None:
    folder = shutil.copytree(bundle, tmp_path / "changed")
    content = json.loads((folder / "bundle.json").read_text())
    for part, values in changes.items():
        content["configuration"][part] |= values
    (folder / "bundle.json").write_text(json.dumps(content))
    with pytest.raises(ModelError, match=said):
        reader(folder)


def test_a_bundle_that_vouches_for_nothing(bundle: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(bundle, tmp_path / "changed")
    content = json.loads((folder / "bundle.json").read_text())
    (folder / "bundle.json").write_text(json.dumps(content | {"files": {}}))
    with pytest.raises(ModelError, match="says nothing of"):
        reader(folder)


def test_a_card_that_is_no_card_costs_the_licence_alone(checkpoint: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(checkpoint, tmp_path / "checkpoint")
    (folder / "README.md").write_text("---\nlicense: [mit\n---\n")
    assert export(str(folder), tmp_path / "bundle", ExportOptions()).licence == ""


def test_graphs_that_cannot_be_written(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/nowhere/at/all")
    with pytest.raises(OutputError, match="TMPDIR"):
        reader(checkpoint, engine="openvino")


def test_only_eight_bits_of_onnx_runtime_are_calibrated(tmp_path: Path) -> None:
    build(tmp_path / "checkpoint")
    known = read_rightly(tmp_path / "checkpoint", tmp_path)
    with pytest.raises(UsageError, match="calibrated"):
        export(str(tmp_path / "checkpoint"), tmp_path / "out", ExportOptions(), known, known)


def test_auto_takes_what_was_measured_fastest(tmp_path: Path) -> None:
    build(tmp_path / "checkpoint", generation={"eos_token_id": ENDS})
    bundle = export(str(tmp_path / "checkpoint"), tmp_path / "bundle", ExportOptions(engine="auto"))
    assert bundle.engine == "onnx"
    assert reader(tmp_path / "bundle", engine="auto").choices["engine"] == "onnx"
    chosen = reader(tmp_path / "checkpoint", engine="auto").choices
    assert (chosen["engine"], chosen["precision"]) == ("torch", "fp32")
    assert reader(tmp_path / "checkpoint", engine="auto", precision="int8").choices["engine"] == "onnx"
