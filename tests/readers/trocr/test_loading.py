"""Checkpoints in all the layouts that lie on the hub: files of weights, settings of transformers 4 and 5."""

import json
import logging
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import GenerationConfig, VisionEncoderDecoderModel, ViTImageProcessorPil

from manuscribe.errors import ModelError
from manuscribe.readers.options import ReaderOptions
from manuscribe.readers.trocr.checkpoints.checkpoint import load_checkpoint
from manuscribe.readers.trocr.checkpoints.weights import read_weights
from manuscribe.readers.trocr.configuration import Generation, read_configuration
from manuscribe.readers.trocr.reader import TrocrReader
from tests.readers.trocr.building import build, change_json, lines

HEAD, TOKENS = "decoder.output_projection.weight", "decoder.model.decoder.embed_tokens.weight"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoint")
    build(folder, decoder={"decoder_layers": 1}, generation={"max_length": 12})
    return folder


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    return Path(shutil.copytree(original, tmp_path / "copy"))


def read(folder: Path) -> list[tuple[int, ...]]:
    return TrocrReader(str(folder), ReaderOptions(threads=1)).tokens(lines(3))


@pytest.fixture(scope="module")
def expected(original: Path) -> list[tuple[int, ...]]:
    found = read(original)
    assert len(set(found)) == 3
    return found


def change_weights(folder: Path, change: Callable[[dict[str, torch.Tensor]], Any]) -> None:
    path = folder / "model.safetensors"
    weights = load_file(path)
    change(weights)
    save_file(weights, path, metadata={"format": "pt"})


def test_shards_with_an_index(folder: Path, original: Path, expected: list[tuple[int, ...]]) -> None:
    (folder / "model.safetensors").unlink()
    VisionEncoderDecoderModel.from_pretrained(original).save_pretrained(folder, max_shard_size="40KB")
    assert len(list(folder.glob("model-*.safetensors"))) > 2
    assert read(folder) == expected


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_half_precision_reads_like_the_same_values_in_full(folder: Path, kind: torch.dtype) -> None:
    change_weights(folder, lambda weights: weights.update({n: w.to(kind) for n, w in weights.items()}))
    half = read(folder)
    change_weights(folder, lambda weights: weights.update({n: w.float() for n, w in weights.items()}))
    assert half == read(folder)
    assert {tensor.dtype for tensor in load_checkpoint(str(folder)).network.parameters()} == {torch.float32}


def test_a_pickle_gives_its_tensors_with_a_warning(
    folder: Path, expected: list[tuple[int, ...]], caplog: pytest.LogCaptureFixture
) -> None:
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    assert read(folder) == expected
    assert not caplog.records  # safetensors come first
    (folder / "model.safetensors").unlink()
    with caplog.at_level(logging.WARNING):
        assert read(folder) == expected
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert f"{folder / 'pytorch_model.bin'} is a pickle" in caplog.text


