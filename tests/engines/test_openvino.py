"""The OpenVINO engine."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from manuscribe.engines import openvino
from manuscribe.engines.openvino import OpenVinoModel, available_cores
from manuscribe.errors import ModelError

onnx = pytest.importorskip("onnx")


@pytest.fixture(scope="module")
def doubling(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A graph that doubles its input, whatever its width."""
    from onnx import TensorProto, helper

    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, "width"]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "doubling", [x], [y])
    path = tmp_path_factory.mktemp("models") / "doubling.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(path))
    return path


def test_one_input(doubling: Path) -> None:
    (result,) = OpenVinoModel(doubling, threads=1, bf16=False)(np.array([[1.0, 2.0]], np.float32))
    assert result.tolist() == [[2.0, 4.0]]


def test_many_inputs_keep_their_order(doubling: Path) -> None:
    model = OpenVinoModel(doubling, threads=2, streams=2, bf16=False)
    inputs = [np.full((1, width), width, np.float32) for width in range(1, 60)]
    results = model.map(model, inputs)
    assert [result[0].tolist() for result in results] == [(2 * array).tolist() for array in inputs]
    assert list(model.map(model, [])) == []


def test_results_outlive_the_next_run(doubling: Path) -> None:
    model = OpenVinoModel(doubling, threads=1, bf16=False)
    (first,) = model(np.array([[1.0]], np.float32))
    model(np.array([[5.0]], np.float32))
    assert first.tolist() == [[2.0]]


def test_many_models_can_come_and_go(doubling: Path) -> None:
    # OpenVINO's own queue hung here now and then: its threads and the destructor waited for each other.
    for _ in range(30):
        model = OpenVinoModel(doubling, threads=2, streams=2)
        assert len(list(model.map(model, [np.ones((1, 8), np.float32)] * 8))) == 8


_COME_AND_GO = """
import os, signal, sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from manuscribe.engines import openvino
from manuscribe.engines.openvino import OpenVinoModel

if sys.argv[2:]:
    openvino.core()
    with ThreadPoolExecutor(2) as pool:
        models = list(pool.map(lambda _: OpenVinoModel(Path(sys.argv[1]), threads=1), range(2)))
else:
    models = [OpenVinoModel(Path(sys.argv[1]), threads=1) for _ in range(2)]
del models[0]
del models
signal.signal(signal.SIGINT, lambda *_: print("heard"))
os.kill(os.getpid(), signal.SIGINT)
"""


@pytest.mark.parametrize("how", [[], ["loaded in threads"]])
def test_signals_are_handled_after_models_have_gone(doubling: Path, how: list[str]) -> None:
    # In a process of its own, for what is tested is that it does not crash.
    command = [sys.executable, "-X", "faulthandler", "-c", _COME_AND_GO, str(doubling), *how]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, "heard\n")


def test_threads_that_ask_at_once_get_the_same_core(monkeypatch: pytest.MonkeyPatch) -> None:
    def slowly() -> object:
        time.sleep(0.02)
        return object()

    monkeypatch.setattr(openvino, "_core", cache(slowly))
    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(lambda _: openvino.core(), range(4)))) == 1


def test_missing_and_damaged_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"none\.onnx is missing"):
        OpenVinoModel(tmp_path / "none.onnx")
    (tmp_path / "bad.onnx").write_bytes(b"no graph")
    with pytest.raises(ModelError, match=r"bad\.onnx is no model"):
        OpenVinoModel(tmp_path / "bad.onnx")


def test_there_is_a_core() -> None:
    assert available_cores() >= 1


def test_threads_that_share_a_model_get_their_own_results(doubling: Path) -> None:
    model = OpenVinoModel(doubling, threads=2, streams=2, bf16=False)
    inputs = [np.full((1, 2000), number, np.float32) for number in range(200)]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(model, inputs))
    assert all((result[0] == 2 * array).all() for result, array in zip(results, inputs, strict=True))


@pytest.mark.parametrize("has", [True, False])
def test_bfloat16_only_where_the_processor_multiplies_it(monkeypatch: pytest.MonkeyPatch, has: bool) -> None:
    # Asked for it on AVX-512 without it, OpenVINO emulates it: a line took a second.
    monkeypatch.setattr(openvino, "multiplies_bf16", lambda: has)
    precisions = [openvino.options(1, 1, bf16=wish)["INFERENCE_PRECISION_HINT"] for wish in (True, False)]
    assert precisions == (["bf16", "f32"] if has else ["f32", "f32"])
