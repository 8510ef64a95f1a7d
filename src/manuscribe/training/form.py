"""What all recipes have in common: strict sections, and a head that the model's card is written from."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from manuscribe.models.card import Credit
from manuscribe.training.loop import LoopOptions


class Section(BaseModel):
    """A part of a recipe; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RecipeForm(Section):
    """The keys that every recipe has.

    Attributes:
        name: What the model will be called; its file's name.
        licence: Of the weights.
        credits: The data that it learns from.
    """

    kind: str
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    licence: str
    description: str
    credits: tuple[Credit, ...]

    def for_card(self, parameters: int, figures: Mapping[str, float], charset: str = "") -> dict[str, Any]:
        """What the recipe and its training say for the model's card."""
        return {
            "name": self.name,
            "kind": self.kind,
            "licence": self.licence,
            "description": self.description,
            "parameters": parameters,
            "credits": self.credits,
            "metrics": figures,
            "recipe": self.model_dump(mode="json", exclude={"credits", "description"}),
            "charset": charset,
        }


class NetworkForm(RecipeForm):
    """A recipe of a network, which the loop trains."""

    loop: LoopOptions
