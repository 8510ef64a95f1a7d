"""Teaching a TrOCR checkpoint: lines a second beside a plain script with transformers' Seq2SeqTrainer, interleaved.

Run `python benchmarks/teaching.py CHECKPOINT LINES`, where LINES is a data set of `manuscribe data`. Both sides put the
same LoRA on the same checkpoint and learn from the same lines in batches of the same size. The plain script is what
tutorials show: the checkpoint's own image processor, texts padded to the most that it writes, lines in any order. With
`--epochs` both learn so many epochs once more, and the validation lines are read with what each has learnt. Needs the
extra `finetune`.
"""

import argparse
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from torch.utils.data import Dataset
from transformers import (
    AutoImageProcessor,
    AutoTokenizer,
    Seq2SeqTrainer,
    Seq2SeqTrainingArguments,
    TrainerCallback,
    VisionEncoderDecoderModel,
    default_data_collator,
    set_seed,
)
from transformers.utils import logging

from manuscribe.evaluation.lines import figures_of, read_with
from manuscribe.options import validated
from manuscribe.readers.options import ReaderOptions
from manuscribe.readers.trocr.reader import TrocrReader
from manuscribe.training.crew import Crew
from manuscribe.training.dividing import Divided, divide
from manuscribe.training.finetune.adapters import merged, with_adapter
from manuscribe.training.finetune.lesson import MODEL
from manuscribe.training.finetune.stage import Stage
from manuscribe.training.finetune.trainer import LineTrainer, arguments_of
from manuscribe.training.finetune.trocr.lines import TaughtLines
from manuscribe.training.finetune.trocr.model import load_pupil, publish
from manuscribe.training.finetune.trocr.places import pattern_of
from manuscribe.training.finetune.watch import Watch
from report import run, table

SEED = 42
_FIRST = 3  # steps that warm caches up


@dataclass
class Clock(TrainerCallback):
    """Seconds between the first steps and the last."""

    times: list[float] = field(default_factory=list)

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """Note when."""
        self.times.append(time.perf_counter())

    @property
    def step(self) -> float:
        """Seconds a step."""
        return (self.times[-1] - self.times[_FIRST]) / (len(self.times) - 1 - _FIRST)


class PlainLines(Dataset[dict[str, Any]]):
    """Lines as tutorials prepare them."""

    def __init__(self, lines: Divided, folder: str, longest: int) -> None:
        self._lines, self._longest = lines.train, longest
        self._images = AutoImageProcessor.from_pretrained(folder)
        self._tokenizer = AutoTokenizer.from_pretrained(folder)

    def __len__(self) -> int:
        return len(self._lines)

    def __getitem__(self, number: int) -> dict[str, Any]:
        line = self._lines[number]
        pixels = self._images(line.rgb(), return_tensors="pt").pixel_values[0]
        tokens = [*self._tokenizer(line.text, add_special_tokens=False).input_ids, self._tokenizer.eos_token_id]
        padding = [-100] * (self._longest - len(tokens))
        return {"pixel_values": pixels, "labels": torch.tensor(tokens + padding)}


