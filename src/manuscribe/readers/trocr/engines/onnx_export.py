"""The two graphs for ONNX Runtime."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
import torch
from torch import nn

from manuscribe.readers.trocr.configuration import Configuration
from manuscribe.readers.trocr.engines.graphs import ImageGraph, TextGraph, image_example, text_example, tracing
from manuscribe.readers.trocr.engines.onnx_quantise import Ranges, inputs, quantise
from manuscribe.readers.trocr.engines.ports import Ports, is_wide
from manuscribe.readers.trocr.images import Images
from manuscribe.readers.trocr.network import TrocrNetwork

_OPSET = 17
_ATTENTION = "aten::scaled_dot_product_attention"


def write_graphs(
    network: TrocrNetwork, configuration: Configuration, folder: Path, *, int8: bool, typical: Sequence[Images] = ()
) -> None:
    """Write `image.onnx` and `text.onnx` into a folder; see `graphs`.

    Args:
        typical: Images by which the encoder's eight bits are measured once and for all; see `onnx_quantise`.
    """
    ports = Ports.of(configuration)
    axes = {name: {0: "texts", 2: "length"} for name in (*ports.past, *ports.now)}
    axes |= {name: {0: "texts", 1: "new"} for name in ("tokens", "scores")}
    axes |= {name: {0: "images", 2: "places"} for name in ports.seen}
    axes |= {"hidden": {0: "images", 3: "places"}, "states": {0: "images", 1: "places"}, "columns": {0: "images"}}
    axes |= {"pixels": {0: "images", 3: "width"} if is_wide(configuration) else {0: "images"}}
    image, text = folder / "image.onnx", folder / "text.onnx"
    encoder, decoder = configuration.encoder, configuration.decoder
    with _plain_attention(encoder.hidden_size // encoder.num_attention_heads):
        _export(ImageGraph(network), image_example(configuration), image, ports.image, [*ports.seen, "states"], axes)
    given, made = ["tokens", *ports.seen, *ports.past], ["scores", *ports.now]
    with _plain_attention(decoder.hidden_size // decoder.heads):
        _export(TextGraph(network), text_example(configuration), text, given, made, axes)
    if int8:
        # Wide lines are padded to the widest of a batch, and what pads must not change a line's scale.
        ranges = _ranges(image, ports, typical) if typical else None
        _shrink(image, ranges, by_rows=ranges is None and is_wide(configuration))
        _shrink(text, by_rows=True)
    for path in (image, text):
        # With shapes in the file ONNX Runtime joins more nodes into one.
        onnx.shape_inference.infer_shapes_path(path)


def _export(
    graph: nn.Module,
    example: tuple[object, ...],
    path: Path,
    inputs: list[str],
    outputs: list[str],
    axes: dict[str, dict[int, str]],
) -> None:
    with tracing():
        # The tracing exporter needs no further package, and keeps the graph plain.
        torch.onnx.export(
            graph.eval(),
            example,
            str(path),
            input_names=inputs,
            output_names=outputs,
            dynamic_axes={name: axes[name] for name in (*inputs, *outputs)},
            opset_version=_OPSET,
            dynamo=False,
        )


@contextmanager
def _plain_attention(size: int) -> Iterator[None]:
    """Write attention with heads of a size so that ONNX Runtime need not copy the keys.

    PyTorch's own way scales and turns them, for each token all keys of the image; this is a quarter of a token's time.
    """

    def attention(g: Any, query: Any, key: Any, value: Any, mask: Any, *_: Any) -> Any:
        scaled = g.op("Mul", query, _constant(g, size**-0.5))
        scores = g.op("MatMul", scaled, g.op("Transpose", key, perm_i=[0, 1, 3, 2]))  # which becomes one operation
        if mask.type().kind() != "NoneType":
            if mask.type().scalarType() == "Bool":
                mask = g.op("Where", mask, _constant(g, 0.0), _constant(g, -math.inf))
            scores = g.op("Add", scores, mask)
        return g.op("MatMul", g.op("Softmax", scores, axis_i=-1), value)

    exporter: Any = torch.onnx
    exporter.register_custom_op_symbolic(_ATTENTION, attention, _OPSET)
    try:
        yield
    finally:
        exporter.unregister_custom_op_symbolic(_ATTENTION, _OPSET)


def _constant(g: Any, value: float) -> Any:
    return g.op("Constant", value_t=torch.tensor(value))


def _ranges(path: Path, ports: Ports, typical: Sequence[Images]) -> Ranges:
    """What goes into the products of the image's graph, smallest and largest, over some images."""
    graph = onnx.load(path)
    names = inputs(graph)
    del graph.graph.output[:]
    graph.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in names)
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    ranges = dict.fromkeys(names, (0.0, 0.0))
    for images in typical:
        for name, found in zip(names, session.run(names, ports.feed(images)), strict=True):
            low, high = ranges[name]
            ranges[name] = (min(low, float(found.min())), max(high, float(found.max())))
    return ranges


def _shrink(path: Path, ranges: Ranges | None = None, *, by_rows: bool = False) -> None:
    graph = onnx.load(path)
    quantise(graph, ranges, by_rows=by_rows)
    onnx.save(graph, path)
