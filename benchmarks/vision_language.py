"""A small DeepSeek-OCR on rendered words, lines and paragraphs it has not seen, and taught another font with LoRA.

Run `python benchmarks/vision_language.py MODEL --fonts FOLDER --texts FOLDER --out FOLDER`, where MODEL is a folder
that `recipes/deepseek-tiny.yaml` made. Texts are those that the recipe never learns from. Needs the extra `finetune`.
"""

import argparse
import json
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from manuscribe.datasets.labelled import LabelledLine
from manuscribe.datasets.lines import write_lines
from manuscribe.evaluation.counting import count
from manuscribe.evaluation.lines import Pair, figures_of, read_with
from manuscribe.readers.options import ReaderOptions
from manuscribe.readers.protocol import load_bare_reader
from manuscribe.readers.vlm.local.loading import load
from manuscribe.readers.vlm.naming import Named
from manuscribe.text.charset import normalise
from manuscribe.training.deepseek import LEVELS, Blocks, DataSection
from manuscribe.training.recipe import load_recipe, run_recipe
from report import percent, run, table

SEED = 4711
RECIPE: dict[str, Any] = {
    "kind": "finetune",
    "name": "font",
    "licence": "Apache-2.0",
    "description": "A small DeepSeek-OCR taught another font.",
    "credits": [],
    "seed": SEED,
}
STAGE: dict[str, Any] = {
    "name": "font",
    "data": {"lines": ["font.parquet"]},
    "adapter": "lora",
    "rank": 16,
    "alpha": 16,
    "dropout": 0,
    "schedule": "cosine",
    "weight_decay": 0.0,
    "batch": 16,
    "merge": False,
}


def main(options: argparse.Namespace) -> str:
    """Measure, teach, measure again."""
    options.out.mkdir(parents=True, exist_ok=True)
    model = f"vlm:{options.model}"
    learnt = blocks(options, tuple(options.faces))
    known = rendered(learnt, options.each, SEED, held=True)
    rows = measured("fonts that it learnt", read(model, known), known)
    other = blocks(options, (options.other,))
    unseen = rendered(other, options.each, SEED + 1, held=True)
    before = read(model, unseen)
    rows += measured(f"{options.other}, before", before, unseen)
    started = time.monotonic()
    adapter = taught(options, other)
    minutes = (time.monotonic() - started) / 60
    after = read(f"{model}+{adapter}", unseen)
    rows += measured(f"{options.other}, after", after, unseen)
    first, last = figures_of(before).cer, figures_of(after).cer
    return "\n".join(
        [
            table(("", "level", "images", "CER", "mean", "median", "exact", "ins", "del", "sub"), rows),
            "",
            f"LoRA took {minutes:.1f} minutes, and left {percent(1 - last / first)} fewer wrong characters. Without a "
            f"cache {same_without_cache(options, known)} of {options.plain} images are read with the same tokens.",
        ]
    )


def arguments() -> argparse.Namespace:
    """What is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--fonts", type=Path, required=True)
    parser.add_argument("--texts", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="for data, adapter and report")
    parser.add_argument("--faces", nargs="+", default=["patrick-hand", "coming-soon", "handlee"])
    parser.add_argument("--other", default="indie-flower", help="the font that is taught")
    parser.add_argument("--each", type=int, default=100, help="images of each level to measure on")
    parser.add_argument("--lessons", type=int, default=300, help="images of each level to learn from")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--parts", nargs="+", default=["encoder", "decoder"])
    parser.add_argument("--plain", type=int, default=12, help="images that are read without a cache, too")
    return parser.parse_args()


def blocks(options: argparse.Namespace, faces: tuple[str, ...]) -> Blocks:
    """What draws in some fonts."""
    data = DataSection(fonts=options.fonts.name, faces=faces, texts=str(options.texts.absolute()))
    return Blocks(data, options.fonts.parent.absolute())


def rendered(source: Blocks, each: int, seed: int, *, held: bool, split: str = "") -> list[LabelledLine]:
    """Images of each level."""
    rng = np.random.default_rng(seed)
    found = []
    for level in LEVELS:
        for _ in range(each):
            block = source.draw(level, rng, held=held)
            image = cv2.imencode(".png", block.image)[1].tobytes()
            found.append(LabelledLine(image, block.text, "rendered", label=level, language="en", split=split))
    return found


def read(model: str, lines: Sequence[LabelledLine]) -> list[Pair]:
    """What is written, and what is read, as a user would."""
    return read_with(load_bare_reader(model, ReaderOptions(level="paragraph")), lines)


def measured(name: str, pairs: Sequence[Pair], lines: Sequence[LabelledLine]) -> list[tuple[str, ...]]:
    """Rows of a table: each level, and all together."""
    rows = []
    for level in (*LEVELS, "all"):
        some = [pair for pair, line in zip(pairs, lines, strict=True) if level in ("all", line.label)]
        counts = [count(normalise(truth), normalise(found)) for truth, found in some]
        rates = [one.rate for one in counts]
        figures = figures_of(some)
        edits = (sum(getattr(one, kind) for one in counts) for kind in ("insertions", "deletions", "substitutions"))
        told = map(percent, (figures.cer, statistics.mean(rates), statistics.median(rates), figures.exact))
        rows.append((name, level, str(len(some)), *told, *map(str, edits)))
    return rows


def taught(options: argparse.Namespace, source: Blocks) -> Path:
    """The adapter that a recipe makes."""
    lines = rendered(source, options.lessons, SEED + 2, held=False, split="train")
    lines += rendered(source, max(4, options.lessons // 15), SEED + 3, held=False, split="validation")
    write_lines(options.out / "font.parquet", lines)
    stage = STAGE | {"epochs": options.epochs, "patience": options.epochs, "learning_rate": options.learning_rate}
    recipe = RECIPE | {
        "model": f"vlm:{options.model.absolute()}",
        "stages": [stage | {"parts": options.parts}],
    }
    path = options.out / "recipe.yaml"
    path.write_text(json.dumps(recipe), encoding="utf-8")
    return run_recipe(load_recipe(path), options.out, options.out / "run", quiet=True)


@torch.inference_mode()
def same_without_cache(options: argparse.Namespace, lines: Sequence[LabelledLine]) -> int:
    """For how many images the likeliest tokens are the same when everything is computed anew for each of them."""
    loaded = load(Named(str(options.model)), None, torch.float32)
    chosen = [lines[number] for number in np.linspace(0, len(lines) - 1, options.plain).astype(int)]
    same = 0
    for line in chosen:
        inputs = loaded.processor.inputs(line.rgb(), loaded.prompts["line"], loaded.sizes[0])
        cached = loaded.model.generate(**inputs, max_new_tokens=60)[0, inputs["input_ids"].shape[1] :].tolist()
        more = {name: value for name, value in inputs.items() if name not in ("input_ids", "attention_mask")}
        tokens = inputs["input_ids"]
        for _ in cached:
            newest = loaded.model(tokens, **more).logits[0, -1].argmax()
            tokens = torch.cat([tokens, newest.reshape(1, 1)], dim=1)
        same += tokens[0, inputs["input_ids"].shape[1] :].tolist() == cached
    return same


if __name__ == "__main__":
    asked = arguments()
    run("Vision-language models", lambda: main(asked))
