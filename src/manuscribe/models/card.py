"""The card of a model: what it is, what it learnt from, whom to credit, how good it was found to be.

The trainer writes the card as JSON, for programs, and as Markdown, for people.
"""

import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

LIBRARIES = ("manuscribe", "torch", "numpy", "opencv-python-headless", "pillow", "onnx")


@dataclass(frozen=True, slots=True)
class Credit:
    """A data set that a model learnt from."""

    name: str
    licence: str
    source: str
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """What is known of a model.

    Attributes:
        version: First characters of the weights' SHA-256: two files of one version are the same file.
        charset: Characters of a reader in the order of its classes; empty for other models.
        metrics: Figures on the data held out in training.
        recipe: The recipe as it was run.
    """

    name: str
    kind: str
    version: str
    licence: str
    description: str
    parameters: int
    credits: tuple[Credit, ...]
    metrics: Mapping[str, float]
    recipe: Mapping[str, Any]
    libraries: Mapping[str, str]
    charset: str = ""


def library_versions() -> dict[str, str]:
    """Versions of what takes part in training, and of Python."""
    versions = {"python": platform.python_version()}
    for library in LIBRARIES:
        try:
            versions[library] = version(library)
        except PackageNotFoundError:
            continue
    return versions


def as_dict(card: Card) -> dict[str, Any]:
    """The JSON form."""
    return asdict(card)


def as_markdown(card: Mapping[str, Any]) -> str:
    """The card for people, from its JSON form."""
    metrics = "\n".join(f"| {name} | {value:.4g} |" for name, value in card["metrics"].items())
    credits_ = "\n".join(
        f"- {credit['name']}: {credit['licence']}, {credit['source']}. {credit['remark']}".rstrip(". ")
        for credit in card["credits"]
    )
    libraries = ", ".join(f"{name} {number}" for name, number in card["libraries"].items())
    charset = f"\n## Characters\n\n```\n{card['charset']}\n```\n" if card["charset"] else ""
    return (
        f"# {card['name']} ({card['kind']})\n\n{card['description']}\n\n"
        f"Version {card['version']}, {card['parameters']:,} parameters, licence {card['licence']}.\n\n"
        f"## Figures on data held out in training\n\n| figure | value |\n|---|---|\n{metrics}\n\n"
        f"## Learnt from\n\n{credits_}\n{charset}\n## Made with\n\n{libraries}\n"
    )
