"""OpenVINO on the CPU: loads an ONNX or OpenVINO graph and runs it."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from queue import SimpleQueue
from threading import Lock
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from manuscribe.errors import ModelError

Array = NDArray[Any]
_ONCE = Lock()

Item = TypeVar("Item")
Result = TypeVar("Result")


class OpenVinoModel:
    """A graph with one input, ready to run.

    Args:
        path: An `.onnx` or `.xml` file.
        threads: CPU threads in all; 0 takes every core this process may use.
        streams: Inputs that are worked on side by side, each with its share of the threads.
        bf16: Compute in bfloat16 where the processor multiplies it, in float32 elsewhere.

    Raises:
        ModelError: The file is missing or no graph that OpenVINO reads.
    """

    def __init__(self, path: Path, threads: int = 0, streams: int = 1, bf16: bool = True) -> None:
        import openvino

        if not path.is_file():
            raise ModelError(
                f"The model file {path} is missing.", "Check the path; for an embedded model, install manuscribe again."
            )
        threads = threads or available_cores()
        try:
            self._compiled = core().compile_model(path, "CPU", options(threads, min(streams, threads), bf16=bf16))
        except RuntimeError as error:
            raise ModelError(
                f"{path} is no model that OpenVINO {openvino.__version__} reads.", "Install manuscribe again."
            ) from error
        # Requests of our own on threads of our own, not OpenVINO's queue: its callbacks need Python's lock on threads
        # that the destructor waits for while holding that lock, and now and then the process hangs for good.
        self._streams = min(streams, threads)
        self._idle: SimpleQueue[Any] = SimpleQueue()
        for _ in range(self._streams):
            self._idle.put(self._compiled.create_infer_request())

    def __call__(self, array: Array) -> list[Array]:
        """Run one input; returns the graph's outputs in their order. May be called from several threads."""
        request = self._idle.get()
        try:
            request.infer([array])
            return [np.array(tensor.data) for tensor in request.output_tensors]
        finally:
            self._idle.put(request)

    def map(self, work: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
        """Do work that calls this model on many items, `streams` of them at a time, results in the items' order.

        Each item is done alone, so that none depends on its neighbours; while one is with the network, Python can do
        another's work before or after it. Whoever takes the results can work on the first while the next are made.
        """
        with ThreadPoolExecutor(self._streams) as pool:
            yield from pool.map(work, items)


def options(threads: int, streams: int, *, bf16: bool) -> dict[str, Any]:
    """What OpenVINO is asked for; see `OpenVinoModel`."""
    precision = "bf16" if bf16 and multiplies_bf16() else "f32"
    return {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": streams, "INFERENCE_PRECISION_HINT": precision}


def multiplies_bf16() -> bool:
    """Whether the processor multiplies bfloat16 itself.

    Where AVX-512 lacks it, OpenVINO emulates it when asked, which takes 25 times as long as float32.
    """
    return "BF16" in core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def core() -> Any:
    """OpenVINO, once for the process and until its end.

    The thread that asks first must be one that stays, the main one best: OpenVINO gives it a stack for signals. Where
    there are two such stacks that go in the order they came, the thread is left with a freed one, and the next signal
    that Python handles (Ctrl-C, say) ends in a segmentation fault.
    """
    with _ONCE:
        return _core()


@cache
def _core() -> Any:
    import openvino

    # The first array that crosses over fetches numpy's functions under a lock of C++'s, and asks for Python's while it
    # has it: two threads that do so at once wait for each other for good. Here it is one thread.
    _ = openvino.Tensor(np.zeros(1, np.float32)).data
    made = openvino.Core()
    made.get_property("CPU", "FULL_DEVICE_NAME")  # only now is all that computes there, and with it the stack
    return made


def available_cores() -> int:
    """Cores that this process may use, which containers and `taskset` make fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
