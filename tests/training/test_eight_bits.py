"""Convolutions in eight bits compute what the float ones did, as nearly as their steps allow."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from manuscribe.engines.openvino import OpenVinoModel
from manuscribe.errors import ModelError

onnx = pytest.importorskip("onnx")
pytest.importorskip("torch")

Graph = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def graph_of(weights: NDArray[np.float32], bias: NDArray[np.float32]) -> "onnx.ModelProto":
    """A convolution, its positive part, and the same convolution again."""
    from onnx import TensorProto, helper, numpy_helper

    nodes = [
        helper.make_node("Conv", ["x", "weights", "bias"], ["first"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["first"], ["positive"]),
        helper.make_node("Conv", ["positive", "again", "bias"], ["y"], pads=[1, 1, 1, 1]),
    ]
    constants = {"weights": weights, "again": weights, "bias": bias}
    shape = ["batch", len(weights), "height", "width"]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(values, name) for name, values in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)


@pytest.fixture
def run(tmp_path: Path) -> Callable[["onnx.ModelProto"], Graph]:
    def ready(model: "onnx.ModelProto") -> Graph:
        onnx.checker.check_model(model)
        onnx.save(model, str(tmp_path / "model.onnx"))
        network = OpenVinoModel(tmp_path / "model.onnx", threads=1, bf16=False)
        return lambda x: network(x)[0]

    return ready


def test_results_are_as_near_as_the_steps_allow(run: Callable[["onnx.ModelProto"], Graph]) -> None:
    from manuscribe.training.eight_bits import quantise_convolutions

    rng = np.random.default_rng(0)
    weights, bias = rng.normal(size=(8, 8, 3, 3)).astype(np.float32), rng.normal(size=8).astype(np.float32)
    samples = [rng.normal(size=(2, 8, 12, 16)).astype(np.float32) for _ in range(4)]
    before = run(graph_of(weights, bias))(samples[0])
    model = graph_of(weights, bias)
    quantise_convolutions(model, samples)
    error = run(model)(samples[0]) - before
    # Rounding to steps of 1/63 of the largest weight (about 2.8 of their deviations) is an error of 1.3 %, to 1/255 of
    # the inputs' range (about 8 deviations) one of 0.9 %, and that twice, one after the other: 2.2 % in all.
    assert 0 < np.sqrt((error**2).mean()) < 0.03 * before.std()


def test_what_is_beyond_the_samples_is_cut_off(run: Callable[["onnx.ModelProto"], Graph]) -> None:
    from manuscribe.training.eight_bits import quantise_convolutions

    model = graph_of(
        np.eye(2, dtype=np.float32)[:, :, None, None] * np.ones((1, 1, 3, 3), np.float32), np.zeros(2, np.float32)
    )
    quantise_convolutions(model, [np.full((1, 2, 8, 8), 1.0, np.float32)])
    read = run(model)
    top = np.full((1, 2, 8, 8), 5.0, np.float32)
    assert read(top) == pytest.approx(read(top / 5), abs=1e-3)


def test_weights_come_back() -> None:
    from manuscribe.training.eight_bits import quantise_convolutions, stored_weights

    rng = np.random.default_rng(1)
    weights = rng.normal(size=(4, 4, 3, 3)).astype(np.float32) * np.array([1, 1e-3, 1e3, 0])[:, None, None, None]
    model = graph_of(weights.astype(np.float32), np.zeros(4, np.float32))
    quantise_convolutions(model, [rng.random((1, 4, 8, 8), np.float32)])
    stored = stored_weights(model)
    assert stored.keys() == {"weights", "again"}
    steps = np.abs(weights).max(axis=(1, 2, 3), keepdims=True) / 63
    assert (np.abs(stored["weights"] - weights) <= 0.5001 * steps).all()
    onnx.checker.check_model(model)
    assert model.ByteSize() < graph_of(weights.astype(np.float32), np.zeros(4, np.float32)).ByteSize()


def test_samples_of_nothing_are_no_division_by_zero(run: Callable[["onnx.ModelProto"], Graph]) -> None:
    from manuscribe.training.eight_bits import quantise_convolutions

    model = graph_of(np.ones((2, 2, 3, 3), np.float32), np.zeros(2, np.float32))
    quantise_convolutions(model, [np.zeros((1, 2, 8, 8), np.float32)])
    assert np.isfinite(run(model)(np.zeros((1, 2, 8, 8), np.float32))).all()


def test_what_several_convolutions_share_is_stored_once(run: Callable[["onnx.ModelProto"], Graph]) -> None:
    from manuscribe.training.eight_bits import quantise_convolutions, stored_weights

    rng = np.random.default_rng(2)
    model = graph_of(rng.normal(size=(4, 4, 3, 3)).astype(np.float32), np.zeros(4, np.float32))
    model.graph.node[2].input[1] = "weights"  # both have the same weights,
    model.graph.node[2].input[0] = "x"  # and look at the same
    del model.graph.node[2].input[2], model.graph.node[0].input[2]
    samples = [rng.normal(size=(1, 4, 8, 8)).astype(np.float32)]
    before = run(model)(samples[0])
    quantise_convolutions(model, samples)
    assert stored_weights(model).keys() == {"weights"}
    assert run(model)(samples[0]) == pytest.approx(before, abs=0.1 * float(before.std()))


def test_weights_that_are_computed_stay_as_they_are(run: Callable[["onnx.ModelProto"], Graph]) -> None:
    from onnx import helper

    from manuscribe.training.eight_bits import quantise_convolutions, stored_weights

    rng = np.random.default_rng(3)
    model = graph_of(rng.normal(size=(4, 4, 3, 3)).astype(np.float32), np.zeros(4, np.float32))
    model.graph.node.insert(0, helper.make_node("Neg", ["weights"], ["turned"]))
    model.graph.node[1].input[1] = "turned"
    samples = [rng.normal(size=(1, 4, 8, 8)).astype(np.float32)]
    quantise_convolutions(model, samples)
    assert stored_weights(model).keys() == {"again"}
    assert np.isfinite(run(model)(samples[0])).all()


def test_weights_that_are_no_numbers_are_refused() -> None:
    from manuscribe.training.eight_bits import quantise_convolutions

    model = graph_of(np.full((2, 2, 3, 3), np.nan, np.float32), np.zeros(2, np.float32))
    with pytest.raises(ModelError, match="not finite"):
        quantise_convolutions(model, [np.ones((1, 2, 8, 8), np.float32)])


def test_scales_are_never_halved(tmp_path: Path) -> None:
    import torch

    from manuscribe.training.eight_bits import stored_weights
    from manuscribe.training.export import export_onnx

    torch.manual_seed(0)
    network = torch.nn.Conv2d(1, 300, 3, padding=1)  # as many scales as make a constant large
    sample = torch.rand(1, 1, 8, 8)
    path = tmp_path / "wide.onnx"
    export_onnx(network, sample, path, {"x": {2: "height", 3: "width"}}, ["y"], [sample])
    (weights,) = stored_weights(onnx.load(str(path))).values()
    assert weights == pytest.approx(network.weight.detach().numpy(), abs=0.51 / 63 / 3)
    assert not list(tmp_path.glob(".*")), "nothing but the model is left"
