"""Letting an encoder that stays as it is look at each line once, for all epochs."""

from pathlib import Path
from typing import Any

import torch

from manuscribe.training.crew import Crew
from manuscribe.training.finetune.trocr.lines import Collator, TaughtLines
from manuscribe.training.finetune.trocr.model import TrocrPupil
from manuscribe.training.finetune.trocr.states import States, encode, with_states


def look_once(model: Any, taught: TaughtLines, pupil: TrocrPupil, path: Path, crew: Crew) -> None:
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
