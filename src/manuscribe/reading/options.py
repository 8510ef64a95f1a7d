"""Options of a reading job, the same from the command line, from Python and elsewhere."""

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from manuscribe.readers.options import Level, ReaderOptions
from manuscribe.text.dates import Convention


class ReadingOptions(ReaderOptions):
    """How pages are read.

    Attributes:
        reader: Name of a reader, path of the `.onnx` file of a trained one, a TrOCR checkpoint (folder or hub name), or
            a vision-language model as `vlm:NAME` or `vlm:NAME+ADAPTER`.
        level: What an image holds: a whole `page` or a `paragraph`, or a single `line` or `word`, which is then not
            searched for lines.
        line_by_line: Show a vision-language model each line of a page alone, as others see them, and not the whole.
        lookalikes: Put right Latin and Cyrillic letters that were taken for each other (`text.lookalikes`).
        dates: Find the dates in what was read (`text.dates`). `iso` and `roman` also give the text with its dates in
            that convention, beside the reading; `keep` only tells them. `None` looks for none.
        dates_near: A year near which the documents were written, which supplies the century of years with two digits;
            only with `dates`.
    """

    reader: str = Field(default="compact", min_length=1)
    level: Level = "page"
    line_by_line: bool = False
    lookalikes: bool = True
    dates: Convention | None = None
    dates_near: int | None = Field(default=None, ge=1000, le=2099)

    @field_validator("dates_near")
    @classmethod
    def _only_with_dates(cls, near: int | None, options: ValidationInfo) -> int | None:
        if near is not None and options.data.get("dates") is None:
            raise PydanticCustomError("without_dates", "It is for dates: choose how they are written with 'dates'")
        return near

    def for_reader(self) -> ReaderOptions:
        """The part that concerns the reader."""
        return ReaderOptions(**{name: getattr(self, name) for name in ReaderOptions.model_fields})


class ReviewOptions(BaseModel):
    """What is to be promised of the lines that nobody checks.

    Attributes:
        review_at: Error rate that they are expected to have at most, all together.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    review_at: float = Field(gt=0, lt=1, allow_inf_nan=False)
