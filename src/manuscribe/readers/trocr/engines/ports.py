"""Names of the graphs' inputs and outputs; see `graphs`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from manuscribe.errors import ModelError
from manuscribe.readers.trocr.configuration import Configuration
from manuscribe.readers.trocr.images import Images

ALONE = "alone"
"""In the metadata of a graph that must see images one by one, since those that it sees together share scales."""


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

    def check(self, graphs: Mapping[str, Sequence[Any]], configuration: Configuration) -> None:
        """Refuse graphs that are not those of the configuration.

        Args:
            graphs: Shapes of the inputs and outputs of both, by their names; what is open is no number.

        Raises:
            ModelError: A port is missing, or has another size.
        """
        needed = {*self.image, *self.seen, "tokens", "scores"}
        has = {name for name in graphs if name in needed or name.startswith("image.")}
        if different := needed ^ has:
            raise _unlike(f"only {'these' if needed - has else 'those'} have {min(different)}")
        for name, axis, expected in (
            ("pixels", 2, configuration.encoder.image_size[0]),
            ("pixels", 3, None if is_wide(configuration) else configuration.encoder.image_size[1]),
            ("scores", -1, configuration.decoder.vocab_size),
        ):
            found = graphs[name][axis]
            if isinstance(found, int) and expected is not None and found != expected:
                raise _unlike(f"{name} are {found} there, and {expected} here")

    def feed(self, images: Images) -> dict[str, NDArray[Any]]:
        """The inputs of the image's graph."""
        given = (images.pixels, images.columns)
        return {name: array for name, array in zip(self.image, given, strict=False) if array is not None}


def is_wide(configuration: Configuration) -> bool:
    """Whether the graphs take lines of any width."""
    return configuration.preprocessing.fit == "wide"


def _unlike(why: str) -> ModelError:
    return ModelError(f"The bundle's settings are not those of its graphs: {why}.", "Export the checkpoint again.")


def no_states() -> ModelError:
    """What a bundle of an earlier version lacks."""
    return ModelError("The bundle gives no embeddings: an earlier version made it.", "Export the checkpoint again.")
