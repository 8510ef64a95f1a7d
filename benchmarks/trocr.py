"""Our engines beside transformers on one TrOCR checkpoint: times of lines, interleaved, and whether the tokens agree.

Run `python benchmarks/trocr.py CHECKPOINT`, or with `--shape small` or `--shape base` on random weights in the shape of
microsoft/trocr-small-handwritten or trocr-base-handwritten. Every text is made 32 tokens long: times then depend on the
shape alone. Needs the extra `trocr`.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from manuscribe.readers.options import ReaderOptions
from manuscribe.readers.trocr.checkpoints.checkpoint import load_checkpoint
from manuscribe.readers.trocr.configuration import Configuration
from manuscribe.readers.trocr.decoding import beam, greedy
from manuscribe.readers.trocr.engines.runtimes import Engine
from manuscribe.readers.trocr.images import Images
from manuscribe.readers.trocr.loading import load
from report import run, table

sys.path.insert(0, str(Path(__file__).parents[1]))
TOKENS = 32
SHAPES: dict[str, dict[str, Any]] = {
    "small": {
        "kind": "deit",
        "vocabulary": 64044,
        "encoder": {
            "hidden_size": 384, "num_hidden_layers": 12, "num_attention_heads": 6, "intermediate_size": 1536,
        },
        "decoder": {
            "d_model": 256, "decoder_layers": 6, "decoder_attention_heads": 8, "decoder_ffn_dim": 1024,
            "max_position_embeddings": 512, "activation_function": "relu", "scale_embedding": True,
        },
    },
    "base": {
        "kind": "vit",
        "vocabulary": 50265,
        "encoder": {
            "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072,
            "qkv_bias": False,
        },
        "decoder": {
            "d_model": 1024, "decoder_layers": 12, "decoder_attention_heads": 16, "decoder_ffn_dim": 4096,
            "max_position_embeddings": 512,
        },
    },
}  # fmt: skip
ENGINES: dict[str, dict[str, Any]] = {
    "PyTorch fp32": {"engine": "torch", "precision": "fp32"},
    "PyTorch bf16": {"engine": "torch", "precision": "bf16"},
    "OpenVINO fp32": {"engine": "openvino", "precision": "fp32"},
    "OpenVINO int8": {"engine": "openvino", "precision": "int8"},
    "ONNX Runtime fp32": {"engine": "onnx", "precision": "fp32"},
    "ONNX Runtime int8": {"engine": "onnx", "precision": "int8"},
}

Pixels = NDArray[np.float32]
Write = Callable[[Pixels], list[list[int]]]


def main() -> str:
    """Measure and make the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", nargs="?", help="folder or name on the hub")
    parser.add_argument("--shape", choices=sorted(SHAPES), help="random weights in this shape, instead of a checkpoint")
    parser.add_argument(
        "--engine", action="append", choices=list(ENGINES), help="only these; may be given several times"
    )
    parser.add_argument("--batch", type=int, action="append", help="lines together (default: 1 and 8)")
    parser.add_argument("--beams", type=int, default=1)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    if (options.checkpoint is None) == (options.shape is None):
        parser.error("name a checkpoint, or a shape")
    with tempfile.TemporaryDirectory() as folder:
        name = options.checkpoint or build_shape(options.shape, Path(folder))
        return measure(name, options)


def build_shape(shape: str, folder: Path) -> str:
    """A checkpoint with random weights."""
    from tests.readers.trocr.building import build

    chosen = SHAPES[shape]
    settings = {"kind": chosen["kind"], "vocabulary": chosen["vocabulary"], "image_size": 384}
    build(folder, chosen["encoder"] | {"patch_size": 16}, chosen["decoder"], **settings)
    return str(folder)


def measure(name: str, options: argparse.Namespace) -> str:
    """The table of a checkpoint."""
    torch.set_num_threads(options.threads)
    configuration = load_checkpoint(name).configuration
    writers: dict[str, Write] = {"transformers generate": of_transformers(name, options.beams)}
    for engine in options.engine or ENGINES:
        loaded = load(name, ReaderOptions(threads=options.threads, **ENGINES[engine]))
        writers[engine] = of_engine(loaded.engine, configuration, options.beams)
    rows = []
    for batch in options.batch or (1, 8):
        height, width = configuration.encoder.image_size
        pixels = np.random.default_rng(0).standard_normal((batch, 3, height, width)).astype(np.float32)
        rows += compare(writers, pixels, options.runs)
    return table(("engine", "lines together", "ms a line", "times as fast", "same tokens"), rows)


def of_transformers(name: str, beams: int) -> Write:
    """What a user would write without us."""
    from transformers import VisionEncoderDecoderModel

    model = VisionEncoderDecoderModel.from_pretrained(name).eval()
    model.generation_config.eos_token_id = None

    def write(pixels: Pixels) -> list[list[int]]:
        with torch.inference_mode():
            found = model.generate(
                torch.from_numpy(pixels), max_new_tokens=TOKENS, num_beams=beams, do_sample=False, max_length=None
            )
        return [row[1:].tolist() for row in found]

    return write


def of_engine(engine: Engine, configuration: Configuration, beams: int) -> Write:
    """One of our engines with our decoding."""
    settings = configuration.generation.model_copy(update={"eos_token_id": (), "max_length": TOKENS + 1})

    def write(pixels: Pixels) -> list[list[int]]:
        session = engine.begin(Images(pixels), beams, settings.max_length)
        if beams == 1:
            return [list(text.tokens) for text in greedy(session, len(pixels), settings)]
        return [list(texts[0].tokens) for texts in beam(session, len(pixels), beams, settings)]

    return write


def compare(writers: Mapping[str, Write], pixels: Pixels, runs: int) -> list[Sequence[str]]:
    """Rows of the table for one batch; the engines take turns."""
    times: dict[str, list[float]] = {name: [] for name in writers}
    texts = {name: write(pixels) for name, write in writers.items()}  # and warm up
    for _ in range(runs):
        for name, write in writers.items():
            started = time.perf_counter()
            write(pixels)
            times[name].append(1000 * (time.perf_counter() - started) / len(pixels))
    first, *_ = writers
    reference = statistics.median(times[first])
    rows = []
    for name in writers:
        same = sum(a == b for a, b in zip(texts[name], texts[first], strict=True))
        median = statistics.median(times[name])
        rows.append((name, str(len(pixels)), f"{median:.0f}", f"{reference / median:.2f}", f"{same} of {len(pixels)}"))
    return rows


if __name__ == "__main__":
    run("TrOCR: times of a line", main)
