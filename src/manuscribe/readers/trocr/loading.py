"""Everything that reading with a checkpoint or a bundle needs, ready to run."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from manuscribe.engines.openvino import available_cores
from manuscribe.errors import UsageError
from manuscribe.extras import needs
from manuscribe.models.hub import locate
from manuscribe.readers.options import ReaderOptions
from manuscribe.readers.trocr.bundle import Bundle
from manuscribe.readers.trocr.configuration import Configuration
from manuscribe.readers.trocr.decoding import Session
from manuscribe.readers.trocr.tokens import Tokens

if TYPE_CHECKING:
    from manuscribe.readers.trocr.checkpoint import Checkpoint


class Engine(Protocol):
    """Runs a network."""

    def begin(self, pixels: NDArray[np.float32], texts: int, length: int) -> Session:
        """Look at images B×3×H×W, to write `texts` texts of up to `length` tokens about each."""
        ...


@dataclass(frozen=True)
class Loaded:
    """A network that runs, and what is needed around it."""

    configuration: Configuration
    tokens: Tokens
    engine: Engine
    version: str


def load(name: str, options: ReaderOptions) -> Loaded:
    """Load a checkpoint or a bundle, by its folder or its name on the hub.

    Raises:
        ModelError: It is not there, damaged, or of another architecture.
        UsageError: The engine does not compute as asked.
    """
    folder = locate(name, options.revision)
    if Bundle.is_one(folder):
        return _from_bundle(folder, options)
    needs("trocr")
    from manuscribe.readers.trocr.checkpoint import load_checkpoint

    found = load_checkpoint(name, options.revision)
    return Loaded(found.configuration, found.tokens, _ENGINES[options.engine or "torch"](found, options), found.version)


def _from_bundle(folder: Path, options: ReaderOptions) -> Loaded:
    from manuscribe.readers.trocr.openvino_engine import OpenVinoEngine

    bundle = Bundle.read(folder)
    for asked, has in ((options.engine, bundle.engine), (options.precision, bundle.precision)):
        if asked not in (None, has):
            raise UsageError(f"The bundle {folder} was made for {has}, not for {asked}.", "Leave the option out.")
    threads = options.threads or available_cores()
    image, text = bundle.path("image.xml"), bundle.path("text.xml")
    engine = OpenVinoEngine(image, text, bf16=bundle.precision != "fp32", threads=threads)
    tokens = Tokens(folder, bundle.configuration.decoder.vocab_size)
    return Loaded(bundle.configuration, tokens, engine, bundle.version)


def _on_torch(checkpoint: "Checkpoint", options: ReaderOptions) -> Engine:
    from manuscribe.readers.trocr.torch_engine import TorchEngine

    if options.precision == "int8":
        raise UsageError("PyTorch computes in fp32 or bf16 here, not in int8.", "Use --engine openvino for int8.")
    threads = options.threads or available_cores()
    return TorchEngine(checkpoint.network, bf16=options.precision == "bf16", threads=threads)


def _on_openvino(checkpoint: "Checkpoint", options: ReaderOptions) -> Engine:
    from manuscribe.readers.trocr.openvino_engine import OpenVinoEngine
    from manuscribe.readers.trocr.openvino_export import convert

    image, text = convert(checkpoint.network, checkpoint.configuration, int8=options.precision == "int8")
    bf16 = options.precision in ("bf16", "int8")
    return OpenVinoEngine(image, text, bf16=bf16, threads=options.threads or available_cores())


_ENGINES: dict[str, Callable[["Checkpoint", ReaderOptions], Engine]] = {"torch": _on_torch, "openvino": _on_openvino}
