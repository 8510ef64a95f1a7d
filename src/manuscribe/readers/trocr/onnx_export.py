"""The two graphs for ONNX Runtime."""

from pathlib import Path

import torch
from torch import nn

from manuscribe.readers.trocr.configuration import Configuration
from manuscribe.readers.trocr.graphs import ImageGraph, TextGraph, image_example, text_example, tracing
from manuscribe.readers.trocr.network import TrocrNetwork

_OPSET = 17


def write_graphs(network: TrocrNetwork, configuration: Configuration, folder: Path, *, int8: bool) -> None:
    """Write `image.onnx` and `text.onnx` into a folder; see `graphs`."""
    count = 2 * configuration.decoder.layers
    seen, past, now = ([f"{kind}.{n}" for n in range(count)] for kind in ("image", "past", "now"))
    tokens, image, before = text_example(configuration)
    axes = {name: {0: "texts", 2: "length"} for name in (*past, *now)}
    axes |= {name: {0: "texts", 1: "new"} for name in ("tokens", "scores")}
    axes |= {name: {0: "images", 2: "places"} for name in seen} | {"pixels": {0: "images"}}
    _export(ImageGraph(network), (image_example(configuration),), folder / "image.onnx", ["pixels"], seen, axes)
    inputs, outputs = ["tokens", *seen, *past], ["scores", *now]
    _export(TextGraph(network), (tokens, image, before), folder / "text.onnx", inputs, outputs, axes)
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
