"""How much memory it takes to teach a checkpoint in the shape of trocr-base with LoRA.

Run `python benchmarks/teaching_memory.py`. A process of its own does all that `manuscribe train` does in a stage: it
reads the validation lines, teaches some steps, reads again, and writes the merged checkpoint. The peak is the whole
process's; the time is the median step's, the first one left out, since it is the one that takes memory from the system.
Needs the extra `finetune`, with `--adapter qlora` also `qlora`.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from manuscribe.datasets.labelled import LabelledLine
from manuscribe.training.crew import Crew
from manuscribe.training.dividing import Divided
from manuscribe.training.memory import begin_tensors_at_pages
from report import run, table
from trocr import SHAPES, build_shape


def main() -> str:
    """Measure and make the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", choices=sorted(SHAPES), default="base")
    parser.add_argument("--adapter", choices=["lora", "dora", "qlora", "none"], default="lora")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--steps", type=int, default=4)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        checkpoint = build_shape(options.shape, Path(name) / "checkpoint")
        words = [checkpoint, options.adapter, str(options.batch), str(options.steps), f"{name}/stage"]
        arguments = [sys.executable, __file__, "--teach", *words]
        figures = subprocess.run(arguments, check=True, stdout=subprocess.PIPE, text=True).stdout.split()[-2:]
    columns = ("shape", "adapter", "batch", "peak memory, GB", "s a step")
    return table(columns, [(options.shape, *words[1:3], *figures)])


def teach(checkpoint: str, adapter: str, batch: str, steps: str, folder: str) -> None:
    """What the process of its own does."""
    begin_tensors_at_pages()
    from manuscribe.options import validated
    from manuscribe.training.finetune.lesson import Lesson
    from manuscribe.training.finetune.stage import Stage
    from manuscribe.training.finetune.trainer import LineTrainer
    from manuscribe.training.finetune.trocr.model import load_pupil

    seconds: list[float] = []
    step = LineTrainer.training_step

    def timed(*arguments: Any, **named: Any) -> Any:
        started = time.perf_counter()
        loss = step(*arguments, **named)
        seconds.append(time.perf_counter() - started)
        return loss

    LineTrainer.training_step = timed  # type: ignore[method-assign]
    values = {"name": "hand", "data": {"lines": ("none",)}, "adapter": adapter, "batch": int(batch), "epochs": 1}
    stage = validated(Stage, **values)
    rng = np.random.default_rng(0)
    lines = []
    for number in range(int(batch) * int(steps) + 2):
        image = cv2.imencode(".png", rng.integers(0, 256, (64, 800), dtype=np.uint8))[1].tobytes()
        lines.append(LabelledLine(image, f"line {number} in twenty", "", str(number)))
    divided = Divided(lines[2:], lines[:2])
    Lesson(load_pupil(checkpoint), checkpoint, stage, divided, lines[:2], Path(folder), 0, True, Crew()).run(
        resume=False
    )
    # Not getrusage: its figure begins with that of the process that started this one.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    print(f"{int(status.split('VmHWM:')[1].split()[0]) * 1024 / 1e9:.2f} {statistics.median(seconds[1:]):.1f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--teach"]:
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        teach(*sys.argv[2:])
    else:
        run("Memory of teaching", main)
