"""Names of the graphs' inputs and outputs; see `graphs`."""

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from manuscribe.errors import ModelError
from manuscribe.readers.trocr.configuration import Configuration
from manuscribe.readers.trocr.images import Images


@dataclass(frozen=True, slots=True)
class Ports:
    """What the graphs' inputs and outputs are called, in their order."""

    image: list[str]
    seen: list[str]
    past: list[str]
    now: list[str]

    @classmethod
    def of(cls, configuration: Configuration) -> "Ports":
        """Those of a configuration's graphs."""
        numbers = range(2 * configuration.decoder.layers)
        wide = is_wide(configuration)
        return cls(
            image=["pixels", "columns"] if wide else ["pixels"],
            seen=[*(f"image.{n}" for n in numbers), *(["hidden"] if wide else [])],
            past=[f"past.{n}" for n in numbers],
            now=[f"now.{n}" for n in numbers],
        )

    def feed(self, images: Images) -> dict[str, NDArray[Any]]:
        """The inputs of the image's graph."""
        given = (images.pixels, images.columns)
        return {name: array for name, array in zip(self.image, given, strict=False) if array is not None}


def is_wide(configuration: Configuration) -> bool:
    """Whether the graphs take lines of any width."""
    return configuration.preprocessing.fit == "wide"


def no_states() -> ModelError:
    """What a bundle of an earlier version lacks."""
    return ModelError("The bundle gives no embeddings: an earlier version made it.", "Export the checkpoint again.")
