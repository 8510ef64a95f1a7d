"""Runs the two graphs with ONNX Runtime, behind the interface that decoding needs."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manuscribe.errors import ModelError
from manuscribe.readers.trocr.configuration import Configuration
from manuscribe.readers.trocr.decoding import Scores, Tokens

Floats = NDArray[np.float32]


class OnnxEngine:
    """Both graphs on the CPU, from a folder with `image.onnx` and `text.onnx`.

    Raises:
        ModelError: A file is missing or damaged.
    """

    def __init__(self, folder: Path, configuration: Configuration, threads: int) -> None:
        self._image, self._text = (_session(folder / f"{name}.onnx", threads) for name in ("image", "text"))
        decoder = configuration.decoder
        self._blank = (decoder.heads, 0, decoder.hidden_size // decoder.heads)
        self._count = 2 * decoder.layers

    def begin(self, pixels: Floats, texts: int, length: int) -> "OnnxSession":  # noqa: ARG002
        """Look at images B×3×H×W, to write `texts` texts about each, however long."""
        seen = self._image.run(None, {"pixels": pixels})
        blank = np.zeros((len(pixels) * texts, *self._blank), np.float32)
        return OnnxSession(self._text, seen, [blank] * self._count)


class OnnxSession:
    """Implements `decoding.Session`."""

    def __init__(self, graph: Any, seen: list[Floats], past: list[Floats]) -> None:
        self._graph, self._seen, self._past = graph, seen, past

    def step(self, tokens: Tokens) -> Scores:
        """See `decoding.Session`."""
        kept = {"image": self._seen, "past": self._past}
        memory = {f"{kind}.{n}": tensor for kind, tensors in kept.items() for n, tensor in enumerate(tensors)}
        scores, *self._past = self._graph.run(None, {"tokens": tokens[:, None], **memory})
        return np.asarray(scores[:, -1])

    def select(self, images: Tokens | None, texts: Tokens) -> None:
        """See `decoding.Session`."""
        if images is not None:
            self._seen = [tensor[images] for tensor in self._seen]
        self._past = [tensor[texts] for tensor in self._past]


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
