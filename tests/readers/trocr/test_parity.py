"""The same tokens as transformers' `generate`, token for token, and the same text whatever the batch."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch
from transformers import VisionEncoderDecoderModel, ViTImageProcessorPil

from manuscribe.readers.options import ReaderOptions
from manuscribe.readers.trocr.reader import TrocrReader
from tests.readers.trocr.building import as_current, as_legacy, build, change_json, lines

# Ends come at all lengths when many tokens are ends.
ENDS = [2, *range(40, 120)]
ARCHITECTURES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "trocr-base": ("vit", {"qkv_bias": False}, {}),
    "trocr-base-stage1": (
        "vit",
        {},
        {"use_learned_position_embeddings": False, "scale_embedding": True, "tie_word_embeddings": False},
    ),
    "trocr-small": ("deit", {}, {"activation_function": "relu", "scale_embedding": True}),
    "another size, bridged": ("vit", {}, {"cross_attention_hidden_size": None}),
    "beit": ("beit", {"use_relative_position_bias": True}, {}),
    "beit, shared bias": (
        "beit",
        {
            "use_shared_relative_position_bias": True,
            "use_absolute_position_embeddings": True,
            "use_mean_pooling": False,
            "layer_scale_init_value": 0.0,
        },
        {"layernorm_embedding": False},
    ),
}


def generated(folder: Path, images: list[np.ndarray], **options: Any) -> list[list[int]]:
    """What transformers writes, without start and end."""
    model = VisionEncoderDecoderModel.from_pretrained(folder).eval()
    decoder = model.decoder.model.decoder
    if not model.config.decoder.use_learned_position_embeddings:
        # Version 5 leaves these on the meta device; their values follow from their number.
        table = decoder.embed_positions
        table.weights = table.get_embedding(66, model.config.decoder.hidden_size, 1)
    pixels = ViTImageProcessorPil.from_pretrained(folder)(images, return_tensors="pt").pixel_values
    with torch.inference_mode():
        found = model.generate(pixels, do_sample=False, **options)
    ends = model.generation_config.eos_token_id
    return [cut(row[1:].tolist(), ends if isinstance(ends, list) else [ends]) for row in found]


def cut(tokens: list[int], ends: list[int]) -> list[int]:
    return tokens[: next((n for n, token in enumerate(tokens) if token in ends), len(tokens))]


def read(folder: Path, images: list[np.ndarray], beams: int) -> list[list[int]]:
    reader = TrocrReader(str(folder), ReaderOptions(beams=beams, threads=1))
    settings = reader._configuration.generation
    return [list(texts[0].tokens) for texts in reader.write(images, settings)]


@pytest.mark.parametrize("beams", [1, 4])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_writes_the_same_tokens(name: str, beams: int, tmp_path: Path) -> None:
    kind, encoder, decoder = ARCHITECTURES[name]
    build(tmp_path, encoder, decoder, {"eos_token_id": ENDS}, kind=kind)
    images = lines(8)
    expected = generated(tmp_path, images, num_beams=beams)
    assert len({len(tokens) for tokens in expected}) > 1  # ends at several lengths, so that the batch shrinks
    for count in (1, 3, 8):
        assert read(tmp_path, images[:count], beams) == expected[:count]


@pytest.mark.parametrize("rename", [as_legacy, as_current])
@pytest.mark.parametrize("kind", ["vit", "deit", "beit"])
def test_names_of_both_generations(kind: str, rename: Any, tmp_path: Path) -> None:
    build(tmp_path, {"use_relative_position_bias": True} if kind == "beit" else {}, kind=kind)
    images = lines(2)
    expected = read(tmp_path, images, 1)
    rename(tmp_path)
    assert read(tmp_path, images, 1) == expected


@pytest.mark.parametrize(
    "settings",
    [
        {"length_penalty": 2.0},
        {"length_penalty": 0.0},
        {"length_penalty": -1.0, "early_stopping": "never"},
        {"early_stopping": True},
        {"early_stopping": "never"},
        {"no_repeat_ngram_size": 2},
        {"no_repeat_ngram_size": 1, "max_length": 9},
        {"max_length": 2},
    ],
)
@pytest.mark.parametrize("beams", [1, 3])
def test_the_checkpoints_own_settings(settings: dict[str, Any], beams: int, tmp_path: Path) -> None:
    build(tmp_path, generation={"eos_token_id": ENDS})
    change_json(tmp_path / "generation_config.json", **settings)
    images = lines(6, seed=3)
    assert read(tmp_path, images, beams) == generated(tmp_path, images, num_beams=beams)


def test_other_readings_are_the_beams_of_transformers(tmp_path: Path) -> None:
    build(tmp_path, generation={"eos_token_id": ENDS})
    images = lines(1, seed=5)
    reader = TrocrReader(str(tmp_path), ReaderOptions(beams=4, nbest=3, threads=1))
    found = [list(text.tokens) for text in reader.write(images, reader._configuration.generation)[0][:3]]
    assert found == generated(tmp_path, images, num_beams=4, num_return_sequences=3)


@pytest.mark.parametrize("beams", [1, 4])
def test_the_same_image_reads_the_same_in_any_batch(beams: int, tmp_path: Path) -> None:
    build(tmp_path, generation={"eos_token_id": ENDS})
    images = lines(9, seed=8)
    reader = TrocrReader(str(tmp_path), ReaderOptions(beams=beams, nbest=2 if beams > 1 else 1, threads=1))
    together = reader.read(images)
    for image, line in zip(images, together, strict=True):
        (alone,) = reader.read([image])
        assert alone.text == line.text
        assert [other.text for other in alone.alternatives] == [other.text for other in line.alternatives]
        assert alone.confidence == pytest.approx(line.confidence, abs=1e-4)


def test_a_wide_frame(tmp_path: Path) -> None:
    """ViTConfig takes height × width; such a checkpoint keeps more of a line."""
    build(tmp_path, {"patch_size": 8}, generation={"eos_token_id": ENDS}, image_size=[16, 64])
    images = lines(3)
    assert read(tmp_path, images, 4) == generated(tmp_path, images, num_beams=4)


def test_bfloat16_writes_nearly_the_same(tmp_path: Path) -> None:
    build(tmp_path, generation={"eos_token_id": ENDS})
    images = lines(8)
    readers = [TrocrReader(str(tmp_path), ReaderOptions(precision=p, threads=1)) for p in ("fp32", "bf16")]
    exact, rough = (reader.write(images, reader._configuration.generation) for reader in readers)
    first = [(a.log_probabilities[0], b.log_probabilities[0]) for (a,), (b,) in zip(exact, rough, strict=True)]
    assert all(a == pytest.approx(b, abs=0.2) for a, b in first)
    assert any(a != b for a, b in first)
