"""Eight bits for a network's convolutions: weights are stored as integers and multiplied as such.

What goes into a convolution becomes integers by one scale for all of it, measured on samples; the weights of each
output channel have a scale of their own. All else stays as it is (Jacob et al. 2018, arXiv 1712.05877, section 2).
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from manuscribe.engines.openvino import core

_LEVELS = 255
# Seven bits: processors without VNNI add two products in 16 bits, which full eight bits would overflow (ONNX Runtime,
# "Quantize ONNX models", section on U8S8 and reduce_range).
_LARGEST = 63


def quantise_convolutions(model: ModelProto, samples: Sequence[NDArray[np.float32]]) -> None:
    """Change a graph of one input so that it computes its convolutions over areas in eight bits.

    Those over sequences, which have next to no products, stay as they are.

    Args:
        model: Its convolutions' weights are constants in float32; changed in place.
        samples: Inputs such as it will get; what lies outside their range will be cut off.
    """
    graph = model.graph
    constants = {constant.name: constant for constant in graph.initializer}
    convolutions = [n for n in graph.node if n.op_type == "Conv" and len(constants[n.input[1]].dims) == 4]
    given = list(dict.fromkeys(node.input[0] for node in convolutions))
    ranges = _ranges(model, given, samples)
    nodes = [_store(model, constants[node.input[1]]) for node in convolutions]
    nodes += [new for name in given if name == graph.input[0].name for new in _rounded(model, name, ranges[name])]
    for node in graph.node:
        nodes.append(node)
        nodes += [new for name in node.output if name in ranges for new in _rounded(model, name, ranges[name])]
    for node in convolutions:
        node.input[0] = f"{node.input[0]}.rounded"
    del graph.node[:]
    graph.node.extend(nodes)


def stored_weights(model: ModelProto) -> dict[str, NDArray[np.float32]]:
    """The weights that a graph has in eight bits, by their names."""
    constants = {constant.name: numpy_helper.to_array(constant) for constant in model.graph.initializer}
    stored = [n for n in model.graph.node if n.op_type == "DequantizeLinear" and n.input[0] in constants]
    return {n.output[0]: constants[n.input[0]] * constants[n.input[1]].reshape(-1, 1, 1, 1) for n in stored}


def _ranges(
    model: ModelProto, names: Sequence[str], samples: Sequence[NDArray[np.float32]]
) -> dict[str, tuple[float, float]]:
    """Smallest and largest value of tensors over samples; zero, which is what padding is, always among them."""
    told = ModelProto()
    told.CopyFrom(model)
    del told.graph.output[:]
    for name in names:
        for operator in ("ReduceMin", "ReduceMax"):
            told.graph.node.append(helper.make_node(operator, [name], [f"{name}.{operator}"], keepdims=0))
            value = helper.make_tensor_value_info(f"{name}.{operator}", TensorProto.FLOAT, [])
            told.graph.output.append(value)
    # In float32, whatever the processor would rather compute in.
    graph = core().read_model(told.SerializeToString())
    network = core().compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    found = np.array([[float(value) for value in network(sample).values()] for sample in samples])
    lows, highs = found[:, ::2].min(axis=0, initial=0), found[:, 1::2].max(axis=0, initial=0)
    return dict(zip(names, zip(lows.tolist(), highs.tolist(), strict=True), strict=True))


def _store(model: ModelProto, weights: TensorProto) -> NodeProto:
    """Weights O×… as integers; returns what makes them numbers again."""
    name, values = weights.name, numpy_helper.to_array(weights)
    largest = np.abs(values).max(axis=tuple(range(1, values.ndim)))
    scale = (np.maximum(largest, 1e-12) / _LARGEST).astype(np.float32)
    whole = np.rint(values / scale.reshape(-1, 1, 1, 1)).astype(np.int8)
    weights.CopyFrom(numpy_helper.from_array(whole, f"{name}.int8"))
    model.graph.initializer.append(numpy_helper.from_array(scale, f"{name}.scale"))
    return helper.make_node("DequantizeLinear", [f"{name}.int8", f"{name}.scale"], [name], axis=0)


def _rounded(model: ModelProto, name: str, extent: tuple[float, float]) -> Iterator[NodeProto]:
    """What makes integers of a tensor, and numbers again."""
    low, high = extent
    step = max(high - low, 1e-12) / _LEVELS
    model.graph.initializer.append(numpy_helper.from_array(np.array(step, np.float32), f"{name}.step"))
    model.graph.initializer.append(numpy_helper.from_array(np.array(round(-low / step), np.uint8), f"{name}.zero"))
    parts = [f"{name}.step", f"{name}.zero"]
    yield helper.make_node("QuantizeLinear", [name, *parts], [f"{name}.uint8"])
    yield helper.make_node("DequantizeLinear", [f"{name}.uint8", *parts], [f"{name}.rounded"])