class _Trap:
    """Writes a file when it is unpickled carelessly."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("save", [torch.save, lambda value, path: path.write_bytes(pickle.dumps(value))])
def test_a_malicious_pickle_is_refused_and_does_not_run(folder: Path, save: Callable[[Any, Path], None]) -> None:
    (folder / "model.safetensors").unlink()
    trap = folder / "sprung"
    save({TOKENS: _Trap(trap)}, folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"pytorch_model\.bin cannot be read as weights alone"):
        load_checkpoint(str(folder))
    assert not trap.exists()
    pickle.loads(pickle.dumps(_Trap(trap)))
    assert trap.exists()  # it is a trap


@pytest.mark.parametrize("content", [[1, 2], {TOKENS: 3}, {"state_dict": {TOKENS: torch.zeros(2)}}])
def test_a_pickle_of_something_else_is_refused(folder: Path, content: Any) -> None:
    (folder / "model.safetensors").unlink()
    torch.save(content, folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match="cannot be read as weights alone"):
        load_checkpoint(str(folder))


@pytest.mark.parametrize("size", [32, {"height": 32, "width": 32}, [32, 32]])
@pytest.mark.parametrize("nested", [False, True])
def test_the_image_processors_places_and_sizes(folder: Path, size: Any, nested: bool) -> None:
    (folder / "preprocessor_config.json").unlink()
    own = {"size": size, "resample": 3, "image_mean": [0.4, 0.5, 0.6], "image_std": [0.2, 0.3, 0.4]}
    path = folder / ("processor_config.json" if nested else "preprocessor_config.json")
    kind = {"processor_class": "TrOCRProcessor", "image_processor": own | {"image_processor_type": "ViTImageProcessor"}}
    path.write_text(json.dumps(kind if nested else own | {"feature_extractor_type": "ViTFeatureExtractor"}))
    found = read_configuration(folder).preprocessing
    assert (found.size, found.resample, found.crop) == ((32, 32), 3, None)
    assert (found.image_mean, found.image_std) == ((0.4, 0.5, 0.6), (0.2, 0.3, 0.4))


def test_what_the_processor_saves_is_what_we_read(folder: Path) -> None:
    (folder / "preprocessor_config.json").unlink()
    own = ViTImageProcessorPil(size={"height": 40, "width": 36}, resample=3, rescale_factor=1 / 128)
    inner = own.to_dict() | {"do_center_crop": True, "crop_size": {"height": 32, "width": 32}}
    (folder / "processor_config.json").write_text(json.dumps({"image_processor": inner}))
    found = read_configuration(folder).preprocessing
    assert (found.size, found.crop, found.resample) == ((40, 36), (32, 32), 3)
    assert found.rescale_factor == 1 / 128


def without_generation_config(folder: Path, decoder: dict[str, Any], **settings: Any) -> Generation:
    """The settings that we find when they are in config.json."""
    (folder / "generation_config.json").unlink()
    path = folder / "config.json"
    inner = {k: v for k, v in (json.loads(path.read_text())["decoder"] | decoder).items() if v is not None}
    change_json(path, decoder=inner, **settings)
    return read_configuration(folder).generation


def test_settings_at_the_top_of_the_old_config(folder: Path) -> None:
    settings = {
        "decoder_start_token_id": 0, "eos_token_id": 7, "pad_token_id": 1, "max_length": 33, "num_beams": 3,
        "length_penalty": 2.0, "early_stopping": True, "no_repeat_ngram_size": 3,
    }  # fmt: skip
    # The parts repeat the library's defaults, which are nobody's wish.
    found = without_generation_config(folder, {"max_length": 20, "num_beams": 1, "no_repeat_ngram_size": 0}, **settings)
    theirs = VisionEncoderDecoderModel.from_pretrained(folder).generation_config
    assert isinstance(theirs, GenerationConfig)
    for name, value in settings.items():
        ours = getattr(found, name)
        assert (ours[0] if isinstance(ours, tuple) else ours) == getattr(theirs, name) == value


def test_special_tokens_in_the_decoders_part_alone(folder: Path) -> None:
    nothing: dict[str, Any] = {"decoder_start_token_id": None, "eos_token_id": None, "pad_token_id": None}
    found = without_generation_config(
        folder, {"decoder_start_token_id": 4, "eos_token_id": 5, "pad_token_id": 3, "max_length": 20}, **nothing
    )
    assert (found.decoder_start_token_id, found.eos_token_id, found.pad_token_id) == (4, (5,), 3)
    assert found.max_length == 64  # as many as the decoder has places for


def test_the_start_token_may_be_that_of_texts(folder: Path) -> None:
    found = without_generation_config(
        folder, {"decoder_start_token_id": None, "bos_token_id": 6}, decoder_start_token_id=None
    )
    assert found.decoder_start_token_id == 6


def test_beside_generation_config_nothing_but_tokens_counts_in_config(folder: Path) -> None:
    change_json(folder / "config.json", max_length=9, num_beams=5, eos_token_id=11)
    found = read_configuration(folder).generation
    assert (found.max_length, found.num_beams, found.eos_token_id) == (12, 1, (2,))


def test_a_pickle_in_pieces(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    expected = load_checkpoint(str(folder)).version
    (folder / "model.safetensors").unlink()
    names = sorted(weights)
    for n, part in enumerate((names[::2], names[1::2]), start=1):
        torch.save({name: weights[name] for name in part}, folder / f"pytorch_model-0000{n}-of-00002.bin")
    assert load_checkpoint(str(folder)).version == expected


def test_the_newer_place_of_the_image_processor_comes_first(folder: Path) -> None:
    old = json.loads((folder / "preprocessor_config.json").read_text())
    new = {"image_processor": old | {"image_mean": [0.1, 0.2, 0.3]}}
    (folder / "processor_config.json").write_text(json.dumps(new))
    assert read_configuration(folder).preprocessing.image_mean == (0.1, 0.2, 0.3)


@pytest.mark.parametrize(
    ("kind", "resample"), [("ViTImageProcessor", 2), ("DeiTImageProcessorFast", 3), ("BeitFeatureExtractor", 3)]
)
def test_what_an_image_processor_does_by_itself(folder: Path, kind: str, resample: int) -> None:
    settings = {"image_processor_type": kind, "size": 32, "do_center_crop": False}
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    assert read_configuration(folder).preprocessing.resample == resample


def test_new_tokens_are_counted_without_the_start(folder: Path) -> None:
    change_json(folder / "generation_config.json", max_new_tokens=5, eos_token_id=399)
    model = VisionEncoderDecoderModel.from_pretrained(folder).eval()
    pixels = ViTImageProcessorPil.from_pretrained(folder)(lines(3), return_tensors="pt").pixel_values
    expected = model.generate(pixels)[:, 1:].tolist()
    assert [list(tokens) for tokens in read(folder)] == expected
    assert len(expected[0]) == 5


def first_scores(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Scores of the first token, ours and theirs."""
    pixels = torch.linspace(-1, 1, 3 * 32 * 32).reshape(1, 3, 32, 32)
    network = load_checkpoint(str(folder)).network
    model = VisionEncoderDecoderModel.from_pretrained(folder).eval()
    start = torch.tensor([[2]])
    with torch.inference_mode():
        ours = network.decoder(start, network.decoder.begin(network.encode(pixels), 1, 4))
        theirs = model(pixel_values=pixels, decoder_input_ids=start).logits
    return ours.numpy(), theirs.numpy()


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("stored", ["tokens", "head", "both, alike", "both, different"])
def test_tied_and_untied_words(folder: Path, stored: str, tied: bool) -> None:
    """What is stored for tokens and head counts as it does in transformers 5."""

    def change(weights: dict[str, torch.Tensor]) -> None:
        if stored == "head":
            weights[HEAD] = weights.pop(TOKENS)
        elif "both" in stored:
            weights[HEAD] = weights[TOKENS].flip(0).clone() if "different" in stored else weights[TOKENS].clone()

    change_weights(folder, change)
    decoder = json.loads((folder / "config.json").read_text())["decoder"]
    change_json(folder / "config.json", decoder=decoder | {"tie_word_embeddings": tied})
    if not tied and "both" not in stored:
        with pytest.raises(ModelError, match=f"lacks {TOKENS if stored == 'head' else HEAD}"):
            load_checkpoint(str(folder))
    else:
        ours, theirs = first_scores(folder)
        assert ours == pytest.approx(theirs, abs=1e-4)


