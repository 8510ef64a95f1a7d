"""The two graphs for ONNX Runtime."""

from collections.abc import Sequence
from pathlib import Path

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
    _export(ImageGraph(network), image_example(configuration), image, ports.image, [*ports.seen, "states"], axes)
    inputs, outputs = ["tokens", *ports.seen, *ports.past], ["scores", *ports.now]
    _export(TextGraph(network), text_example(configuration), text, inputs, outputs, axes)
    if int8:
        _shrink(image, _ranges(image, ports, typical) if typical else None)
        _shrink(text, None)
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


def _shrink(path: Path, ranges: Ranges | None) -> None:
    graph = onnx.load(path)
    quantise(graph, ranges)
    onnx.save(graph, path)
