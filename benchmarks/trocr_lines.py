"""A trained TrOCR checkpoint on lines: errors and times of each way to read them, what drafts bring, whose tokens.

The lines have texts; tokens are compared with those of transformers.

Run `python benchmarks/trocr_lines.py CHECKPOINT LINES`; rendered lines come from `manuscribe data synth`. Needs the
extras `trocr` and `onnx`.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from manuscribe.datasets.labelled import LabelledLine
from manuscribe.datasets.lines import read_lines
from manuscribe.evaluation.metrics import character_error_rate
from manuscribe.readers.options import ReaderOptions
from manuscribe.readers.trocr.checkpoints.checkpoint import Checkpoint, load_checkpoint
from manuscribe.readers.trocr.decoding import beam, greedy
from manuscribe.readers.trocr.engines.torch_engine import TorchEngine
from manuscribe.readers.trocr.images import together
from manuscribe.readers.trocr.reader import TrocrReader
from manuscribe.training.stretching import take_any_size
from report import percent, run, table, watched

Pixels = NDArray[np.uint8]
WAYS: dict[str, dict[str, Any]] = {
    "greedy": {"beams": 1},
    "4 beams": {"beams": 4},
    "greedy, with a draft": {"beams": 1, "draft": True},
    "greedy, ONNX Runtime fp32": {"beams": 1, "engine": "onnx", "precision": "fp32"},
    "greedy, ONNX Runtime int8": {"beams": 1, "engine": "onnx", "precision": "int8"},
    "greedy, OpenVINO int8": {"beams": 1, "engine": "openvino", "precision": "int8"},
}


def main() -> str:
    """Measure and make the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", help="folder or name on the hub")
    parser.add_argument("lines", help="data set of lines; the name may have *")
    parser.add_argument("--limit", type=int, default=500, help="lines that are read")
    parser.add_argument("--compared", type=int, default=24, help="lines whose tokens are compared with transformers'")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    lines = read_lines([options.lines])[: options.limit]
    images = [line.pixels() for line in lines]
    rows = [read(options.checkpoint, way, lines, images, options.threads) for way in WAYS]
    return "\n\n".join(
        [
            table(("decoding", "CER", "ms a line, median, one at a time"), rows),
            drafted(options.checkpoint, images, options.threads),
            compared(options.checkpoint, images[: options.compared], options.threads),
        ]
    )


def read(
    checkpoint: str, way: str, lines: Sequence[LabelledLine], images: Sequence[Pixels], threads: int
) -> tuple[str, ...]:
    """A row of the first table; lines are read one by one, as a page's would be while somebody waits."""
    reader = TrocrReader(checkpoint, ReaderOptions(threads=threads, **WAYS[way]))
    reader.read(images[:2])
    texts, times = [], []
    for image in watched(images, way):
        started = time.perf_counter()
        texts.append(reader.read([image])[0].text)
        times.append(1000 * (time.perf_counter() - started))
    cer = character_error_rate((line.text, text) for line, text in zip(lines, texts, strict=True))
    return way, f"{100 * cer:.2f} %", f"{statistics.median(times):.0f}"


def drafted(checkpoint: str, images: Sequence[Pixels], threads: int) -> str:
    """What the embedded reader's drafts were worth, and what checking them saves without the time of drafting."""
    reader = TrocrReader(checkpoint, ReaderOptions(threads=threads, beams=1, draft=True))
    settings = load_checkpoint(checkpoint).configuration.generation
    found = [reader.check(image, settings) for image in images]
    tokens = sum(len(one.written.tokens) for one in found)
    accepted = sum(one.right for one in found) / max(1, sum(one.guessed for one in found))
    return (
        f"Drafts: {percent(accepted)} of the guessed tokens were right; "
        f"{tokens / sum(one.passes for one in found):.2f} tokens for each run of the decoder."
    )


def compared(checkpoint: str, images: Sequence[Pixels], threads: int) -> str:
    """Tokens beside transformers', which reads line after line."""
    loaded = load_checkpoint(checkpoint)
    engine = TorchEngine(loaded.network, precision="fp32", threads=threads)
    rows = []
    for beams in (1, 4):
        write = of_transformers(checkpoint, loaded, beams)
        expected = [write(image) for image in images]
        for size in (1, 3, 8):
            found = [
                tokens
                for start in range(0, len(images), size)
                for tokens in ours(loaded, engine, images[start : start + size], beams)
            ]
            same = sum(a == b for a, b in zip(found, expected, strict=True))
            rows.append(("greedy" if beams == 1 else f"{beams} beams", str(size), f"{same} of {len(images)}"))
    return table(("tokens against transformers", "lines together", "the same"), rows)


def ours(loaded: Checkpoint, engine: TorchEngine, images: Sequence[Pixels], beams: int) -> list[list[int]]:
    """The tokens of lines that are read together."""
    settings = loaded.configuration.generation
    session = engine.begin(together(images, loaded.configuration), beams, settings.max_length)
    if beams == 1:
        return [list(text.tokens) for text in greedy(session, len(images), settings)]
    return [list(texts[0].tokens) for texts in beam(session, len(images), beams, settings)]


def of_transformers(name: str, loaded: Checkpoint, beams: int) -> Callable[[Pixels], list[int]]:
    """What a user would write without us."""
    from transformers import VisionEncoderDecoderModel

    model: Any = VisionEncoderDecoderModel.from_pretrained(name, dtype=torch.float32).eval()
    wide = loaded.configuration.preprocessing.fit == "wide"
    if wide:
        take_any_size(model)
    ends = loaded.configuration.generation.eos_token_id

    def write(image: Pixels) -> list[int]:
        pixels = torch.from_numpy(together([image], loaded.configuration).pixels)
        more = {"interpolate_pos_encoding": True} if wide else {}
        with torch.inference_mode():
            (found,) = model.generate(pixels, num_beams=beams, do_sample=False, **more).tolist()
        return [token for token in found[1:] if token not in ends]

    return write


if __name__ == "__main__":
    run("TrOCR: a trained checkpoint", main)
