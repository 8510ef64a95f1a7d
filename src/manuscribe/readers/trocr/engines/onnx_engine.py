"""Runs the two graphs with ONNX Runtime, behind the interface that decoding needs."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manuscribe.errors import ModelError
from manuscribe.readers.trocr.configuration import Configuration
from manuscribe.readers.trocr.decoding import Scores, Tokens
from manuscribe.readers.trocr.engines.ports import ALONE, Ports, no_states
from manuscribe.readers.trocr.images import Images

Floats = NDArray[np.float32]


class OnnxEngine:
    """Both graphs on the CPU, from a folder with `image.onnx` and `text.onnx`.

    Raises:
        ModelError: A file is missing or damaged, or of another configuration.
    """

    def __init__(self, folder: Path, configuration: Configuration, threads: int) -> None:
        self._image, self._text = (_session(folder / f"{name}.onnx", threads) for name in ("image", "text"))
        decoder = configuration.decoder
        self._ports = Ports.of(configuration)
        self._alone = ALONE in self._image.get_modelmeta().custom_metadata_map
        graphs = (self._image, self._text)
        ports = [port for graph in graphs for port in (*graph.get_inputs(), *graph.get_outputs())]
        self._ports.check({port.name: port.shape for port in ports}, configuration)
        self._blank = (decoder.heads, 0, decoder.hidden_size // decoder.heads)

    def begin(self, images: Images, texts: int, length: int) -> "OnnxSession":  # noqa: ARG002
        """Look at images, to write `texts` texts about each, however long."""
        seen = dict(zip(self._ports.seen, self._look(images, self._ports.seen), strict=True))
        blank = np.zeros((len(images.pixels) * texts, *self._blank), np.float32)
        return OnnxSession(self._text, seen, dict.fromkeys(self._ports.past, blank))

    def embed(self, images: Images) -> Floats:
        """The encoder's states of images, B×P×D, special tokens first."""
        if "states" not in [output.name for output in self._image.get_outputs()]:
            raise no_states()
        return np.asarray(self._look(images, ["states"])[0])

    def _look(self, images: Images, wanted: list[str]) -> list[Floats]:
        given = self._ports.feed(images)
        count = len(images.pixels)
        if count == 1 or not self._alone:
            found: list[Floats] = self._image.run(wanted, given)
            return found
        parts = [{name: array[n : n + 1] for name, array in given.items()} for n in range(count)]
        first = self._image.run(wanted, parts[0])
        found = [np.empty((count, *array.shape[1:]), array.dtype) for array in first]
        for whole, array in zip(found, first, strict=True):
            whole[0] = array[0]
        for n, part in enumerate(parts[1:], start=1):
            self._look_into(part, dict(zip(wanted, (whole[n : n + 1] for whole in found), strict=True)))
        return found

    def _look_into(self, given: dict[str, NDArray[Any]], found: dict[str, Floats]) -> None:
        """Write what is seen to where it is wanted: copying so many keys and values takes a tenth of the time."""
        ports = self._image.io_binding()
        for name, array in given.items():
            ports.bind_cpu_input(name, array)
        for name, array in found.items():
            ports.bind_output(name, "cpu", 0, array.dtype, array.shape, array.ctypes.data)
        self._image.run_with_iobinding(ports)


class OnnxSession:
    """Implements `decoding.Session`."""

    def __init__(self, graph: Any, seen: dict[str, Floats], past: dict[str, Floats]) -> None:
        self._graph, self._seen, self._past = graph, seen, past

    def step(self, tokens: Tokens) -> Scores:
        """See `decoding.Session`."""
        scores, *now = self._graph.run(None, {"tokens": tokens, **self._seen, **self._past})
        self._past = dict(zip(self._past, now, strict=True))
        return np.asarray(scores)

    def select(self, images: Tokens | None, texts: Tokens) -> None:
        """See `decoding.Session`."""
        if images is not None:
            self._seen = {name: tensor[images] for name, tensor in self._seen.items()}
        self._past = {name: tensor[texts] for name, tensor in self._past.items()}

    def forget(self, count: int) -> None:
        """See `decoding.Session`."""
        self._past = {name: np.ascontiguousarray(tensor[:, :, :-count]) for name, tensor in self._past.items()}


def _session(path: Path, threads: int) -> Any:
    import onnxruntime

    if not path.is_file():
        raise ModelError(f"{path} is missing.", "Export the checkpoint again.")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors have no common class but this one
        raise ModelError(f"{path} is no graph that ONNX Runtime reads.", "Export the checkpoint again.") from error
