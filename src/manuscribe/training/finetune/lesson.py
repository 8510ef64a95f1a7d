"""One stage: the checkpoint as it is, what it learns, and what that brought."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import Any

import torch
from transformers import set_seed
from transformers.utils import logging as transformers_logging

from manuscribe.datasets.labelled import LabelledLine
from manuscribe.errors import ModelError, UsageError
from manuscribe.evaluation.lines import Figures, figures_of
from manuscribe.training.crew import Crew
from manuscribe.training.curves import draw_curves
from manuscribe.training.dividing import Divided
from manuscribe.training.finetune.adapters import merged, with_adapter
from manuscribe.training.finetune.batches import Collator, TaughtLines
from manuscribe.training.finetune.model import Pupil, check_loss, publish, reader_of
from manuscribe.training.finetune.plan import plan_of
from manuscribe.training.finetune.report import Result, save_result
from manuscribe.training.finetune.stage import Stage
from manuscribe.training.finetune.states import States, encode, with_states
from manuscribe.training.finetune.trainer import LineTrainer, arguments_of, read_lines_with
from manuscribe.training.finetune.watch import Watch
from manuscribe.training.progress import Progress

DONE = "result.json"
MODEL = "model"
_PROBED = 4  # lines that are read to learn what the checkpoint's texts begin with
_STATES = "states"
_BY_HEART = 200  # epochs in which a few lines must be learnt


@dataclass
class Lesson:
    """A stage and all that it needs.

    Attributes:
        base: What the pupil was loaded from.
        goal: The last stage's validation lines.
        folder: For checkpoints, log, curves, the model and the result.
        crew: The processes that teach it; the first one alone writes and speaks.
    """

    pupil: Pupil
    base: str
    stage: Stage
    lines: Divided
    goal: Sequence[LabelledLine]
    folder: Path
    seed: int
    quiet: bool
    crew: Crew

    def run(self, *, resume: bool) -> None:
        """Teach, then write the model and the result; checkpoints are removed.

        Raises:
            ModelError: The training diverged; the last good checkpoint is kept.
            InputError: A text cannot be written by the model.
            UsageError: An adapter would have to stay on another one.
        """
        stored = self.pupil.stored
        if not self.stage.merge and stored.folder != stored.base:
            raise UsageError(
                f"{self.base} is an adapter itself: another on it must be merged.", "Leave out merge: false."
            )
        say = self._begin()
        taught = TaughtLines(self.lines.train, self.pupil, self.stage.policy, self.seed)
        before, goal_before = self._figures(self.pupil.model)
        say.tell(f"stage {self.stage.name}: CER {before.cer:.4f} before")
        model = self._adapted(taught)
        say.tell(plan_of(model, self.stage, len(taught), len(self.lines.validation), self.crew.size))
        checkpoint = _last_checkpoint(self.folder) if resume else None
        steps = self._train(model, taught, self.stage, checkpoint=checkpoint)
        after, goal_after = self._figures(model)
        say.tell(f"stage {self.stage.name}: CER {after.cer:.4f} after")
        if self.crew.is_first:
            self._finish(model, Result(self.stage.name, before, after, goal_before, goal_after, steps))
        self.crew.wait()

    def _finish(self, model: Any, result: Result) -> None:
        draw_curves(self.folder / "log.jsonl", self.folder / "curves.png")
        if self.stage.merge:
            publish(self.pupil, merged(model), self.folder / MODEL)
        else:
            model.save_pretrained(self.folder / MODEL)
        save_result(result, self.folder / DONE)
        for kept in self.folder.glob("checkpoint-*"):
            rmtree(kept)
        for kept in self.folder.glob(f"{_STATES}.*"):
            kept.unlink()

    def learn_by_heart(self) -> int:
        """Check that the lines to learn from, measured on themselves, can be learnt at all; returns the steps it took.

        Raises:
            ModelError: They cannot: something is wrong with data or recipe.
        """
        say = self._begin()
        taught = TaughtLines(self.lines.train, self.pupil, None, self.seed)
        calm = {"dropout": 0.0, "warmup": 0.0, "schedule": "constant", "epochs": _BY_HEART, "patience": _BY_HEART}
        fast = {"learning_rate": max(self.stage.learning_rate, 1e-3), "beams": 1}
        stage = self.stage.model_copy(update=calm | fast)
        self.stage = stage
        model = self._adapted(taught)
        say.tell(plan_of(model, stage, len(taught), len(self.lines.validation), self.crew.size))
        steps = self._train(model, taught, stage, keep=False)
        cer = self._figures(model)[0].cer
        if cer > 0:
            raise ModelError(
                f"{len(taught)} lines could not be learnt by heart: CER {cer:.4f} after {steps} steps.",
                "Look at them (manuscribe data preview), and check targets, rank and learning rate.",
            )
        return steps

    def _begin(self) -> Progress:
        transformers_logging.set_verbosity_error()  # type: ignore[no-untyped-call]
        transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        self.folder.mkdir(parents=True, exist_ok=True)
        set_seed(self.seed)
        self.pupil.begins = _beginning(self.pupil, self.lines.train[:_PROBED])
        return Progress(0, quiet=self.quiet)

    def _adapted(self, taught: TaughtLines) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # PEFT asks transformers for a name of old
            stored = self.pupil.stored
            # PEFT looks for settings at the base, and finds none where that was an adapter, merged by now.
            base = self.base if stored.folder == stored.base else str(stored.base)
            model = with_adapter(self.pupil.model, self.stage, base)
        look_once(model, taught, self.pupil, self.folder / f"{_STATES}.bin", self.crew)
        check_loss(model, Collator(self.pupil)([taught[0], taught[len(taught) - 1]]))
        return model

    def _train(
        self, model: Any, taught: TaughtLines, stage: Stage, *, checkpoint: str | None = None, keep: bool = True
    ) -> int:
        watch = Watch(self.folder, stage.checkpoint_minutes, quiet=self.quiet)
        arguments = arguments_of(stage, self.folder, self.seed, keep=keep)
        trainer = LineTrainer(self.pupil, model, stage, taught, self.lines.validation, arguments, watch, self.crew)
        try:
            trainer.train(resume_from_checkpoint=checkpoint)
        finally:
            watch.close()
        return int(trainer.state.global_step)

    def _figures(self, model: Any) -> tuple[Figures, Figures]:
        """On the stage's own validation lines, and on the last stage's."""
        model.eval()
        own = self._read(model, self.lines.validation)
        return own, own if self.goal == self.lines.validation else self._read(model, self.goal)

    def _read(self, model: Any, lines: Sequence[LabelledLine]) -> Figures:
        return figures_of(read_lines_with(self.pupil, model, lines, self.stage.beams, self.crew))


def look_once(model: Any, taught: TaughtLines, pupil: Pupil, path: Path, crew: Crew) -> None:
    """Where no line is varied and the encoder stays as it is, let it look at each line once for all epochs.

    Args:
        path: The file for what it makes of them.
    """
    if taught.is_varied or any(parameter.requires_grad for parameter in model.get_encoder().parameters()):
        return
    if crew.is_first:
        collate = Collator(pupil)
        model.to("cuda" if torch.cuda.is_available() else "cpu")
        encode(model, (collate([taught[number]]) for number in range(len(taught))), len(taught), path)
        model.to("cpu")
    crew.wait()
    if path.with_suffix(".npy").exists():
        taught.states = States(path)
        with_states(model.get_decoder())


def _beginning(pupil: Pupil, lines: Sequence[LabelledLine]) -> tuple[int, ...]:
    """What the checkpoint writes before a text: most begin at once, some were taught `<s>` first."""
    written = reader_of(pupil, pupil.model, 1).tokens([line.rgb() for line in lines])
    mark = pupil.model.config.decoder.bos_token_id
    return (mark,) if mark is not None and all(tokens[:1] == (mark,) for tokens in written) else ()


def _last_checkpoint(folder: Path) -> str | None:
    """The latest whole checkpoint: the trainer writes its state last."""
    whole = [path.parent for path in folder.glob("checkpoint-*/trainer_state.json")]
    return str(max(whole, key=lambda path: int(path.name.split("-")[1]))) if whole else None
