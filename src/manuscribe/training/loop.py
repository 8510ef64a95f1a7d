"""The training loop that all of our own networks share.

A `Task` says what is learnt; the loop says how: AdamW with warm-up, a constant and a falling part, averaged
weights, bf16 where the processor has it, checkpoints that resume, the best weights kept, a log in JSONL.
"""

import json
import math
import platform
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import nn

from manuscribe.training.checkpoint import load_checkpoint, save_checkpoint, save_tensors
from manuscribe.training.memory import keep_freed_memory
from manuscribe.training.progress import Progress


class LoopOptions(BaseModel):
    """How a network is trained.

    Attributes:
        steps: Optimiser steps in all.
        learning_rate: Peak of the schedule.
        warmup: Steps of linear rise.
        decay: Share of the steps, at the end, over which the rate falls linearly to zero.
        average: Weight of the past in the moving average of the weights; evaluation and export use the average.
        evaluate_every: Steps between two evaluations.
        checkpoint_minutes: Minutes between two checkpoints.
        threads: Torch threads; 0 takes all cores.
        bf16: Multiply in bfloat16 (autocast) where the processor does so in hardware; elsewhere it would take ten
            times as long. Weights and sums stay in float32.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    steps: int = Field(gt=0)
    learning_rate: float = Field(default=1e-3, gt=0)
    warmup: int = Field(default=200, ge=0)
    decay: float = Field(default=0.4, ge=0, le=1)
    weight_decay: float = Field(default=0.02, ge=0)
    clip: float = Field(default=1.0, gt=0)
    average: float = Field(default=0.999, ge=0, lt=1)
    evaluate_every: int = Field(default=1000, gt=0)
    checkpoint_minutes: float = Field(default=5, gt=0)
    threads: int = Field(default=0, ge=0)
    bf16: bool = True
    seed: int = 0


class Task(Protocol):
    """What a network learns."""

    @property
    def model(self) -> nn.Module:
        """The network."""
        ...

    metric: str
    """Name of the evaluated figure that decides which weights are best; smaller is better."""

    def batch(self, step: int) -> Any:
        """The batch of a step: the same step always gives the same batch, so that runs resume exactly."""
        ...

    def loss(self, batch: Any) -> torch.Tensor:
        """The loss of the model on a batch, a scalar."""
        ...

    def evaluate(self) -> dict[str, float]:
        """Figures of the model (it is in eval mode and holds the averaged weights) on unseen data."""
        ...


def train(
    task: Task, options: LoopOptions, out: Path, *, resume: bool = False, quiet: bool = False
) -> dict[str, float]:
    """Train until the last step; returns the best evaluation.

    `out` then holds `best.safetensors` (averaged weights), `best.json` (their figures), `log.jsonl` and
    `checkpoint/`. On an error a checkpoint is written before it is raised on.

    Raises:
        KeyboardInterrupt: Ctrl-C or SIGTERM came; the step and its evaluation were finished and a checkpoint written.
            A second signal does not wait.
    """
    keep_freed_memory()
    return _Loop(task, options, out, quiet=quiet).run(resume=resume)


def multiplies_bf16(options: LoopOptions) -> bool:
    """Whether bfloat16 is wanted and this processor multiplies it in hardware."""
    return options.bf16 and processor_has_bf16()


def processor_has_bf16() -> bool:
    """Whether this processor multiplies bfloat16 in hardware; elsewhere it takes ten times as long as float32."""
    # PyTorch has no public question for it; oneDNN's alone also says yes to AVX-512 that only emulates it.
    arm = platform.machine().lower() in ("aarch64", "arm64")
    hardware = torch.ops.mkldnn._is_mkldnn_bf16_supported() if arm else torch.cpu._is_avx512_bf16_supported()
    return bool(hardware)


def learning_rate(options: LoopOptions, step: int) -> float:
    """Warm-up, constant, linear fall: can be cut short or prolonged without having planned it."""
    rise = min(1.0, (step + 1) / max(1, options.warmup))
    falling = options.steps * options.decay
    fall = min(1.0, (options.steps - step) / max(1.0, falling))
    return options.learning_rate * rise * fall


class _Loop:
    def __init__(self, task: Task, options: LoopOptions, out: Path, *, quiet: bool) -> None:
        if options.threads:
            torch.set_num_threads(options.threads)
        self.task, self.options, self.out = task, options, out
        self.bf16 = multiplies_bf16(options)
        out.mkdir(parents=True, exist_ok=True)
        self.progress = Progress(options.steps, quiet=quiet)
        self.optimiser = torch.optim.AdamW(
            _groups(task.model, options.weight_decay), lr=options.learning_rate, betas=(0.9, 0.98)
        )
        self.average = {name: tensor.clone() for name, tensor in task.model.state_dict().items()}
        self.step = 0
        self.evaluated = 0
        self.whole = True
        self.best: dict[str, float] = {}
        self.skipped = 0
        self.seconds = 0.0

    def run(self, *, resume: bool) -> dict[str, float]:
        if resume:
            self._restore()
        try:
            with _asked_to_stop() as stop:
                self._steps(stop)
        finally:
            self.progress.close()
            # Also on a crash or an interruption nothing learnt is lost; but a step half applied is not kept.
            if self.whole:
                self._save()
        return self.best

    def _steps(self, stop: threading.Event) -> None:
        last_save = time.monotonic()
        losses: list[float] = []
        while True:
            # Before the step, so that a resumed run makes up for an evaluation that failed.
            if self._is_due():
                self._evaluate()
            if stop.is_set():
                raise KeyboardInterrupt
            if self.step >= self.options.steps:
                return
            if time.monotonic() - last_save > 60 * self.options.checkpoint_minutes:
                self._save()
                last_save = time.monotonic()
            started = time.monotonic()
            losses.append(self._one_step())
            self.seconds += time.monotonic() - started
            self.progress.update(self.step, losses)
            if self.step % 50 == 0:
                self._log({"loss": round(sum(losses) / len(losses), 4)})
                losses.clear()

    def _is_due(self) -> bool:
        last = self.step >= self.options.steps
        return self.step != self.evaluated and (last or self.step % self.options.evaluate_every == 0)

    def _one_step(self) -> float:
        self.task.model.train()
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.options, self.step)
        torch.manual_seed(self.options.seed * 1_000_003 + self.step)
        batch = self.task.batch(self.step)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.bf16):
            loss = self.task.loss(batch)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self.task.model.parameters(), self.options.clip)
        self.whole = False
        if math.isfinite(float(norm)):
            self.optimiser.step()
        else:  # One bad batch in bf16 must not poison the weights.
            self.skipped += 1
        self.step += 1
        self._update_average()
        self.whole = True
        return float(loss.detach())

    @torch.no_grad()
    def _update_average(self) -> None:
        # Early on the average would remember the random start for too long: it follows faster then.
        keep = min(self.options.average, (1 + self.step) / (10 + self.step))
        for name, tensor in self.task.model.state_dict().items():
            if tensor.is_floating_point():
                self.average[name].lerp_(tensor, 1 - keep)
            else:
                self.average[name].copy_(tensor)

    def _evaluate(self) -> None:
        with self._averaged_weights():
            figures = self.task.evaluate()
        self._log(figures)
        self.progress.say(self.step, figures)
        metric = self.task.metric
        if not self.best or figures[metric] < self.best[metric]:
            self.best = {**figures, "step": self.step}
            save_tensors(self.average, self.out / "best.safetensors.new")
            (self.out / "best.safetensors.new").replace(self.out / "best.safetensors")
            (self.out / "best.json").write_text(json.dumps(self.best, indent=1), encoding="utf-8")
        self.evaluated = self.step

    @contextmanager
    def _averaged_weights(self) -> Iterator[None]:
        model = self.task.model
        current = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        model.load_state_dict(self.average)
        model.eval()
        try:
            with (
                torch.inference_mode(),
                torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.bf16),
            ):
                yield
        finally:
            model.load_state_dict(current)

    def _log(self, figures: dict[str, float]) -> None:
        row = {
            "step": self.step,
            "seconds": round(self.seconds, 1),
            "learning_rate": round(learning_rate(self.options, self.step), 8),
            "skipped": self.skipped,
            **figures,
        }
        with (self.out / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(row) + "\n")

    def _save(self) -> None:
        state = {
            "step": self.step,
            "evaluated": self.evaluated,
            "best": self.best,
            "skipped": self.skipped,
            "seconds": self.seconds,
        }
        save_checkpoint(self.out / "checkpoint", self.task.model, self.average, self.optimiser, state)

    def _restore(self) -> None:
        average, state = load_checkpoint(self.out / "checkpoint", self.task.model, self.optimiser)
        self.average = average
        self.step, self.best = state["step"], state["best"]
        self.evaluated = state.get("evaluated", 0)  # earlier checkpoints do not say
        self.skipped, self.seconds = state["skipped"], state["seconds"]


def _groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    matrices = [p for p in model.parameters() if p.requires_grad and p.ndim > 1]
    vectors = [p for p in model.parameters() if p.requires_grad and p.ndim <= 1]
    return [{"params": matrices, "weight_decay": weight_decay}, {"params": vectors, "weight_decay": 0.0}]


@contextmanager
def _asked_to_stop() -> Iterator[threading.Event]:
    """An event that Ctrl-C or SIGTERM (a cluster's time limit) sets; a second signal acts as if this were not here.

    Signals that are ignored stay so. Outside the main thread, where Python allows no handlers, nothing sets it.
    """
    stop = threading.Event()
    signals = (signal.SIGINT, signal.SIGTERM) if threading.current_thread() is threading.main_thread() else ()
    previous = {number: signal.getsignal(number) for number in signals}
    ours = {number: handler for number, handler in previous.items() if handler not in (None, signal.SIG_IGN)}

    def restore() -> None:
        for number, handler in ours.items():
            signal.signal(number, handler)

    def ask(_signal: int, _frame: FrameType | None) -> None:
        stop.set()
        restore()

    for number in ours:
        signal.signal(number, ask)
    try:
        yield stop
    finally:
        restore()
