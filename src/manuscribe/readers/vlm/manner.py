"""How a checkpoint or an adapter was taught to be asked, where that differs from its family: a file in its folder."""

import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from manuscribe.errors import ModelError

MANNER = "manuscribe.vlm.json"
_LARGEST = 1 << 20  # bytes


class Manner(BaseModel):
    """What a model was taught with.

    Attributes:
        prompt: For all levels; `None` is the family's own.
        size: At which images were seen; `None` is the family's usual one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    prompt: str | None = Field(default=None, min_length=1, max_length=10_000)
    size: str | None = Field(default=None, min_length=1, max_length=20)


def manner_of(*folders: Path) -> Manner:
    """The manner of the last of the folders, a checkpoint's and its adapter's, that has one.

    Raises:
        ModelError: The file is damaged.
    """
    found = Manner()
    for folder in folders:
        path = folder / MANNER
        if not path.is_file():
            continue
        try:
            if path.stat().st_size > _LARGEST:
                raise ValueError("it is too large")
            found = Manner(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError, ValidationError) as error:
            reason = str(error).partition("\n")[0]
            raise ModelError(f"{path} cannot be read: {reason}.", "Fetch the model again.") from error
    return found


def write_manner(folder: Path, manner: Manner) -> None:
    """Write the file, if there is anything to say."""
    if manner != Manner():
        (folder / MANNER).write_text(manner.model_dump_json(indent=1, exclude_none=True) + "\n", encoding="utf-8")