def main() -> str:
    """Measure and make the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", help="folder of a checkpoint")
    parser.add_argument("lines", help="a data set")
    parser.add_argument("--parts", choices=["both", "decoder"], default="both", help="where the adapter is")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, default=40, help="of each run")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--rank", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=0, help="then compare what both have learnt")
    options = parser.parse_args()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    parts = ("encoder", "decoder") if options.parts == "both" else ("decoder",)
    stage = validated(
        Stage, name="hand", data={"lines": (options.lines,), "by": "line", "most_validated": 200}, parts=parts,
        batch=options.batch, rank=options.rank, learning_rate=1e-3,
    )  # fmt: skip
    lines = divide(stage.data, Path.cwd(), SEED)
    with tempfile.TemporaryDirectory() as scratch:
        return _measure(options, stage, lines, Path(scratch))


def _measure(options: argparse.Namespace, stage: Stage, lines: Divided, scratch: Path) -> str:
    sides = {"plain Seq2SeqTrainer": _plain, "manuscribe": _ours}
    rounds = []
    for number in range(options.runs):
        names = list(sides) if number % 2 == 0 else list(sides)[::-1]
        rounds.append({name: sides[name](options, stage, lines, scratch / f"{number}-{name}") for name in names})
    rows = []
    for name in sides:
        pace = [options.batch / found[name][0] for found in rounds]
        ratio = statistics.median(found["plain Seq2SeqTrainer"][0] / found[name][0] for found in rounds)
        once = statistics.median(found[name][1] for found in rounds)
        rows.append([name, f"{statistics.median(pace):.1f}", f"{min(pace):.1f} to {max(pace):.1f}", f"{ratio:.2f}",
                     f"{once:.1f} s for {len(lines.train)} lines"])  # fmt: skip
    text = table(["", "lines a second", "spread", "ratio", "before the first step"], rows)
    if not options.epochs:
        return text
    learnt = []
    for name, side in sides.items():
        started = time.perf_counter()
        options.steps = -(-len(lines.train) // options.batch) * options.epochs
        side(options, stage, lines, scratch / f"whole-{name}")
        seconds = time.perf_counter() - started
        reader = TrocrReader(str(scratch / f"whole-{name}" / MODEL), ReaderOptions(beams=1))
        cer = figures_of(read_with(reader, lines.validation)).cer
        learnt.append([name, f"{100 * cer:.2f} %", f"{seconds / 60:.1f}"])
    return f"{text}\n\n{table(['', f'CER after {options.epochs} epochs', 'minutes'], learnt)}"


def _plain(options: argparse.Namespace, stage: Stage, lines: Divided, folder: Path) -> tuple[float, float]:
    set_seed(SEED)
    model: Any = VisionEncoderDecoderModel.from_pretrained(options.checkpoint).float()
    settings = load_pupil(options.checkpoint).configuration.generation
    model.config.decoder_start_token_id = settings.decoder_start_token_id
    model.config.pad_token_id = settings.pad_token_id
    adapter = LoraConfig(
        r=stage.rank, lora_alpha=int(stage.alpha), lora_dropout=stage.dropout, target_modules=pattern_of(stage)
    )
    model = get_peft_model(model, adapter)
    clock = Clock()
    trainer = Seq2SeqTrainer(
        model=model,
        args=_arguments(options, stage, folder),
        train_dataset=PlainLines(lines, options.checkpoint, settings.max_length),
        data_collator=default_data_collator,
        callbacks=[clock],
    )
    trainer.train()
    if options.epochs:
        model.merge_and_unload().save_pretrained(folder / MODEL)
        trainer.train_dataset._tokenizer.save_pretrained(folder / MODEL)  # type: ignore[union-attr]
        trainer.train_dataset._images.save_pretrained(folder / MODEL)  # type: ignore[union-attr]
    return clock.step, 0.0


def _arguments(options: argparse.Namespace, stage: Stage, folder: Path) -> Seq2SeqTrainingArguments:
    return Seq2SeqTrainingArguments(
        output_dir=str(folder), per_device_train_batch_size=options.batch, learning_rate=stage.learning_rate,
        warmup_steps=stage.warmup, weight_decay=stage.weight_decay, max_steps=options.steps, save_strategy="no",
        report_to=[], use_cpu=True, remove_unused_columns=False, disable_tqdm=True, seed=SEED, logging_strategy="no",
    )  # fmt: skip


def _ours(options: argparse.Namespace, stage: Stage, lines: Divided, folder: Path) -> tuple[float, float]:
    pupil = load_pupil(options.checkpoint)
    folder.mkdir(parents=True, exist_ok=True)
    taught = TaughtLines(lines.train, pupil, None, SEED)
    set_seed(SEED)
    model = with_adapter(pupil, stage, options.checkpoint)
    started = time.perf_counter()
    pupil.look_once(model, taught, folder / "states.bin", Crew())
    once = time.perf_counter() - started
    arguments = arguments_of(stage, folder, SEED, keep=False)
    arguments.max_steps, arguments.eval_steps = options.steps, options.steps + 1  # not read in between
    clock, watch = Clock(), Watch(folder, 60, quiet=True)
    trainer = LineTrainer(pupil, model, stage, taught, lines.validation, arguments, watch, Crew())
    trainer.add_callback(clock)
    trainer.train()
    if options.epochs:
        publish(pupil, merged(model), folder / MODEL)
    return clock.step, once


if __name__ == "__main__":
    run("Teaching", main)
