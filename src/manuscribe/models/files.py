"""Models of our own: a graph (ONNX) or tables (safetensors) with a card (JSON) beside; which lie in the package."""

import json
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from manuscribe.errors import ModelError
from manuscribe.models.card import Card

WEIGHTS = Path(__file__).parent / "weights"


@dataclass(frozen=True)
class ModelFile:
    """A model and what is known of it.

    Attributes:
        path: The model's file; the card lies beside it, with the suffix `.json`.
    """

    path: Path

    @property
    def name(self) -> str:
        """The name under which the model is asked for."""
        return self.path.stem

    @cached_property
    def card(self) -> dict[str, Any]:
        """What the trainer wrote: version, kind, charset, data with licences, metrics, versions of the libraries."""
        try:
            card: dict[str, Any] = json.loads(self.path.with_suffix(".json").read_text(encoding="utf-8"))
            complete = {field.name for field in fields(Card)} <= card.keys()
        except (OSError, ValueError, AttributeError):
            complete = False
        if not complete:
            raise ModelError(
                f"The card of the model {self.path} is missing or damaged.",
                "Keep it beside the model; for an embedded one, install manuscribe again.",
            )
        return card

    @property
    def version(self) -> str:
        """The version of the weights."""
        return str(self.card["version"])

    @property
    def charset(self) -> str:
        """The characters that a reader knows, in the order of its classes; class 0, the blank, is not among them."""
        return str(self.card["charset"])


def embedded(name: str) -> ModelFile:
    """The embedded model of that name.

    Raises:
        ModelError: There is none.
    """
    models = embedded_models()
    for model in models:
        if model.name == name:
            return model
    names = ", ".join(model.name for model in models)
    raise ModelError(f"No embedded model named '{name}'.", f"There are: {names or 'none; install manuscribe again'}.")


def embedded_models() -> list[ModelFile]:
    """All models in the package, by name."""
    return [ModelFile(path) for path in sorted(WEIGHTS.iterdir()) if path.suffix in (".onnx", ".safetensors")]
