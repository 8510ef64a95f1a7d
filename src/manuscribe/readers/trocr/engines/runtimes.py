"""What runs the two graphs where there is no PyTorch: how they are written for it, and how it opens them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from manuscribe.readers.trocr.configuration import Configuration
from manuscribe.readers.trocr.decoding import Session
from manuscribe.readers.trocr.images import Images

if TYPE_CHECKING:
    from manuscribe.readers.trocr.network import TrocrNetwork

Precision = Literal["fp32", "bf16", "fp16", "int8"]
Name = Literal["openvino", "onnx"]


class Engine(Protocol):
    """Runs a network."""

    def begin(self, images: Images, texts: int, length: int) -> Session:
        """Look at images, to write `texts` texts of up to `length` tokens about each."""
        ...

    def embed(self, images: Images) -> NDArray[np.float32]:
        """The encoder's states of images, B×P×D, special tokens first."""
        ...


@dataclass(frozen=True)
class Runtime:
    """One of them.

    Attributes:
        precisions: Those that it computes in.
        calibrated: Whether its eight bits of images can be measured once and for all.
        write: Writes the graphs into a folder; the last argument is images to measure by, or none.
        open: Makes the engine of such a folder, with so many threads.
    """

    precisions: tuple[Precision, ...]
    calibrated: bool
    write: Callable[["TrocrNetwork", Configuration, Path, Precision, Sequence[Images]], None]
    open: Callable[[Path, Configuration, Precision, int], Engine]


def _write_openvino(
    network: "TrocrNetwork", configuration: Configuration, folder: Path, precision: Precision, _: Sequence[Images]
) -> None:
    from manuscribe.readers.trocr.engines.openvino_export import write_graphs

    write_graphs(network, configuration, folder, precision)


def _open_openvino(folder: Path, configuration: Configuration, precision: Precision, threads: int) -> Engine:
    from manuscribe.readers.trocr.engines.openvino_engine import OpenVinoEngine

    return OpenVinoEngine(folder, configuration, bf16=precision in ("bf16", "int8"), threads=threads)


def _write_onnx(
    network: "TrocrNetwork", configuration: Configuration, folder: Path, precision: Precision, typical: Sequence[Images]
) -> None:
    from manuscribe.readers.trocr.engines.onnx_export import write_graphs

    write_graphs(network, configuration, folder, int8=precision == "int8", typical=typical)


def _open_onnx(folder: Path, configuration: Configuration, _: Precision, threads: int) -> Engine:
    from manuscribe.readers.trocr.engines.onnx_engine import OnnxEngine

    return OnnxEngine(folder, configuration, threads)


RUNTIMES: dict[str, Runtime] = {
    "openvino": Runtime(("fp32", "bf16", "fp16", "int8"), False, _write_openvino, _open_openvino),
    "onnx": Runtime(("fp32", "int8"), True, _write_onnx, _open_onnx),
}


def fastest(precision: Precision) -> Name:
    """What computes graphs fastest in a precision, of what is installed; docs/results.md has the measurements."""
    installed = all(find_spec(package) for package in ("onnx", "onnxruntime"))
    return "onnx" if installed and precision in ("fp32", "int8") else "openvino"
