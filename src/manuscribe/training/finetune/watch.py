"""Tells how a stage goes, and asks for a checkpoint every few minutes."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from manuscribe.evaluation.lines import Pair
from manuscribe.training.progress import Progress

_TIMED = 20  # steps after which it is told how long it will take


class Watch(TrainerCallback):
    """Tells how it goes: progress, a log in JSON lines, how long it will take; and saves every few minutes."""

    def __init__(self, folder: Path, minutes: float, *, quiet: bool) -> None:
        self._log, self._minutes, self._quiet = folder / "log.jsonl", minutes, quiet
        self._saved = self._started = self._ended = time.monotonic()
        self._waited = 0.0
        self._first = 0
        self._progress: Progress | None = None
        self._losses: list[float] = []

    def show(self, pairs: Sequence[Pair]) -> None:
        """Show some readings under what is written there."""
        if self._progress:
            for text, read in pairs:
                self._progress.tell(f"  written {text}\n  read    {read}")

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Start the clock."""
        self._progress = Progress(state.max_steps, quiet=self._quiet)
        self._saved = self._started = self._ended = time.monotonic()
        self._first, self._waited = state.global_step, 0.0

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Note how long the step's lines were waited for."""
        self._waited += time.monotonic() - self._ended

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Move the bar; ask for a checkpoint when one is due."""
        if self._progress:
            self._progress.update(state.global_step, self._losses)
        done = state.global_step - self._first
        if done == _TIMED and self._progress:
            taken = time.monotonic() - self._started
            lines = done * args.train_batch_size * args.gradient_accumulation_steps * args.world_size / taken
            left = (state.max_steps - state.global_step) * taken / done
            self._progress.tell(
                f"{lines:.1f} lines a second, {100 * self._waited / taken:.0f} % of the time spent on opening and "
                f"varying them; {left / 60:.0f} minutes left at most, and reading"
            )
        self._ended = time.monotonic()
        # Several processes have clocks of their own, and must all save or none: they do at the ends of epochs.
        if args.world_size == 1 and time.monotonic() - self._saved > 60 * self._minutes:
            control.should_save = True

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Start the checkpoints' clock anew."""
        self._saved = time.monotonic()

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> None:
        """Append a row to the log."""
        logs: dict[str, float] = kwargs.get("logs") or {}
        if logs.get("eval_cer") == 0:  # nothing is left to be learnt from these lines; all processes see that
            control.should_training_stop = True
        if not logs or not state.is_world_process_zero:
            return
        with self._log.open("a", encoding="utf-8") as log:
            log.write(json.dumps({"step": state.global_step, **logs}) + "\n")
        if "loss" in logs:
            self._losses = [logs["loss"]]
        if self._progress and "eval_cer" in logs:
            self._progress.say(state.global_step, {name: logs[f"eval_{name}"] for name in ("cer", "wer", "exact")})

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._progress:
            self._progress.close()
