"""Folders and names that are no TrOCR checkpoint: one clear line that names the thing, exit code 4."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import huggingface_hub
import torch
from huggingface_hub.utils import filter_repo_objects
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import (
    BertConfig,
    GPT2Config,
    SwinConfig,
    TrOCRConfig,
    VisionEncoderDecoderConfig,
    ViTConfig,
)

from manuscribe.cli.main import run
from manuscribe.errors import ExitCode, ModelError, UsageError
from manuscribe.models.hub import locate
from manuscribe.readers.options import ReaderOptions
from manuscribe.readers.trocr.checkpoints.checkpoint import load_checkpoint
from manuscribe.readers.trocr.reader import TrocrReader
from tests.cli.conftest import with_weights
from tests.readers.trocr.building import build, byte_tokenizer, change_json

TOKENS = "decoder.model.decoder.embed_tokens.weight"
QUERY = "encoder.encoder.layer.0.attention.attention.query.weight"
INDEX = "model.safetensors.index.json"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoint")
    build(folder, decoder={"decoder_layers": 1}, generation={"max_length": 8})
    return folder


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(original, tmp_path / "copy"))


@pytest.fixture
def line_image(tmp_path: Path) -> str:
    Image.new("RGB", (200, 30), "white").save(tmp_path / "line.png")
    return str(tmp_path / "line.png")


def command(*arguments: str) -> int:
    with pytest.raises(SystemExit) as end:
        run(list(arguments))
    return int(end.value.code or 0)


def write(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(content)


def remove(*names: str) -> Callable[[Path], object]:
    return lambda folder: [(folder / name).unlink() for name in names]


def set_json(name: str, **changes: Any) -> Callable[[Path], object]:
    return lambda folder: change_json(folder / name, **changes)


def set_part(part: str, **changes: Any) -> Callable[[Path], object]:
    def spoil(folder: Path) -> None:
        inner = json.loads((folder / "config.json").read_text())[part]
        change_json(folder / "config.json", **{part: inner | changes})

    return spoil


def set_weights(**changes: Callable[[torch.Tensor], torch.Tensor | None]) -> Callable[[Path], object]:
    """Change weights; `None` takes one out. Names are given with __ for a dot."""

    def spoil(folder: Path) -> None:
        path = folder / "model.safetensors"
        weights = load_file(path)
        for name, change in changes.items():
            name = name.replace("__", ".")
            changed = change(weights.pop(name, torch.zeros(1)))
            if changed is not None:
                weights[name] = changed.contiguous()
        save_file(weights, path, metadata={"format": "pt"})

    return spoil


def named(name: str) -> str:
    return name.replace(".", "__")


def empty(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def bert(folder: Path) -> None:
    (folder / "config.json").write_text(BertConfig().to_json_string())


def two_parts(encoder: Any, decoder: Any) -> Callable[[Path], object]:
    config = VisionEncoderDecoderConfig.from_encoder_decoder_configs(encoder, decoder)
    return lambda folder: (folder / "config.json").write_text(config.to_json_string())


def huge(name: str) -> Callable[[Path], object]:
    return lambda folder: os.truncate(folder / name, 60_000_000)


def truncated(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])


def shards(*files: str) -> Callable[[Path], object]:
    def spoil(folder: Path) -> None:
        (folder / "model.safetensors").rename(folder / "model-1.safetensors")
        (folder / INDEX).write_text(json.dumps({"weight_map": {f"w{n}": file for n, file in enumerate(files)}}))

    return spoil


def smaller_tokenizer(folder: Path) -> None:
    byte_tokenizer(300).save(str(folder / "tokenizer.json"))


def infinite(weight: torch.Tensor) -> torch.Tensor:
    weight.view(-1)[3] = torch.nan
    return weight


BAD: dict[str, tuple[Callable[[Path], object], Sequence[str]]] = {
    "empty folder": (empty, ["is no checkpoint", "no config.json"]),
    "bert": (bert, ["'bert'", "vision-encoder-decoder"]),
    "gpt2 decoder": (two_parts(ViTConfig(), GPT2Config()), ["config.json: decoder.model_type is 'gpt2'"]),
    "swin encoder": (two_parts(SwinConfig(), TrOCRConfig()), ["config.json: encoder.model_type is 'swin'"]),
    "no decoder": (set_json("config.json", decoder=None), ["config.json: decoder is None"]),
    "parts that are none": (set_json("config.json", encoder="vit"), ["config.json: encoder is 'vit'"]),
    "a decoder without a type": (set_json("config.json", decoder={"vocab_size": 9}), ["decoder.model_type: Field"]),
    "heads that do not divide": (set_part("encoder", num_attention_heads=5), ["encoder: a size of 32", "5 heads"]),
    "no heads": (set_part("decoder", decoder_attention_heads=0), ["decoder.decoder_attention_heads is 0"]),
    "far too wide": (set_part("decoder", d_model=10**12), ["decoder.d_model is 1000000000000"]),
    "layers without end": (set_part("encoder", num_hidden_layers=10**9), ["encoder.num_hidden_layers"]),
    "patches of nothing": (set_part("encoder", patch_size=0), ["encoder.patch_size"]),
    "grey encoder": (set_part("encoder", num_channels=1), ["encoder.num_channels is 1"]),
    "unknown activation": (set_part("encoder", hidden_act="mish"), ["'mish'"]),
    "padding beyond the words": (set_part("decoder", pad_token_id=400), ["decoder: pad_token_id is 400"]),
    "broken config": (write("config.json", b"{"), ["config.json cannot be read"]),
    "binary config": (write("config.json", b"\xff\xfe\x00"), ["config.json cannot be read"]),
    "deep config": (write("config.json", b'{"a":' * 100_000), ["config.json cannot be read"]),
    "config is a list": (write("config.json", b"[]"), ["config.json does not hold settings"]),
    "huge config": (huge("config.json"), ["config.json cannot be read", "too large"]),
    "broken generation": (write("generation_config.json", b"x"), ["generation_config.json cannot be read"]),
    "length in words": (set_json("generation_config.json", max_length="far"), ["generation.max_length is 'far'"]),
    "start beyond the words": (
        set_json("generation_config.json", decoder_start_token_id=400),
        ["generation_config.json: decoder_start_token_id is 400", "400 tokens"],
    ),
    "no preprocessor": (remove("preprocessor_config.json"), ["how its images are prepared"]),
    "processor of text": (
        lambda folder: (
            (folder / "preprocessor_config.json").rename(folder / "processor_config.json")
            and change_json(folder / "processor_config.json", image_processor="vit")
        ),
        ["how its images are prepared"],
    ),
    "images of another size": (set_json("preprocessor_config.json", size=64), ["(64, 64)", "(32, 32)"]),
    "size by one edge": (set_json("preprocessor_config.json", size={"shortest_edge": 32}), ["shortest_edge"]),
    "images are not scaled": (set_json("preprocessor_config.json", do_resize=False), ["do_resize is False"]),
    "no deviation": (set_json("preprocessor_config.json", image_std=[0, 0, 0]), ["image_std.0 is 0"]),
    "a crop of nothing": (
        set_json("preprocessor_config.json", do_center_crop=True, size=0, crop_size=32),
        ["image processor.size"],
    ),
    "a crop of a poster": (
        set_json("preprocessor_config.json", do_center_crop=True, size=20_000, crop_size=32),
        ["(32, 32) is little of (20000, 20000)"],
    ),
    "a crop without a size": (set_json("preprocessor_config.json", do_center_crop=True), ["crop_size is None"]),
    "an end beyond the words": (
        set_json("generation_config.json", eos_token_id=10**6),
        ["generation_config.json: eos_token_id is (1000000,)", "no text would end"],
    ),
    "a penalty without bounds": (
        set_json("generation_config.json", length_penalty=2000),
        ["generation.length_penalty is 2000"],
    ),
    "unknown filter": (set_json("preprocessor_config.json", resample=9), ["image processor.resample is 9"]),
    "no tokenizer": (remove("tokenizer.json"), ["has no tokenizer", "tokenizer.json"]),
    "broken tokenizer": (write("tokenizer.json", b'{"model": 3'), ["The tokenizer in", "does not load"]),
    "broken vocabulary": (
        lambda folder: (folder / "tokenizer.json").rename(folder / "vocab.json").write_text("["),
        ["The tokenizer in", "does not load"],
    ),
    "another vocabulary": (smaller_tokenizer, ["the tokenizer has 300 tokens, and the decoder 400"]),
    "no weights": (remove("model.safetensors"), ["has no weights", "model.safetensors"]),
    "no numbers": (set_weights(**{named(TOKENS): infinite}), [TOKENS, "no numbers"]),
    "truncated weights": (truncated, ["model.safetensors is missing or damaged"]),
    "missing weight": (set_weights(**{named(QUERY): lambda _: None}), ["lacks encoder.layers.0.attention.q_proj"]),
    "left-over weight": (
        set_weights(decoder__extra__weight=lambda w: w),
        ["has weights that TrOCR has no place for, decoder.extra.weight"],
    ),
    "layer too many": (set_part("encoder", num_hidden_layers=3), ["lacks encoder.layers.2.", "and 13 more"]),
    "other shape": (
        set_weights(**{named(TOKENS): lambda w: w[:399]}),
        [f"the shape of {TOKENS} is (399, 24)", "(400, 24)"],
    ),
    "query of another shape": (
        set_weights(**{named(QUERY): lambda w: w[:, :20]}),
        ["encoder.layers.0.attention.q_proj.weight", "(32, 20), (32, 32), (32, 32)"],
    ),
    "query is a number": (set_weights(**{named(QUERY): lambda w: w[0, 0]}), ["encoder.layers.0.attention.q_proj"]),
    "flat class token": (
        set_weights(encoder__embeddings__cls_token=lambda w: w.repeat(3, 1, 1)),
        ["the shape of encoder.embeddings.cls_token is (1, 1, 96)"],
    ),
    "index outside": (shards("../secret.safetensors"), [INDEX, "names a file elsewhere, ../secret.safetensors"]),
    "index of nothing": (shards("model-1.safetensors", "none.safetensors"), ["none.safetensors is missing"]),
    "index without a map": (lambda folder: shards()(folder) or change_json(folder / INDEX, weight_map=[1]), [INDEX]),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_folder(name: str, folder: Path, line_image: str, capfd: pytest.CaptureFixture[str]) -> None:
    spoil, words = BAD[name]
    spoil(folder)
    with pytest.raises(ModelError) as error:
        load_checkpoint(str(folder))
    assert error.value.remedy.endswith((".", "?"))
    code = command("read", line_image, "--level", "line", "--reader", str(folder), "--threads", "1")
    out, err = capfd.readouterr()
    assert (code, out) == (ExitCode.MODEL, "")
    assert err == f"manuscribe: {error.value}\n"
    assert len(err) < 700
    for word in [*words, str(folder)] if name != "unknown activation" else words:
        assert word in err


NAMES = {
    "./nowhere/at-all": "There is no model folder ./nowhere/at-all",
    "~nobody-of-that-name/x": "There is no model folder ~nobody-of-that-name/x",
    "a/b/c": "There is no model folder a/b/c",
    "owner/na me": "The model 'owner/na me' is neither a folder nor can it be fetched",
    "owner/--x--": "The model 'owner/--x--' is neither",
    "no-such-reader": "No reader named 'no-such-reader'",
    f"{300 * 'x'}/y": "is neither a folder nor can it be fetched",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_bad_name(
    name: str, line_image: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert command("read", line_image, "--level", "line", "--reader", name) == ExitCode.MODEL
    _, err = capfd.readouterr()
    assert len(err.splitlines()) == 1
    assert NAMES[name] in err


@pytest.mark.parametrize("revision", [None, "v2"])
def test_a_hub_name_while_offline(revision: str | None, line_image: str, tmp_path: Path) -> None:
    arguments = ["read", line_image, "--level", "line", "--reader", "owner/model", "--threads", "1"]
    if revision:
        arguments += ["--revision", revision]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "cache")}
    ended = subprocess.run(
        [sys.executable, "-m", "manuscribe", *arguments], capture_output=True, text=True, env=environment
    )
    assert (ended.returncode, ended.stdout) == (ExitCode.MODEL, "")
    assert len(ended.stderr.splitlines()) == 1
    assert f"'owner/model'{f' at revision {revision!r}' if revision else ''} is neither a folder" in ended.stderr
    assert "HF_HUB_OFFLINE" in ended.stderr


def test_a_fetched_model_is_found_while_offline(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cached = tmp_path / "cache" / "models--owner--model"
    (cached / "refs").mkdir(parents=True)
    (cached / "refs" / "main").write_text("a" * 40)
    shutil.copytree(folder, cached / "snapshots" / ("a" * 40))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    assert locate("owner/model") == cached / "snapshots" / ("a" * 40)
    assert load_checkpoint("owner/model").version == load_checkpoint(str(folder)).version


@pytest.mark.parametrize("error", [OSError("no route\nto host"), EOFError(), KeyError("sha"), RuntimeError("proxy")])
def test_whatever_goes_wrong_in_fetching_is_told_in_one_line(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: Any) -> None:
        raise error

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    with pytest.raises(ModelError, match=r"'owner/model' is neither .*\. Check name and network") as told:
        locate("owner/model")
    assert "\n" not in str(told.value)


def test_a_bundle_is_fetched_with_its_graphs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = {"bundle.json", "image.onnx", "text.onnx", "image.xml", "image.bin", "text.xml", "text.bin"}
    fetched: set[str] = set()

    def download(repo_id: str, revision: str | None, **patterns: Any) -> str:
        fetched.update(filter_repo_objects(sorted(there), **patterns))
        (tmp_path / "image.onnx").touch()
        return str(tmp_path)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    monkeypatch.setattr("manuscribe.extras.find_spec", lambda name: None if name in ("torch", "transformers") else name)
    assert locate("owner/bundle") == tmp_path
    assert fetched == there


@pytest.mark.parametrize("weights", ["model.safetensors", "pytorch_model.bin", "pytorch_model-1-of-1.bin"])
def test_only_what_reading_needs_is_fetched(weights: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = {
        weights, "config.json", "generation_config.json", "preprocessor_config.json", "tokenizer_config.json",
        "vocab.json", "merges.txt", "sentencepiece.bpe.model", "README.md", "tf_model.h5", "training_args.bin",
        "checkpoint-500/model.safetensors", "onnx/model.onnx", "runs/events.json",
    }  # fmt: skip

    def download(repo_id: str, revision: str | None, **patterns: Any) -> str:
        for name in filter_repo_objects(sorted(there), **patterns):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).touch()
        return str(tmp_path)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    assert locate("owner/model") == tmp_path
    fetched = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert there - fetched == {"tf_model.h5", "training_args.bin", *(name for name in there if "/" in name)}


def test_a_folder_has_no_revision(folder: Path, line_image: str, capfd: pytest.CaptureFixture[str]) -> None:
    arguments = ["read", line_image, "--level", "line", "--reader", str(folder), "--revision", "v2"]
    assert command(*arguments) == ExitCode.MODEL
    err = capfd.readouterr().err
    assert err == f"manuscribe: {folder} is a folder, which has no revision 'v2'. Leave --revision out.\n"


def test_a_checkpoint_takes_no_language(folder: Path, line_image: str, capfd: pytest.CaptureFixture[str]) -> None:
    arguments = ["read", line_image, "--level", "line", "--reader", str(folder), "--language", "ru"]
    assert command(*arguments) == ExitCode.USAGE
    err = capfd.readouterr().err
    assert "Leave --language out" in err
    assert len(err.splitlines()) == 1


@with_weights
def test_the_embedded_reader_has_no_frame(line_image: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert command("read", line_image, "--level", "line", "--fit", "pad") == ExitCode.USAGE
    err = capfd.readouterr().err
    assert "Leave --fit out" in err
    assert len(err.splitlines()) == 1


def test_the_good_folder_reads(folder: Path, line_image: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Otherwise all of the above would say nothing."""
    arguments = ["read", line_image, "--level", "line", "--reader", str(folder), "--threads", "1"]
    assert command(*arguments) == ExitCode.OK
    assert "Traceback" not in capfd.readouterr().err


def test_the_extra_that_is_missing_is_the_one_that_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("manuscribe.extras.find_spec", lambda module: None)
    for name in (str(folder), "owner/name"):
        with pytest.raises(UsageError, match=r"manuscribe\[trocr\]"):
            TrocrReader(name, ReaderOptions())
