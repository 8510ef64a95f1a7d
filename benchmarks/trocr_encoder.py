"""How much of what the machine can multiply the image's network uses, sixteen lines together.

Run `python benchmarks/trocr_encoder.py --shape base`. The limit is the best of some products of large matrices with
PyTorch, in bfloat16 where the processor has it, otherwise in float32, in the same run. Needs the extra `trocr`.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from manuscribe.readers.options import ReaderOptions
from manuscribe.readers.trocr.configuration import EncoderConfig
from manuscribe.readers.trocr.images import Images
from manuscribe.readers.trocr.loading import load
from report import percent, run, table
from trocr import SHAPES, build_shape

SIDES = (1024, 2048, 4096)  # of the matrices


def main() -> str:
    """Measure and make the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", choices=sorted(SHAPES), default="base")
    parser.add_argument("--engine", action="append", choices=("torch", "openvino", "onnx"), help="only these")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    half = bool(torch.cpu._is_avx512_bf16_supported())
    limit = max(products(side, half, options.runs) for side in SIDES)
    with tempfile.TemporaryDirectory() as folder:
        name = build_shape(options.shape, Path(folder))
        precision = "bf16" if half else "fp32"
        rows = [("products of matrices", precision, f"{limit:.0f}", percent(1.0))]
        for engine in options.engine or ("torch", "openvino", *(() if half else ("onnx",))):
            rate = encoder(name, engine, precision, options)
            rows.append((f"encoder, {engine}", precision, f"{rate:.0f}", percent(rate / limit)))
    return table(("what", "precision", "GFLOP/s", "of the limit"), rows)


def products(side: int, half: bool, runs: int) -> float:
    """Thousand million operations a second, of square matrices."""
    first, second = (torch.randn(side, side, dtype=torch.bfloat16 if half else torch.float32) for _ in range(2))
    return 2 * side**3 / seconds(lambda: first @ second, runs) / 1e9


def encoder(name: str, engine: str, precision: str, options: argparse.Namespace) -> float:
    """The same, of a checkpoint's encoder; what is no product of matrices is not counted."""
    loaded = load(
        name, ReaderOptions.model_validate({"engine": engine, "precision": precision, "threads": options.threads})
    )
    config = loaded.configuration.encoder
    pixels = np.random.default_rng(0).standard_normal((options.batch, 3, *config.image_size)).astype(np.float32)
    images = Images(pixels)
    return options.batch * operations(config) / seconds(lambda: loaded.engine.embed(images), options.runs) / 1e9


def operations(config: EncoderConfig) -> float:
    """Multiplications and additions of the matrices' products for one image."""
    down, across = config.grid
    places = down * across + (2 if config.model_type == "deit" else 1)
    width, inner = config.hidden_size, config.intermediate_size
    layer = 2 * places * (4 * width**2 + 2 * width * inner) + 4 * places**2 * width
    patches = 2 * down * across * width * 3 * config.patch_size[0] * config.patch_size[1]
    return config.num_hidden_layers * layer + patches


def seconds(work: Callable[[], object], runs: int) -> float:
    """The median time, after a warm-up."""
    work()
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


if __name__ == "__main__":
    run("TrOCR: the encoder and the machine's limit", main)
