"""What a checkpoint must be able to do to be taught; each kind of checkpoints has a room of its own."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from manuscribe.datasets.augmentation.policy import Policy
from manuscribe.datasets.labelled import LabelledLine
from manuscribe.readers.protocol import LineReader
from manuscribe.training.crew import Crew
from manuscribe.training.finetune.stage import Stage

IGNORED = -100
"""The label of what is not learnt."""


class Taught(Protocol):
    """Lines to learn from: a data set of PyTorch, in which a line may look different each time."""

    epoch: int

    def __len__(self) -> int: ...

    def __getitem__(self, number: int) -> dict[str, Any]: ...

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes; the lines' variation follows it."""
        ...

    @property
    def lengths(self) -> Sequence[tuple[int, int]]:
        """What a batch is padded by, the dearest first."""
        ...


class Pupil(Protocol):
    """A checkpoint that is being taught.

    Attributes:
        uneven: Whether some of its weights take no part in some steps, as experts that no token is sent to.
    """

    uneven: bool

    @property
    def model(self) -> Any:
        """The network."""
        ...

    @property
    def folder(self) -> Path:
        """Where it was loaded from."""
        ...

    @property
    def base(self) -> Path:
        """Its base, where that was an adapter; otherwise the same."""
        ...

    def prepare(self, lines: Sequence[LabelledLine]) -> None:
        """Find out from some lines what is to be known before anything is taught."""
        ...

    def taught(self, lines: Sequence[LabelledLine], policy: Policy | None, seed: int) -> Taught:
        """The lines to learn from, varied by a policy.

        Raises:
            InputError: A text cannot be written by the model, or an image cannot be read.
        """
        ...

    def collator(self) -> Callable[[Sequence[dict[str, Any]]], dict[str, Any]]:
        """What puts lines into a batch: the model's arguments, with `labels`."""
        ...

    def look_once(self, model: Any, taught: Any, path: Path, crew: Crew) -> None:
        """Keep in a file what does not change between epochs, if there is such a thing."""
        ...

    def pattern(self, stage: Stage) -> str:
        """The regular expression that whole names of the modules fit that the stage's adapter changes."""
        ...

    def is_frozen(self, name: str, stage: Stage) -> bool:
        """Whether a parameter stays as it is in a stage without an adapter."""
        ...

    def quantised(self, name: str) -> bool:
        """Whether a matrix is among those that `qlora` stores in four bits."""
        ...

    def check_loss(self, model: Any, batch: Mapping[str, Any]) -> None:
        """Refuse a library whose loss is not that of the next token.

        Raises:
            ModelError: The loss differs from the aligned cross-entropy.
        """
        ...

    def reader(self, model: Any, beams: int) -> LineReader:
        """Our reader with the weights of a model as they stand, an adapter's among them."""
        ...

    def publish(self, model: Any, folder: Path) -> None:
        """Write an ordinary checkpoint folder: the model's weights and settings, and what reading needs beside."""
        ...

    def write_manner(self, folder: Path) -> None:
        """Write beside an adapter how it was taught to be asked, where that is to be known."""
        ...
