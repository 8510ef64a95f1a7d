"""transformers' trainer, with what it lacks: evaluation by our reader, batches by length, a stop at the first NaN."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch
from transformers import EarlyStoppingCallback, PrinterCallback, Seq2SeqTrainer, Seq2SeqTrainingArguments

from manuscribe.datasets.labelled import LabelledLine
from manuscribe.errors import ModelError
from manuscribe.evaluation.lines import Pair, figures_of, read_with
from manuscribe.extras import missing
from manuscribe.training.crew import Crew
from manuscribe.training.finetune.order import ByLength
from manuscribe.training.finetune.pupil import Pupil, Taught
from manuscribe.training.finetune.stage import Stage
from manuscribe.training.finetune.watch import Watch
from manuscribe.training.loop import processor_has_bf16

_SELDOM = 20  # steps between two readings of lines that are learnt by heart
_SHOWN = 3  # readings that are shown after each epoch


def read_lines_with(pupil: Pupil, model: Any, lines: Sequence[LabelledLine], beams: int, crew: Crew) -> list[Pair]:
    """What is written in lines, and what the model as it stands reads."""
    reader = pupil.reader(model, beams)
    return crew.share(lines, partial(read_with, reader))


class LineTrainer(Seq2SeqTrainer):
    """Teaches a pupil some lines."""

    def __init__(
        self,
        pupil: Pupil,
        model: Any,
        stage: Stage,
        lines: Taught,
        validation: Sequence[LabelledLine],
        arguments: Seq2SeqTrainingArguments,
        watch: Watch,
        crew: Crew,
    ) -> None:
        self._pupil, self._stage, self._watch, self._crew = pupil, stage, watch, crew
        self._lines, self._validation = lines, validation
        super().__init__(
            model=model,
            args=arguments,
            train_dataset=lines,
            eval_dataset=list(validation),  # type: ignore[arg-type]  # read by `evaluate`
            data_collator=pupil.collator(),
            callbacks=[watch, EarlyStoppingCallback(stage.patience)],
        )
        # Told otherwise, the trainer would not divide by the accumulated batches: transformers 5.23 takes for granted
        # that a model does so whose loss takes further arguments; this one does not. Said here and not to the model,
        # where it is not found any more once there is an adapter.
        self.model_accepts_loss_kwargs = False
        self.remove_callback(PrinterCallback)  # standard output is for results

    def _get_train_sampler(self, train_dataset: Any = None) -> ByLength:  # noqa: ARG002
        args = self.args
        together = args.train_batch_size * args.world_size * args.gradient_accumulation_steps
        return ByLength(self._lines, together, args.seed)

    def training_step(self, *arguments: Any, **named: Any) -> torch.Tensor:
        """One batch forward and backward.

        Raises:
            ModelError: The loss is no number any more.
        """
        loss = super().training_step(*arguments, **named)
        if not math.isfinite(float(loss)):
            raise ModelError(
                f"The loss became {float(loss)} in step {self.state.global_step} of the stage '{self._stage.name}'.",
                f"The last good checkpoint is kept. Take a learning rate below {self._stage.learning_rate:g}, more "
                "warmup, or precision fp32.",
            )
        return loss

    def evaluate(
        self,
        eval_dataset: Any = None,  # noqa: ARG002
        ignore_keys: Any = None,  # noqa: ARG002
        metric_key_prefix: str = "eval",
        **_: Any,
    ) -> dict[str, float]:
        """Read the validation lines as a user's reader would, on the processor also where a GPU trains."""
        model = self.accelerator.unwrap_model(self.model)
        was_training = model.training
        model.eval()
        pairs = read_lines_with(self._pupil, model, self._validation, self._stage.beams, self._crew)
        model.train(was_training)
        figures = {f"{metric_key_prefix}_{name}": value for name, value in asdict(figures_of(pairs)).items()}
        self._watch.show(pairs[:_SHOWN])
        self.log(figures)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, figures)
        return figures


def arguments_of(
    stage: Stage, folder: Path, seed: int, *, keep: bool = True, uneven: bool = False
) -> Seq2SeqTrainingArguments:
    """The stage in the trainer's words.

    Args:
        keep: Whether checkpoints are kept, the best of which counts in the end.
        uneven: Whether some weights take no part in some steps, which several processes must be told.
    """
    half = _half(stage.precision)
    arguments = Seq2SeqTrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=stage.batch,
        gradient_accumulation_steps=stage.accumulation,
        learning_rate=stage.learning_rate,
        lr_scheduler_type=stage.schedule,
        warmup_steps=stage.warmup,  # below 1 it is a share
        weight_decay=stage.weight_decay,
        max_grad_norm=stage.clip,
        optim="adamw_torch" if stage.optimiser == "adamw" else "adafactor",
        num_train_epochs=stage.epochs,
        eval_strategy="epoch" if keep else "steps",
        eval_steps=_SELDOM,
        save_strategy="epoch" if keep else "no",
        save_total_limit=2,
        load_best_model_at_end=keep,
        metric_for_best_model="cer",
        greater_is_better=False,
        logging_steps=10,
        logging_nan_inf_filter=False,
        report_to=[] if missing("tensorboard") else ["tensorboard"],
        bf16=half == "bf16",
        fp16=half == "fp16",
        use_cpu=not torch.cuda.is_available(),
        seed=seed,
        data_seed=seed,
        remove_unused_columns=False,
        label_names=["labels"],
        dataloader_num_workers=0,
        dataloader_pin_memory=torch.cuda.is_available(),
        disable_tqdm=True,
        restore_callback_states_from_checkpoint=True,
        ddp_find_unused_parameters=uneven,
    )
    # One process takes one GPU; for more there is torchrun, under which a batch is what the recipe says.
    arguments._n_gpu = min(1, arguments.n_gpu)
    return arguments


def _half(precision: str) -> str:
    if precision != "auto":
        return precision
    has_bf16 = torch.cuda.is_bf16_supported() if torch.cuda.is_available() else processor_has_bf16()
    return "bf16" if has_bf16 else "fp32"
