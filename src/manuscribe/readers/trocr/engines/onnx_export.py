"""The two graphs for ONNX Runtime."""

from pathlib import Path

import torch
from torch import nn

from manuscribe.readers.trocr.configuration import Configuration
from manuscribe.readers.trocr.engines.graphs import ImageGraph, TextGraph, image_example, text_example, tracing
from manuscribe.readers.trocr.engines.ports import Ports, is_wide
from manuscribe.readers.trocr.network import TrocrNetwork

_OPSET = 17


def write_graphs(network: TrocrNetwork, configuration: Configuration, folder: Path, *, int8: bool) -> None:
    """Write `image.onnx` and `text.onnx` into a folder; see `graphs`."""
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
        for name in ("image", "text"):
            _shrink(folder / f"{name}.onnx")


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


def _shrink(path: Path) -> None:
    """Multiply in eight bits, the inputs' scales found as it runs; tables become eight bits, too."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    whole = path.with_suffix(".whole")
    path.rename(whole)
    quantize_dynamic(whole, path, per_channel=True, weight_type=QuantType.QInt8)
    whole.unlink()
