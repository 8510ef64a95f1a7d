"""Eight bits for ONNX graphs: matrices are stored as integers, and multiplied as such.

Each column of a matrix has its own scale. What it is multiplied with becomes integers, too, in one of three ways: with
a scale that was measured before, always the same; with one for all that is computed at once, which is as fast; or each
row with its own, slower where there are many. With the second one a result depends on what else is in the batch: such
graphs are marked `ALONE`, to be given images one by one. All else is computed in 32 bits; large constants of it are
stored in 16.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from manuscribe.readers.trocr.engines.ports import ALONE

Ranges = Mapping[str, tuple[float, float]]
"""Smallest and largest value of tensors, by their names."""

_SMALLEST = 4096  # values; below that eight bits save nothing
# Seven bits: processors without VNNI add two products in 16 bits, which full eight bits would overflow (ONNX Runtime,
# "Quantize ONNX models", section on U8S8 and reduce_range).
_LARGEST = 63
_DOMAIN = "com.microsoft"  # ONNX Runtime's own operations
_ZERO, _STEP = "int8.zero", "int8.step"
_MIDDLE = 128  # stands for 0 where a row has its own scale
_ROW = 127  # the largest number of such a row


def quantise(graph: ModelProto, ranges: Ranges | None = None, *, by_rows: bool = False) -> None:
    """Change a graph so that it computes in eight bits.

    Args:
        ranges: Of the inputs of all products with matrices (see `inputs`); `None` measures each time anew.
        by_rows: Give each row its own scale.
    """
    _Quantiser(graph, ranges, by_rows).run()
    graph.opset_import.append(helper.make_opsetid(_DOMAIN, 1))
    if ranges is None and not by_rows:
        graph.metadata_props.add(key=ALONE, value="yes")


def inputs(graph: ModelProto) -> list[str]:
    """What is multiplied with matrices: names of tensors whose ranges can be measured."""
    constants = {constant.name: constant for constant in graph.graph.initializer}
    products = [node for node in graph.graph.node if node.op_type == "MatMul"]
    return list(dict.fromkeys(node.input[0] for node in products if _is_matrix(constants.get(node.input[1]))))


class _Quantiser:
    def __init__(self, graph: ModelProto, ranges: Ranges | None, by_rows: bool) -> None:
        self._graph, self._ranges, self._by_rows = graph.graph, ranges, by_rows
        self._constants = {constant.name: constant for constant in self._graph.initializer}
        self._added = [
            numpy_helper.from_array(np.array(0, np.int8), _ZERO),
            numpy_helper.from_array(np.array(1 / _ROW, np.float32), _STEP),
        ]
        self._quantised: dict[str, tuple[str, str, str]] = {}
        self._matrices: dict[str, NDArray[np.float32]] = {}

    def run(self) -> None:
        """Replace the nodes, then the constants that nothing uses any more."""
        nodes = [new for node in self._graph.node for new in self._replaced(node)]
        nodes = [new for node in nodes for new in self._looked_up(node)]
        used = {name for node in nodes for name in node.input}
        kept = [c for c in [*self._graph.initializer, *self._added] if c.name in used]
        casts = [self._halve(constant) for constant in kept if _is_large(constant)]
        del self._graph.node[:]
        self._graph.node.extend([*casts, *nodes])
        del self._graph.initializer[:]
        self._graph.initializer.extend(kept)

    def _halve(self, constant: TensorProto) -> NodeProto:
        name, values = constant.name, numpy_helper.to_array(constant)
        constant.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}.half"))
        return helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT)

    def _replaced(self, node: NodeProto) -> Iterator[NodeProto]:
        if node.op_type != "MatMul" or not _is_matrix(self._constants.get(node.input[1])):
            yield node
            return
        given, matrix = node.input
        if matrix not in self._matrices:
            self._matrices[matrix] = numpy_helper.to_array(self._constants[matrix])
            self._store(matrix)
        if given not in self._quantised:
            yield from self._quantise(given)
        integers, scale, zero = self._quantised[given]
        name = node.output[0]
        # What each row has of its own comes after the product: that takes one scale for all of them.
        step, product = (_STEP, f"{name}.steps") if self._by_rows else (scale, name)
        factors = [integers, f"{matrix}.q", step, f"{matrix}.scale", zero, _ZERO]
        yield helper.make_node("MatMulIntegerToFloat", factors, [product], domain=_DOMAIN)
        if self._by_rows:
            yield helper.make_node("Mul", [product, scale], [name])

    def _store(self, name: str) -> None:
        values = self._matrices[name]
        scale = np.maximum(np.abs(values).max(axis=0), 1e-12).astype(np.float32) / np.float32(_LARGEST)
        self._add(f"{name}.q", np.rint(values / scale).astype(np.int8))
        self._add(f"{name}.scale", scale)

    def _quantise(self, name: str) -> Iterator[NodeProto]:
        names = (f"{name}.q", f"{name}.scale", f"{name}.zero")
        self._quantised[name] = names
        if self._by_rows:
            yield from self._quantise_rows(name, *names)
            return
        if self._ranges is None:
            yield helper.make_node("DynamicQuantizeLinear", [name], list(names))
            return
        low, high = min(0.0, self._ranges[name][0]), max(0.0, self._ranges[name][1])
        scale = max(high - low, 1e-12) / 255
        self._add(names[1], np.array(scale, np.float32))
        self._add(names[2], np.array(round(-low / scale), np.uint8))
        yield helper.make_node("QuantizeLinear", [name, names[1], names[2]], [names[0]])

    def _quantise_rows(self, name: str, integers: str, scale: str, zero: str) -> Iterator[NodeProto]:
        """A row's scale is its largest number."""
        least = self._add(f"{name}.least", np.array(1e-12, np.float32))
        self._add(zero, np.array(_MIDDLE, np.uint8))
        size, largest, part = (f"{integers}.{n}" for n in ("size", "largest", "part"))
        yield helper.make_node("Abs", [name], [size])
        yield helper.make_node("ReduceMax", [size], [largest], axes=[-1], keepdims=1)
        yield helper.make_node("Max", [largest, least], [scale])
        yield helper.make_node("Div", [name, scale], [part])
        yield helper.make_node("QuantizeLinear", [part, _STEP, zero], [integers])

    def _looked_up(self, node: NodeProto) -> Sequence[NodeProto]:
        """A table whose rows are taken, and which is a matrix, too, transposed: it is stored once."""
        table = self._constants.get(node.input[0]) if node.op_type == "Gather" else None
        if table is None or not _is_matrix(table):
            return [node]
        values, (_, places), name = numpy_helper.to_array(table), node.input, node.output[0]
        same = [n for n, other in self._matrices.items() if other.shape == values.T.shape and (values == other.T).all()]
        if not same:
            return [node]
        axes = self._add(f"{name}.axes", np.array([-1], np.int64))
        return [
            helper.make_node("Gather", [f"{same[0]}.q", places], [f"{name}.columns"], axis=1),
            helper.make_node("Transpose", [f"{name}.columns"], [f"{name}.rows"], perm=[1, 2, 0]),
            helper.make_node("Cast", [f"{name}.rows"], [f"{name}.wide"], to=TensorProto.FLOAT),
            helper.make_node("Gather", [f"{same[0]}.scale", places], [f"{name}.scales"], axis=0),
            helper.make_node("Unsqueeze", [f"{name}.scales", axes], [f"{name}.scale"]),
            helper.make_node("Mul", [f"{name}.wide", f"{name}.scale"], [name]),
        ]

    def _add(self, name: str, values: NDArray[np.generic]) -> str:
        self._added.append(numpy_helper.from_array(values, name))
        return name


def _is_large(constant: TensorProto | None) -> bool:
    return constant is not None and constant.data_type == TensorProto.FLOAT and int(np.prod(constant.dims)) >= _SMALLEST


def _is_matrix(constant: TensorProto | None) -> bool:
    return constant is not None and len(constant.dims) == 2 and _is_large(constant)
