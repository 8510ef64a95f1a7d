"""How a reader reads; the same for every reader."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class ReaderOptions(BaseModel):
    """Options of a reader.

    Attributes:
        language: Restrict the reading to the charset of this language (BCP 47 code); `None` allows all.
        beams: Width of the beam search, in which the character model takes part; 1 reads greedily and without it.
        nbest: Readings to give for each line, the first included; needs as many beams.
        device: Where the network runs.
        threads: CPU threads; 0 takes every core this process may use.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    language: str | None = None
    beams: int = Field(default=8, ge=1, le=100)
    nbest: int = Field(default=1, ge=1, le=100)
    device: Literal["cpu"] = "cpu"
    threads: int = Field(default=0, ge=0, le=1024)

    @property
    def width(self) -> int:
        """Beams that are kept: some more than the readings asked for, since a few may turn out to be the same text."""
        return max(self.beams, self.nbest + 4 if self.nbest > 1 else 1)
