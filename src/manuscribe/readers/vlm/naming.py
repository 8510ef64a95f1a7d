"""Names of vision-language models: `vlm:NAME`, perhaps with `+ADAPTER`."""

from dataclasses import dataclass
from pathlib import Path

from manuscribe.errors import UsageError

PREFIX = "vlm:"


@dataclass(frozen=True, slots=True)
class Named:
    """A model, by its folder or its name on the hub or at an endpoint, and the adapter that changes it."""

    model: str
    adapter: str | None = None


def named(name: str, *, served: bool = False) -> Named:
    """What `vlm:MODEL` or `vlm:MODEL+ADAPTER` names; a folder's name may have a `+` itself.

    Args:
        name: With its prefix.
        served: It is the name of a model at an endpoint, which has no adapters of ours.

    Raises:
        UsageError: One of them is missing.
    """
    whole = name.removeprefix(PREFIX)
    model, plus, adapter = whole.rpartition("+")
    if served or not plus or Path(whole).is_dir():
        model, adapter = whole, ""
    if not model or (plus and not served and not adapter and not Path(whole).is_dir()):
        raise UsageError(f"'{name}' names no model.", "For example: vlm:deepseek-ai/DeepSeek-OCR, vlm:FOLDER+ADAPTER.")
    return Named(model, adapter or None)
