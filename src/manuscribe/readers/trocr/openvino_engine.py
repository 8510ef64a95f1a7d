"""Runs the two graphs with OpenVINO, behind the interface that decoding needs."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manuscribe.engines.openvino import core
from manuscribe.engines.openvino_graphs import ROWS
from manuscribe.errors import ModelError
from manuscribe.readers.trocr.decoding import Scores, Tokens


class OpenVinoEngine:
    """Both graphs on the CPU, from a folder with `image.xml` and `text.xml`.

    Args:
        bf16: Compute in bfloat16 where the processor has it.

    Raises:
        ModelError: A file is missing or damaged.
    """

    def __init__(self, folder: Path, *, bf16: bool, threads: int) -> None:
        options = {
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "INFERENCE_PRECISION_HINT": "bf16" if bf16 else "f32",
            # By itself OpenVINO keeps the past in fewer bits, which changes texts.
            "KV_CACHE_PRECISION": "bf16" if bf16 else "f32",
        }
        self._image, self._text = (_compiled(folder / f"{name}.xml", options) for name in ("image", "text"))

    def begin(self, pixels: NDArray[np.float32], texts: int, length: int) -> "OpenVinoSession":  # noqa: ARG002
        """Look at images B×3×H×W, to write `texts` texts about each, however long."""
        request = self._image.create_infer_request()
        request.infer([pixels])
        seen = [np.array(tensor.data) for tensor in request.output_tensors]
        return OpenVinoSession(self._text.create_infer_request(), seen, len(pixels) * texts)


class OpenVinoSession:
    """Implements `decoding.Session`."""

    def __init__(self, request: Any, seen: list[NDArray[np.float32]], texts: int) -> None:
        self._request, self._seen = request, seen
        self._rows = np.arange(texts, dtype=np.int32)

    def step(self, tokens: Tokens) -> Scores:
        """See `decoding.Session`."""
        image = {f"image.{n}": tensor for n, tensor in enumerate(self._seen)}
        self._request.infer({"tokens": tokens[:, None], ROWS: self._rows, **image}, share_inputs=True)
        self._rows = np.arange(len(tokens), dtype=np.int32)
        return np.array(self._request.output_tensors[0].data[:, -1], np.float32)

    def select(self, images: Tokens | None, texts: Tokens) -> None:
        """See `decoding.Session`."""
        if images is not None:
            self._seen = [tensor[images] for tensor in self._seen]
        self._rows = texts.astype(np.int32)


def _compiled(path: Path, options: dict[str, Any]) -> Any:
    if not path.is_file():
        raise ModelError(f"{path} is missing.", "Export the checkpoint again.")
    try:
        return core().compile_model(path, "CPU", options)
    except RuntimeError as error:
        raise ModelError(f"{path} is no graph that OpenVINO reads.", "Export the checkpoint again.") from error
