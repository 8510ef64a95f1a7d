"""Eight bits for a network's convolutions: weights are stored as integers and multiplied as such.

What goes into a convolution becomes integers by one scale for all of it, measured on samples; the weights of each
output channel have a scale of their own. All else stays as it is (Jacob et al. 2018, arXiv 1712.05877, section 2).
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from manuscribe.engines.openvino import available_cores, core, options
from manuscribe.errors import ModelError

_LEVELS = 255
# Seven bits: processors without VNNI add two products in 16 bits, which full eight bits would overflow (ONNX Runtime,
# "Quantize ONNX models", section on U8S8 and reduce_range).
_LARGEST = 63

Ranges = dict[str, tuple[float, float]]
"""Smallest and largest value of tensors, by their names; 0, which is what padding is, always lies between."""


def quantise_convolutions(model: ModelProto, samples: Sequence[NDArray[np.float32]]) -> None:
    """Change a graph of one input so that it computes its convolutions over areas in eight bits.

    Those over sequences, which have next to no products, stay as they are; so do those whose weights are no constants.

    Args:
        model: In float32; changed in place.
        samples: Inputs such as it will get; what lies outside their range will be cut off.

    Raises:
        ModelError: Its weights are not finite.
    """
    graph = model.graph
    constants = {constant.name: constant for constant in graph.initializer if len(constant.dims) == 4}
    convolutions = [node for node in graph.node if node.op_type == "Conv" and node.input[1] in constants]
    ranges = _ranges(model, list(dict.fromkeys(node.input[0] for node in convolutions)), samples)
    nodes = [_store(model, constants[name]) for name in dict.fromkeys(node.input[1] for node in convolutions)]
    nodes += _rounded(model, [value.name for value in graph.input], ranges)
    for node in graph.node:
        nodes += [node, *_rounded(model, node.output, ranges)]
    for node in convolutions:
        node.input[0] = f"{node.input[0]}.rounded"
    del graph.node[:]
    graph.node.extend(nodes)


def stored_weights(model: ModelProto) -> dict[str, NDArray[np.float32]]:
    """The weights that a graph has in eight bits, O×I×H×W, by their names."""
    constants = {constant.name: numpy_helper.to_array(constant) for constant in model.graph.initializer}
    stored = [n for n in model.graph.node if n.op_type == "DequantizeLinear" and n.input[0] in constants]
    return {n.output[0]: constants[n.input[0]] * constants[n.input[1]].reshape(-1, 1, 1, 1) for n in stored}


def _ranges(model: ModelProto, names: Sequence[str], samples: Sequence[NDArray[np.float32]]) -> Ranges:
    watched = ModelProto()
    watched.CopyFrom(model)
    del watched.graph.output[:]
    for name in names:
        for operator in ("ReduceMin", "ReduceMax"):
            watched.graph.node.append(helper.make_node(operator, [name], [f"{name}.{operator}"], keepdims=0))
            value = helper.make_tensor_value_info(f"{name}.{operator}", TensorProto.FLOAT, [])
            watched.graph.output.append(value)
    graph = core().read_model(watched.SerializeToString())
    network = core().compile_model(graph, "CPU", options(available_cores(), 1, bf16=False))
    found = np.array([[float(value) for value in network(sample).values()] for sample in samples])
    lows, highs = found[:, ::2].min(axis=0, initial=0), found[:, 1::2].max(axis=0, initial=0)
    return dict(zip(names, zip(lows.tolist(), highs.tolist(), strict=True), strict=True))


def _store(model: ModelProto, weights: TensorProto) -> NodeProto:
    """Weights O×I×H×W as integers; returns what makes them numbers again."""
    name, values = weights.name, numpy_helper.to_array(weights)
    largest = np.abs(values).max(axis=(1, 2, 3), keepdims=True)
    if not np.isfinite(largest).all():
        raise ModelError("The network has weights that are not finite.", "Train it anew, at a lower rate.")
    scale = (np.maximum(largest, 1e-12) / _LARGEST).astype(np.float32)
    weights.CopyFrom(numpy_helper.from_array(np.rint(values / scale).astype(np.int8), f"{name}.int8"))
    model.graph.initializer.append(numpy_helper.from_array(scale.ravel(), f"{name}.scale"))
    return helper.make_node("DequantizeLinear", [f"{name}.int8", f"{name}.scale"], [name], axis=0)


def _rounded(model: ModelProto, names: Sequence[str], ranges: Ranges) -> Iterator[NodeProto]:
    """What makes integers of those tensors that have a range, and numbers again."""
    for name in names:
        if name not in ranges:
            continue
        low, high = ranges[name]
        step = max(high - low, 1e-12) / _LEVELS
        zero, parts = round(-low / step), [f"{name}.step", f"{name}.zero"]
        model.graph.initializer.append(numpy_helper.from_array(np.array(step, np.float32), parts[0]))
        model.graph.initializer.append(numpy_helper.from_array(np.array(zero, np.uint8), parts[1]))
        yield helper.make_node("QuantizeLinear", [name, *parts], [f"{name}.uint8"])
        yield helper.make_node("DequantizeLinear", [f"{name}.uint8", *parts], [f"{name}.rounded"])
