"""One stage: the checkpoint as it is, what it learns, and what that brought."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import Any

from transformers import set_seed
from transformers.utils import logging as transformers_logging

from manuscribe.datasets.labelled import LabelledLine
from manuscribe.errors import ModelError, UsageError
from manuscribe.evaluation.lines import Figures, figures_of
from manuscribe.training.crew import Crew
from manuscribe.training.curves import draw_curves
from manuscribe.training.dividing import Divided
from manuscribe.training.finetune.adapters import merged, with_adapter
from manuscribe.training.finetune.plan import plan_of
from manuscribe.training.finetune.pupil import Pupil, Taught
from manuscribe.training.finetune.report import Result, save_result
from manuscribe.training.finetune.stage import Stage
from manuscribe.training.finetune.trainer import LineTrainer, arguments_of, read_lines_with
from manuscribe.training.finetune.watch import Watch
from manuscribe.training.progress import Progress

DONE = "result.json"
MODEL = "model"
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
        if not self.stage.merge and self.pupil.folder != self.pupil.base:
            raise UsageError(
                f"{self.base} is an adapter itself: another on it must be merged.", "Leave out merge: false."
            )
        say = self._begin()
        taught = self.pupil.taught(self.lines.train, self.stage.policy, self.seed)
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
            self.pupil.publish(merged(model), self.folder / MODEL)
        else:
            model.save_pretrained(self.folder / MODEL)
            self.pupil.write_manner(self.folder / MODEL)
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
        taught = self.pupil.taught(self.lines.train, None, self.seed)
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
        self.pupil.prepare(self.lines.train)
        return Progress(0, quiet=self.quiet)

    def _adapted(self, taught: Taught) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # PEFT asks transformers for a name of old
            pupil = self.pupil
            # PEFT looks for settings at the base, and finds none where that was an adapter, merged by now.
            base = self.base if pupil.folder == pupil.base else str(pupil.base)
            model = with_adapter(pupil, self.stage, base)
        pupil.look_once(model, taught, self.folder / f"{_STATES}.bin", self.crew)
        pupil.check_loss(model, pupil.collator()([taught[0], taught[len(taught) - 1]]))
        return model

    def _train(
        self, model: Any, taught: Taught, stage: Stage, *, checkpoint: str | None = None, keep: bool = True
    ) -> int:
        watch = Watch(self.folder, stage.checkpoint_minutes, quiet=self.quiet)
        arguments = arguments_of(stage, self.folder, self.seed, keep=keep, uneven=self.pupil.uneven)
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


def _last_checkpoint(folder: Path) -> str | None:
    """The latest whole checkpoint: the trainer writes its state last."""
    whole = [path.parent for path in folder.glob("checkpoint-*/trainer_state.json")]
    return str(max(whole, key=lambda path: int(path.name.split("-")[1]))) if whole else None
