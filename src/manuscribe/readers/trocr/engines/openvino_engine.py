"""Runs the two graphs with OpenVINO, behind the interface that decoding needs."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manuscribe.engines.openvino import core, options
from manuscribe.engines.openvino_graphs import ROWS
from manuscribe.errors import ModelError
from manuscribe.readers.trocr.configuration import Configuration
from manuscribe.readers.trocr.decoding import Scores, Tokens
from manuscribe.readers.trocr.engines.ports import Ports, no_states
from manuscribe.readers.trocr.images import Images


class OpenVinoEngine:
    """Both graphs on the CPU, from a folder with `image.xml` and `text.xml`.

    Args:
        bf16: Compute in bfloat16 where the processor multiplies it.

    Raises:
        ModelError: A file is missing or damaged, or of another configuration.
    """

    def __init__(self, folder: Path, configuration: Configuration, *, bf16: bool, threads: int) -> None:
        wishes = options(threads, 1, bf16=bf16)
        # By itself OpenVINO keeps the past in fewer bits, which changes texts.
        wishes["KV_CACHE_PRECISION"] = wishes["INFERENCE_PRECISION_HINT"]
        self._image, self._text = (_compiled(folder / f"{name}.xml", wishes) for name in ("image", "text"))
        self._ports = Ports.of(configuration)
        ports = [port for graph in (self._image, self._text) for port in (*graph.inputs, *graph.outputs)]
        shapes = {name: [_length(size) for size in port.partial_shape] for port in ports for name in port.names}
        self._ports.check(shapes, configuration)

    def begin(self, images: Images, texts: int, length: int) -> "OpenVinoSession":  # noqa: ARG002
        """Look at images, to write `texts` texts about each, however long."""
        request = self._look(images)
        seen = {name: np.array(request.get_tensor(name).data) for name in self._ports.seen}
        return OpenVinoSession(self._text.create_infer_request(), seen, len(images.pixels) * texts)

    def embed(self, images: Images) -> NDArray[np.float32]:
        """The encoder's states of images, B×P×D, special tokens first."""
        if not any("states" in output.names for output in self._image.outputs):
            raise no_states()
        return np.array(self._look(images).get_tensor("states").data, np.float32)

    def _look(self, images: Images) -> Any:
        request = self._image.create_infer_request()
        request.infer(self._ports.feed(images))
        return request


class OpenVinoSession:
    """Implements `decoding.Session`."""

    def __init__(self, request: Any, seen: dict[str, NDArray[np.float32]], texts: int) -> None:
        self._request, self._seen = request, seen
        self._rows = np.arange(texts, dtype=np.int32)

    def step(self, tokens: Tokens) -> Scores:
        """See `decoding.Session`."""
        self._request.infer({"tokens": tokens, ROWS: self._rows, **self._seen}, share_inputs=True)
        self._rows = np.arange(len(tokens), dtype=np.int32)
        return np.array(self._request.output_tensors[0].data, np.float32)

    def select(self, images: Tokens | None, texts: Tokens) -> None:
        """See `decoding.Session`."""
        if images is not None:
            self._seen = {name: tensor[images] for name, tensor in self._seen.items()}
        self._rows = texts.astype(np.int32)

    def forget(self, count: int) -> None:
        """See `decoding.Session`."""
        import openvino

        for state in self._request.query_state():
            before = state.state
            kept = before.data[:, :, :-count]
            after = openvino.Tensor(before.element_type, openvino.Shape(kept.shape))
            after.data[:] = kept
            state.state = after


def _length(size: Any) -> int | None:
    return int(size.get_length()) if size.is_static else None


def _compiled(path: Path, wishes: dict[str, Any]) -> Any:
    if not path.is_file():
        raise ModelError(f"{path} is missing.", "Export the checkpoint again.")
    try:
        return core().compile_model(path, "CPU", wishes)
    except RuntimeError as error:
        raise ModelError(f"{path} is no graph that OpenVINO reads.", "Export the checkpoint again.") from error
