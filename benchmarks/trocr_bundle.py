"""How large a bundle is, and how much memory reading with it takes at most.

Run `python benchmarks/trocr_bundle.py CHECKPOINT`, or with `--shape small` or `--shape base` on random weights. Each is
read in a process of its own: `manuscribe read` on one line, without PyTorch. Needs the extras `trocr` and `onnx`.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np

from manuscribe.datasets.labelled import LabelledLine
from manuscribe.readers.trocr.export import ExportOptions, export
from report import run, table
from trocr import SHAPES, build_shape

KINDS = (("onnx", "int8"), ("openvino", "int8"), ("openvino", "bf16"))


def main() -> str:
    """Measure and make the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", nargs="?", help="folder or name on the hub")
    parser.add_argument("--shape", choices=sorted(SHAPES), help="random weights in this shape, instead of a checkpoint")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    if (options.checkpoint is None) == (options.shape is None):
        parser.error("name a checkpoint, or a shape")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        checkpoint = options.checkpoint or build_shape(options.shape, folder / "checkpoint")
        image = cv2.imencode(".png", np.random.default_rng(0).integers(0, 256, (64, 800), dtype=np.uint8))[1]
        (folder / "line.png").write_bytes(image.tobytes())
        rows = [measure(checkpoint, folder, engine, precision, options.threads) for engine, precision in KINDS]
    return table(("engine", "precision", "MB on disk", "peak memory, MB"), rows)


def measure(checkpoint: str, folder: Path, engine: str, precision: str, threads: int) -> tuple[str, ...]:
    """A row of the table."""
    # The gate is open: what is measured is size alone, and against so long a text all readings are about as wrong.
    line = LabelledLine((folder / "line.png").read_bytes(), "a" * 2000, "", "", "", "")
    options = ExportOptions.model_validate({"engine": engine, "precision": precision, "cer_budget": 1})
    bundle = export(checkpoint, folder / f"{engine}-{precision}", options, [line])
    size = sum(file.stat().st_size for file in bundle.folder.iterdir())
    arguments = [sys.executable, __file__, "--read", str(folder / "line.png"), str(bundle.folder), str(threads)]
    peak = subprocess.run(arguments, check=True, capture_output=True, text=True).stdout.split()[-1]
    return engine, precision, f"{size / 1e6:.0f}", peak


def read(line: str, bundle: str, threads: str) -> None:
    """What the process of its own does."""
    import manuscribe

    manuscribe.read(line, level="line", reader=bundle, beams=1, threads=int(threads))
    # Not getrusage: its figure begins with that of the process that started this one.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    print(int(status.partition("VmHWM:")[2].split()[0]) * 1024 // 1_000_000)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--read"]:
        read(*sys.argv[2:])
    else:
        run("TrOCR: bundles", main)
