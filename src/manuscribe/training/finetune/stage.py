"""What a recipe says of a stage: on which lines, with what adapter, how long."""

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from manuscribe.datasets.augmentation.policy import PRESETS, Policy, preset
from manuscribe.training.dividing import LinesSection
from manuscribe.training.form import Section

Kind = Literal["none", "lora", "dora", "qlora"]
Part = Literal["encoder", "decoder"]


class Stage(Section):
    """One stage of a recipe.

    Attributes:
        adapter: `lora` (arXiv 2106.09685), `dora` (2402.09353), `qlora` (2305.14314: LoRA on layers of four bits), or
            `none`: all weights that are not frozen.
        rank: Of the adapter's matrices.
        alpha: The adapter's change is multiplied with alpha / rank.
        targets: Which modules the adapter changes: `attn`, `ffn`, `attn_ffn`, `all` (also the bridge between encoder
            and decoder), or a regular expression that fits whole names of modules.
        parts: Whether it changes encoder, decoder or both.
        freeze: Parts that stay as they are where there is no adapter.
        freeze_layers: The encoder's first layers (and what is before them) that stay as they are.
        augment: Name of a policy by which each line is varied each time; none if left out.
        learning_rate: Peak.
        warmup: Share of the steps in which the rate rises.
        batch: Lines in a step of one process, before accumulation.
        accumulation: Batches whose gradients make one step.
        precision: `auto` is bf16 where the hardware has it.
        patience: Epochs without a better CER after which the stage ends.
        beams: Width of the search when the validation lines are read.
        merge: Whether the adapter becomes part of the weights in the end; only the last stage may leave it apart.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    data: LinesSection
    adapter: Kind = "lora"
    rank: int = Field(default=32, gt=0)
    alpha: float = Field(default=64, gt=0)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    targets: str = "attn_ffn"
    parts: tuple[Part, ...] = ("encoder", "decoder")
    freeze: tuple[Part, ...] = ()
    freeze_layers: int = Field(default=0, ge=0)
    augment: str | None = None
    optimiser: Literal["adamw", "adafactor"] = "adamw"
    learning_rate: float = Field(default=2e-4, gt=0)
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    warmup: float = Field(default=0.1, ge=0, lt=1)
    weight_decay: float = Field(default=0.01, ge=0)
    clip: float = Field(default=1.0, gt=0)
    batch: int = Field(default=4, gt=0)
    accumulation: int = Field(default=1, gt=0)
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    epochs: int = Field(default=10, gt=0)
    patience: int = Field(default=6, gt=0)
    beams: int = Field(default=1, ge=1, le=100)
    checkpoint_minutes: float = Field(default=10, gt=0)
    merge: bool = True

    @field_validator("augment")
    @classmethod
    def _known(cls, value: str | None) -> str | None:
        if value is not None and value not in PRESETS:
            raise ValueError(f"there is no policy '{value}'; there are {', '.join(PRESETS)}")
        return value

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.parts:
            raise ValueError("parts must name encoder or decoder")
        if self.adapter == "none" and {"encoder", "decoder"} <= set(self.freeze):
            raise ValueError("encoder and decoder are both frozen: nothing would be learnt")
        if self.adapter != "none" and (self.freeze or self.freeze_layers):
            raise ValueError("an adapter leaves the weights alone; say with parts and targets where it is")
        return self

    @property
    def policy(self) -> Policy | None:
        """How lines are varied."""
        return None if self.augment is None else preset(self.augment)
