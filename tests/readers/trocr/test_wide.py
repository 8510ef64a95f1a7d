"""Wide lines: as many columns of patches as each needs, with what pads a batch unseen."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch
import torch.nn.functional as F
from transformers import VisionEncoderDecoderModel, ViTImageProcessorPil

from manuscribe import Reader
from manuscribe.errors import ModelError, UsageError
from manuscribe.readers.options import ReaderOptions
from manuscribe.readers.trocr.export import ExportOptions, export
from manuscribe.readers.trocr.images import SQUEEZED
from manuscribe.readers.trocr.network import stretching
from manuscribe.readers.trocr.reader import TrocrReader
from tests.readers.trocr.building import build, change_json, lines
from tests.readers.trocr.test_parity import ENDS, cut


def wide(folder: Path, **options: Any) -> TrocrReader:
    return TrocrReader(str(folder), ReaderOptions(**{"fit": "wide", "threads": 1} | options))


@pytest.mark.parametrize(("across", "columns"), [(16, 16), (16, 5), (40, 40), (40, 31), (3, 1), (90, 17)])
def test_positions_are_stretched_as_pytorch_does(across: int, columns: int) -> None:
    table = torch.randn(1, 8, 1, 16, generator=torch.Generator().manual_seed(1))
    theirs = F.interpolate(table, size=(1, columns), mode="bicubic", align_corners=False)[0, :, 0].T
    ours = stretching(torch.tensor([columns]), across, 16)[0] @ table[0, :, 0].T
    assert torch.allclose(ours[:columns], theirs, atol=1e-5)


def test_as_many_columns_as_were_learnt_are_left_as_they_are() -> None:
    assert torch.equal(stretching(torch.tensor([16]), 16, 16)[0], torch.eye(16))


@pytest.mark.parametrize("kind", ["vit", "deit"])
@pytest.mark.parametrize("beams", [1, 4])
def test_the_same_tokens_as_transformers(kind: str, beams: int, tmp_path: Path) -> None:
    """transformers takes other sizes one image at a time, and only where the encoder learnt squares."""
    build(tmp_path, generation={"eos_token_id": ENDS}, kind=kind)
    model = VisionEncoderDecoderModel.from_pretrained(tmp_path).eval()
    expected = []
    images = lines(8, seed=2)
    for image in images:
        width = 8 * max(1, round(image.shape[1] / image.shape[0] * 4))
        processor = ViTImageProcessorPil.from_pretrained(tmp_path, size={"height": 32, "width": width})
        pixels = processor([image], return_tensors="pt").pixel_values
        with torch.inference_mode():
            states = model.encoder(pixels, interpolate_pos_encoding=True)
            found = model.generate(encoder_outputs=states, num_beams=beams, do_sample=False)
        expected.append(tuple(cut(found[0, 1:].tolist(), ENDS)))
    assert wide(tmp_path, beams=beams).tokens(images) == expected


@pytest.mark.parametrize("engine", ["torch", "openvino", "onnx"])
def test_padding_changes_nothing(engine: str, tmp_path: Path) -> None:
    build(tmp_path, generation={"eos_token_id": ENDS}, image_size=[32, 64])
    images = lines(8, seed=5)
    reader = wide(tmp_path, engine=engine, beams=2)
    together = reader.read(images)
    for image, line in zip(images, together, strict=True):
        (alone,) = reader.read([image])
        assert alone.text == line.text
        assert alone.confidence == pytest.approx(line.confidence, abs=1e-4)


def test_a_checkpoint_tuned_for_wide_lines_says_so(tmp_path: Path) -> None:
    build(tmp_path, generation={"eos_token_id": ENDS})
    images = lines(4, seed=3)
    expected = wide(tmp_path).tokens(images)
    assert wide(tmp_path, fit=None).tokens(images) != expected
    change_json(tmp_path / "preprocessor_config.json", fit="wide")
    assert wide(tmp_path, fit=None).tokens(images) == expected


@pytest.mark.parametrize("engine", ["openvino", "onnx"])
def test_a_bundle_of_wide_lines(engine: Any, tmp_path: Path) -> None:
    build(tmp_path / "checkpoint", generation={"eos_token_id": ENDS})
    images = lines(4, seed=3)
    export(str(tmp_path / "checkpoint"), tmp_path / "bundle", ExportOptions(engine=engine, fit="wide"))
    assert wide(tmp_path / "bundle").tokens(images) == wide(tmp_path / "checkpoint").tokens(images)
    with pytest.raises(UsageError, match="made for --fit wide"):
        wide(tmp_path / "bundle", fit="squash")


@pytest.mark.parametrize(("kind", "changes"), [("beit", {}), ("vit", {"do_center_crop": True, "crop_size": 32})])
def test_a_checkpoint_that_wrongly_says_so(kind: str, changes: dict[str, Any], tmp_path: Path) -> None:
    build(tmp_path, {"use_relative_position_bias": True} if kind == "beit" else {}, kind=kind)
    change_json(tmp_path / "preprocessor_config.json", fit="wide", **changes)
    with pytest.raises(ModelError, match="wide"):
        wide(tmp_path, fit=None)


def test_in_bfloat16(tmp_path: Path) -> None:
    build(tmp_path)
    exact, rough = (wide(tmp_path, precision=p).embed(lines(3))[2].vector for p in ("fp32", "bf16"))
    assert float(exact @ rough) > 0.99


def test_a_line_too_long_to_be_wide_gets_a_note(tmp_path: Path) -> None:
    build(tmp_path)
    long, short = wide(tmp_path).read([np.full((10, 10_300), 200, np.uint8), np.full((10, 60), 200, np.uint8)])
    assert SQUEEZED in long.notes
    assert SQUEEZED not in short.notes


def test_an_encoder_with_relative_positions_is_refused(tmp_path: Path) -> None:
    build(tmp_path, {"use_relative_position_bias": True}, kind="beit")
    with pytest.raises(UsageError, match="distances"):
        wide(tmp_path)


@pytest.mark.parametrize("size", [(1, 1), (1, 20_000), (5000, 1)])
def test_extreme_images(size: tuple[int, int], tmp_path: Path) -> None:
    build(tmp_path)
    assert len(wide(tmp_path).read([np.full(size, 200, np.uint8)])) == 1


@pytest.mark.parametrize("engine", ["torch", "openvino", "onnx"])
def test_embeddings(engine: Any, tmp_path: Path) -> None:
    model = build(tmp_path)
    images = lines(3)
    pixels = ViTImageProcessorPil.from_pretrained(tmp_path)(images, return_tensors="pt").pixel_values
    with torch.inference_mode():
        theirs = model.encoder(pixels).last_hidden_state[:, 1:].numpy()
    found = wide(tmp_path, fit="squash", engine=engine).embed(images)
    for ours, expected in zip(found, theirs, strict=True):
        assert ours.states.shape == (4, 4, 32)
        assert ours.states.reshape(16, 32) == pytest.approx(expected, abs=1e-4)
        assert np.linalg.norm(ours.vector) == pytest.approx(1, abs=1e-5)


def test_embedding_at_the_front_door(tmp_path: Path) -> None:
    build(tmp_path)
    images = lines(2)
    found = Reader(str(tmp_path), threads=1).embed(images)
    assert found[0].vector.shape == (32,)
    assert found[0].vector @ found[1].vector < 1
    with pytest.raises(UsageError, match="gives no embeddings"):
        Reader("compact").embed(images)


def test_embeddings_of_wide_lines_do_not_depend_on_the_batch(tmp_path: Path) -> None:
    build(tmp_path)
    reader = wide(tmp_path)
    images = lines(5, seed=4)
    for image, embedding in zip(images, reader.embed(images), strict=True):
        (alone,) = reader.embed([image])
        assert embedding.states.shape == alone.states.shape
        assert embedding.vector == pytest.approx(alone.vector, abs=1e-4)
