"""Everything that reading with a checkpoint or a bundle needs, ready to run."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from manuscribe.engines.gpu import require_gpu
from manuscribe.engines.openvino import available_cores
from manuscribe.errors import OutputError, UsageError
from manuscribe.extras import needs
from manuscribe.models.hub import locate
from manuscribe.readers.options import ReaderOptions
from manuscribe.readers.trocr.bundle import Bundle
from manuscribe.readers.trocr.configuration import Configuration, Fit
from manuscribe.readers.trocr.engines.runtimes import RUNTIMES, Engine, Precision, fastest
from manuscribe.readers.trocr.tokens import Tokens

if TYPE_CHECKING:
    from manuscribe.readers.trocr.checkpoints.checkpoint import Checkpoint
    from manuscribe.readers.trocr.network import TrocrNetwork


@dataclass(frozen=True)
class Loaded:
    """A network that runs, and what is needed around it.

    Attributes:
        choices: What it runs with, for the record of a reading.
    """

    configuration: Configuration
    tokens: Tokens
    engine: Engine
    version: str
    choices: Mapping[str, str]


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
    from manuscribe.readers.trocr.checkpoints.checkpoint import load_checkpoint

    found = load_checkpoint(str(folder))
    configuration = found.configuration.fitted(options.fit)
    precision = options.precision or ("fp32" if options.device == "cpu" else "bf16")
    name = _chosen(precision, options.device) if options.engine in (None, "auto") else str(options.engine)
    engine = _engine(found, configuration, name, precision, options)
    choices = {"engine": name, "precision": precision}
    choices |= {"device": options.device} if options.device != "cpu" else {}
    return Loaded(configuration, found.tokens, engine, found.version, choices)


def _from_bundle(folder: Path, options: ReaderOptions) -> Loaded:
    bundle = Bundle.read(folder)
    if options.device != "cpu":
        raise UsageError("A bundle is for small machines, without a GPU.", "Leave --device out, or name a checkpoint.")
    for asked, has in ((options.engine, bundle.engine), (options.precision, bundle.precision)):
        if asked not in (None, "auto", has):
            raise UsageError(f"The bundle {folder} was made for {has}, not for {asked}.", "Leave the option out.")
    needs("onnx" if bundle.engine == "onnx" else "bundle")
    threads = options.threads or available_cores()
    configuration = _fitted(bundle, options.fit)
    engine = RUNTIMES[bundle.engine].open(folder, configuration, bundle.precision, threads)
    tokens = Tokens(folder, configuration.decoder.vocab_size)
    choices = {"engine": bundle.engine, "precision": bundle.precision}
    return Loaded(configuration, tokens, engine, bundle.version, choices)


def _fitted(bundle: Bundle, fit: Fit | None) -> Configuration:
    """A bundle's graphs take either wide lines, or any in the checkpoint's frame."""
    has = bundle.configuration.preprocessing.fit
    if fit is not None and (fit == "wide") != (has == "wide"):
        raise UsageError(
            f"The bundle {bundle.folder} was made for --fit {has}.", "Leave the option out, or export again."
        )
    return bundle.configuration.fitted(fit)


def _chosen(precision: Precision, device: str) -> str:
    """PyTorch where it can: the others take long to make their graphs, which is worth it once, in a bundle."""
    return fastest(precision) if device == "cpu" and precision in ("int8", "fp16") else "torch"


def _engine(
    checkpoint: "Checkpoint", configuration: Configuration, name: str, precision: Precision, options: ReaderOptions
) -> Engine:
    threads = options.threads or available_cores()
    if options.device != "cpu":
        if name != "torch":
            raise UsageError(f"{name} does not compute on a GPU here.", "Take --engine torch, or leave --device out.")
        require_gpu()
    known: tuple[str, ...] = RUNTIMES[name].precisions if name != "torch" else ("fp32", "bf16")
    known += ("fp16",) if options.device != "cpu" else ()
    if precision not in known:
        raise UsageError(f"{name} does not compute in {precision}.", f"Take --precision {' or '.join(known)}.")
    if name != "torch":
        return _on_graphs(checkpoint.network, configuration, name, precision, threads)
    from manuscribe.readers.trocr.engines.torch_engine import TorchEngine

    return TorchEngine(checkpoint.network, precision=precision, threads=threads, device=options.device)


def _on_graphs(
    network: "TrocrNetwork", configuration: Configuration, name: str, precision: Precision, threads: int
) -> Engine:
    if name == "onnx":
        needs("onnx")
    runtime = RUNTIMES[name]
    try:
        with tempfile.TemporaryDirectory() as folder:
            runtime.write(network, configuration, Path(folder), precision, ())
            return runtime.open(Path(folder), configuration, precision, threads)
    except OSError as error:
        raise OutputError(
            f"The graphs for {name} cannot be written to the temporary folder: {error.strerror}.",
            "Make room there, or name another one in the environment variable TMPDIR.",
        ) from error
