"""Changes to OpenVINO graphs: a memory inside the graph, weights in eight bits."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROWS = "rows"
"""Input of a graph with states: which rows of its states to go on from (int32, R)."""

_SMALLEST = 4096  # values; below that eight bits save nothing


def keep_states(model: Any, pairs: Sequence[tuple[str, str]], like: str) -> None:
    """Let a graph keep outputs as its inputs of the next run, and take `ROWS` to choose among their rows.

    The states are R×A×L×B: they begin with L = 0, and as many rows as the input `like`.

    Args:
        model: An `openvino.Model`; it is changed.
        pairs: Names of inputs and the outputs that they become.
    """
    from openvino import opset13 as ops
    from openvino._offline_transformations import apply_make_stateful_transformation

    rows = ops.parameter([-1], dtype=np.int32, name=ROWS)
    rows.output(0).tensor.set_names({ROWS})
    for name, _ in pairs:
        state = model.input(name)
        users = list(state.get_target_inputs())
        chosen = ops.gather(state.node.output(0), rows, ops.constant(0, dtype=np.int64))
        for user in users:
            user.replace_source_output(chosen.output(0))
    model.add_parameters([rows])
    model.validate_nodes_and_infer_types()
    apply_make_stateful_transformation(model, dict(pairs))
    _begin_empty(model, like)


def _begin_empty(model: Any, like: str) -> None:
    from openvino import opset13 as ops

    shape = ops.shape_of(model.input(like), output_type="i64")
    count = ops.gather(shape, ops.constant([0]), ops.constant(0))
    for node in model.get_ops():
        if node.get_type_name() == "ReadValue":
            sizes = node.get_output_partial_shape(0)
            known = [ops.constant([sizes[n].get_length() if sizes[n].is_static else 0]) for n in (1, 2, 3)]
            zero = ops.constant(0.0, dtype=np.float32)
            node.set_arguments([ops.broadcast(zero, ops.concat([count, *known], axis=0))])
    model.validate_nodes_and_infer_types()


def shrink_weights(model: Any) -> None:
    """Store matrices in eight bits with a scale for each row of outputs; they are widened when they are used.

    Tables from which rows are taken are shrunk the same way, so that one that is also a matrix is stored once.
    """
    for node in model.get_ops():
        kind = node.get_type_name()
        if kind == "MatMul":
            _shrink_matrix(node)
        elif kind == "Gather":
            _shrink_table(node)


def _shrink_matrix(node: Any) -> None:
    from openvino import opset13 as ops

    constant = _large_constant(node, 1)
    if constant is None:
        return
    small, scale = _in_eight_bits(constant, axis=1 if node.get_attributes()["transpose_b"] else 0)
    wide = ops.multiply(ops.convert(ops.constant(small), "f32"), ops.constant(scale))
    node.input(1).replace_source_output(wide.output(0))


def _shrink_table(node: Any) -> None:
    from openvino import opset13 as ops

    constant = _large_constant(node, 0)
    if constant is None:
        return
    small, scale = _in_eight_bits(constant, axis=1)
    places, axis = node.input_value(1), ops.constant(0)
    taken = ops.convert(ops.gather(ops.constant(small), places, axis), "f32")
    whole = ops.multiply(taken, ops.gather(ops.constant(scale), places, axis))
    for user in list(node.output(0).get_target_inputs()):
        user.replace_source_output(whole.output(0))


def _large_constant(node: Any, place: int) -> NDArray[np.float32] | None:
    source = node.input_value(place).get_node()
    if source.get_type_name() != "Constant":
        return None
    values = np.asarray(source.data)
    return values if values.ndim == 2 and values.size >= _SMALLEST and values.dtype == np.float32 else None


def _in_eight_bits(values: NDArray[np.float32], axis: int) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Symmetric: the largest value along the axis becomes 127."""
    scale = np.maximum(np.abs(values).max(axis=axis, keepdims=True), 1e-12).astype(np.float32) / np.float32(127)
    return np.clip(np.rint(values / scale), -127, 127).astype(np.int8), scale
