"""OpenVINO on the CPU: loads an ONNX or OpenVINO graph and runs it."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manuscribe.errors import ModelError

Array = NDArray[Any]


class OpenVinoModel:
    """A graph with one input, ready to run.

    Args:
        path: An `.onnx` or `.xml` file.
        threads: CPU threads in all; 0 takes every core this process may use.
        streams: Inputs that are worked on side by side, each with its share of the threads.
        bf16: Compute in bfloat16 where the processor has it (OpenVINO falls back to float32 elsewhere).

    Raises:
        ModelError: The file is missing or no graph that OpenVINO reads.
    """

    def __init__(self, path: Path, threads: int = 0, streams: int = 1, bf16: bool = True) -> None:
        import openvino

        if not path.is_file():
            raise ModelError(f"The model file {path} is missing.", "Install manuscribe again.")
        threads = threads or available_cores()
        options = {
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": min(streams, threads),
            "INFERENCE_PRECISION_HINT": "bf16" if bf16 else "f32",
        }
        try:
            self._compiled = openvino.Core().compile_model(path, "CPU", options)
        except RuntimeError as error:
            raise ModelError(
                f"{path} is no model that OpenVINO {openvino.__version__} reads.", "Install manuscribe again."
            ) from error
        self._streams = min(streams, threads)

    def __call__(self, array: Array) -> list[Array]:
        """Run one input; returns the graph's outputs in their order."""
        result = self._compiled([array])
        return [np.array(result[output]) for output in self._compiled.outputs]

    def map(self, arrays: Sequence[Array] | Iterable[Array]) -> list[list[Array]]:
        """Run many inputs, `streams` of them at a time; each alone, so that none depends on its neighbours."""
        import openvino

        arrays = list(arrays)
        results: list[list[Array]] = [[] for _ in arrays]

        def keep(request: Any, index: int) -> None:
            results[index] = [np.array(tensor.data) for tensor in request.output_tensors]

        queue = openvino.AsyncInferQueue(self._compiled, self._streams)
        queue.set_callback(keep)
        for index, array in enumerate(arrays):
            queue.start_async([array], index)
        queue.wait_all()
        return results


def available_cores() -> int:
    """Cores that this process may use, which containers and `taskset` make fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
