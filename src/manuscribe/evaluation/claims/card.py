"""What a card claims: a figure, of a reader, on data, measured in a certain way."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from manuscribe.evaluation.candidates import MeasuredOptions
from manuscribe.evaluation.claims.forms import Form, Normalisation, Overlooked
from manuscribe.options import validated

Metric = Literal["cer", "wer", "mean_cer", "mean_wer", "median_cer", "exact"]
Setting = Literal["beams", "engine", "fit", "language", "lookalikes", "precision"]

METRICS: Mapping[Metric, str] = {
    "cer": "CER",
    "wer": "WER",
    "mean_cer": "mean of the lines' CER",
    "mean_wer": "mean of the lines' WER",
    "median_cer": "median of the lines' CER",
    "exact": "lines without any error",
}
"""What the metrics are called in tables."""

_OTHER_NAMES = {"exact_match": "exact", "perfect_match": "exact", "perfect_match_rate": "exact"}


def metric_named(name: Any) -> Any:
    """The metric that cards call so, `Mean CER` or `perfect match`; what is no name of one stays as it is."""
    if not isinstance(name, str):
        return name
    plain = re.sub(r"[\s_-]+", "_", name.strip().lower())
    plain = _OTHER_NAMES.get(plain, plain)
    return plain if plain in METRICS else name


_PERCENT = re.compile(r"(\d+(?:[.,]\d+)?) ?%")


def _share(value: Any) -> Any:
    """0.152, or what is written with a percent sign. A number above one would be percent without the sign."""
    if isinstance(value, str):
        if percent := _PERCENT.fullmatch(value.strip()):
            return float(percent[1].replace(",", ".")) / 100
        raise PydanticCustomError("share", "'{value}' is no share; write 0.152 or 15.2 %", {"value": value[:40]})
    if isinstance(value, int | float) and value > 1:
        raise PydanticCustomError(
            "share", "{value} is above 1, which is all of it; if it is percent, write {value} %", {"value": value}
        )
    return value


Share = Annotated[float, BeforeValidator(_share), Field(ge=0, allow_inf_nan=False, strict=True)]


class Claim(BaseModel):
    """One figure that a card claims.

    Attributes:
        reader: As `readers.protocol.load_reader` takes it; empty if the card leaves it out.
        revision: Branch, tag or commit of a checkpoint on the hub.
        data: A manifest of lines, whose name may have `*`, or a folder of pages; empty if the card leaves it out.
        split: Only the lines of this split.
        lines: How many lines the figure is of. If as many are found, they are taken for the same ones.
        metric: `cer` and `wer` are over all characters and words, means and median are of lines; `exact` is the share
            of lines without any error. Other names that `metric_named` knows are taken for these.
        value: A share: 0.152, or `15.2 %`.
        tolerance: By how much the measured value may differ; a share too, so 0.01 is one percentage point.
        decoding: Options of `manuscribe evaluate`; the reader chooses those that are left out.
        normalisation: The form in which texts are compared (`forms.Form`).
        overlooked: What the comparison overlooks.
        libraries: Versions that it was measured with.
        source: Where it is claimed: an address, a quotation.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    reader: str = ""
    revision: str | None = None
    data: str = ""
    split: Literal["train", "validation", "test"] | None = None
    lines: int | None = Field(default=None, ge=1)
    metric: Annotated[Metric, BeforeValidator(metric_named)]
    value: Share
    tolerance: Annotated[Share, Field(le=0.1)] = 0.01
    decoding: dict[Setting, bool | int | str] = Field(default_factory=dict)
    normalisation: Normalisation = "default"
    overlooked: tuple[Overlooked, ...] = ()
    libraries: dict[str, str] = Field(default_factory=dict)
    source: str = ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.metric == "exact" and self.value > 1:
            raise PydanticCustomError("share", "more than all lines cannot be without error")
        return self

    @property
    def form(self) -> Form:
        """How texts are compared."""
        return Form(self.normalisation, frozenset(self.overlooked))

    def options(self, threads: int = 0) -> MeasuredOptions:
        """How the reader reads.

        Raises:
            UsageError: A setting makes no sense.
        """
        return validated(MeasuredOptions, **self.decoding, revision=self.revision, threads=threads)