def test_a_wide_frame(tmp_path: Path) -> None:
    build(tmp_path, {"patch_size": 8}, {"decoder_layers": 1}, image_size=[16, 64])
    checkpoint = load_checkpoint(str(tmp_path))
    assert checkpoint.configuration.preprocessing.size == (16, 64)
    assert checkpoint.configuration.encoder.grid == (2, 8)
    assert checkpoint.network.encode(torch.zeros(1, 3, 16, 64)).states.shape == (1, 17, 32)
    reader = TrocrReader(str(tmp_path), ReaderOptions(threads=1))
    assert len(reader.read([np.asarray(Image.new("RGB", (300, 20), "white"))])) == 1


def test_the_version_follows_weights_and_settings(folder: Path, original: Path) -> None:
    versions = [load_checkpoint(str(original)).version]
    change_weights(folder, lambda weights: weights.update({TOKENS: weights[TOKENS] + 0.01}))
    versions.append(load_checkpoint(str(folder)).version)
    change_json(folder / "generation_config.json", num_beams=3)
    versions.append(load_checkpoint(str(folder)).version)
    assert len(set(versions)) == 3
    assert load_checkpoint(str(folder)).version == versions[-1]


def test_weights_without_use_are_left_out(folder: Path) -> None:
    extra = {
        "encoder.pooler.dense.weight": torch.zeros(2),
        "decoder.model.decoder.embed_positions._float_tensor": torch.zeros(1),
    }
    change_weights(folder, lambda weights: weights.update(extra))
    assert not read_weights(folder).keys() & extra.keys()
    load_checkpoint(str(folder))


def test_settings_of_decoding_that_are_not_followed_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    build(tmp_path)
    change_json(tmp_path / "generation_config.json", repetition_penalty=1.3, min_length=0)
    load_checkpoint(str(tmp_path))
    assert [record.getMessage().split(": ")[1] for record in caplog.records] == [
        "repetition_penalty is 1.3, which is not followed; transformers would."
    ]
