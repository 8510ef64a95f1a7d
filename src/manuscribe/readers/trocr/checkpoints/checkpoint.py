"""A checkpoint: a folder in the hub's layout, or an adapter's folder with the base that it names."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from torch import Tensor

from manuscribe.errors import ModelError
from manuscribe.models.hub import locate
from manuscribe.readers.trocr.checkpoints.adapters import Settings, find_adapter, merge
from manuscribe.readers.trocr.checkpoints.arranging import load_network, untied
from manuscribe.readers.trocr.checkpoints.weights import read_weights
from manuscribe.readers.trocr.configuration import Configuration, read_configuration
from manuscribe.readers.trocr.network import TrocrNetwork
from manuscribe.readers.trocr.tokens import Tokens

_SAMPLE = 64


@dataclass(frozen=True)
class Checkpoint:
    """All that reading needs.

    Attributes:
        version: Short digest of settings and weights.
    """

    configuration: Configuration
    network: TrocrNetwork
    tokens: Tokens
    version: str


@dataclass(frozen=True)
class Stored:
    """What a checkpoint's files hold, an adapter merged into its base.

    Attributes:
        folder: The checkpoint's, or the adapter's.
        base: The checkpoint's, or that of the adapter's base.
        weights: By their names in transformers 5; what reading has no use for is left out.
    """

    folder: Path
    base: Path
    configuration: Configuration
    weights: Mapping[str, Tensor]

    @property
    def tokenizer(self) -> Path:
        """The folder with the tokenizer's files."""
        return self.folder if (self.folder / "tokenizer.json").is_file() else self.base


def load_checkpoint(name: str, revision: str | None = None) -> Checkpoint:
    """Load a checkpoint by its folder or its name on the hub.

    Raises:
        ModelError: It is not there, damaged, incomplete, or of another architecture.
    """
    stored = read_checkpoint(name, revision)
    configuration = stored.configuration
    tokens = Tokens(stored.tokenizer, configuration.decoder.vocab_size)
    network = load_network(configuration, stored.weights, str(stored.folder))
    return Checkpoint(configuration, network, tokens, _version(configuration, stored.weights))


def read_checkpoint(name: str, revision: str | None = None) -> Stored:
    """Read a checkpoint's files; see `load_checkpoint`."""
    folder = locate(name, revision)
    adapter = find_adapter(folder)
    base = folder if adapter is None else _base_of(adapter.settings, folder)
    if adapter is not None and find_adapter(base) is not None:
        raise ModelError(f"{folder} is an adapter on an adapter, {base}.", "Merge the first one into its base.")
    configuration = read_configuration(base)
    weights = read_weights(base)
    if adapter is not None:
        weights = merge(adapter, untied(configuration, weights))
    return Stored(folder, base, configuration, weights)


def _base_of(settings: Settings, folder: Path) -> Path:
    """An adapter's base; a relative path may also be meant from the adapter's folder."""
    name = settings.base_model_name_or_path
    for base in (folder / name, Path(name)):
        if base.is_dir():
            return base
    return locate(name, settings.revision)


def _version(configuration: Configuration, weights: Mapping[str, Tensor]) -> str:
    digest = sha256(configuration.model_dump_json().encode())
    for name in sorted(weights):
        # A sample is enough to tell two trainings apart, and saves a second for each gigabyte.
        flat = weights[name].flatten()
        digest.update(name.encode())
        digest.update(flat[:: max(1, len(flat) // _SAMPLE)].float().numpy().tobytes())
    return digest.hexdigest()[:12]
