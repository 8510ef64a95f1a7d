"""From trained weights to what ships: one ONNX file, in eight and sixteen bits, with its card beside it."""

import json
import warnings
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import torch
import yaml
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from manuscribe.formats.writing import write_atomically
from manuscribe.models.card import Card, as_dict, as_markdown, library_versions
from manuscribe.training.eight_bits import quantise_convolutions

_LARGE = 256
"""Values in a constant from which on it is worth storing in half the bytes."""
_EIGHT_BITS = ("QuantizeLinear", "DequantizeLinear")


def export_onnx(
    model: nn.Module,
    example: Tensor,
    path: Path,
    inputs: Mapping[str, Mapping[int, str]],
    outputs: Sequence[str],
    samples: Sequence[Tensor],
) -> None:
    """Write a network of one input as ONNX.

    Convolutions are in eight bits (see `eight_bits`), other weights stored as float16 and widened when the graph is
    loaded.

    Args:
        example: An input, for tracing.
        inputs: Name of the input with its dynamic axes, e.g. `{"lines": {0: "batch", 3: "width"}}`.
        outputs: Names of the outputs.
        samples: Inputs such as it will get, by which the eight bits' ranges are measured.
    """
    model.eval()
    axes = {name: dict(dynamic) for name, dynamic in inputs.items()}
    with TemporaryDirectory() as folder, torch.inference_mode(), warnings.catch_warnings():
        # The tracing exporter is called legacy, but needs no further package and keeps the graph small and plain.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            model,
            (example,),
            f"{folder}/graph.onnx",
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes=axes,
            opset_version=17,
            dynamo=False,
        )
        graph = onnx.load(f"{folder}/graph.onnx")
    quantise_convolutions(graph, [np.ascontiguousarray(sample.numpy()) for sample in samples])
    write_atomically(path, _halve(graph).SerializeToString())


def write_card(path: Path, card_of: Mapping[str, Any]) -> Card:
    """Write the card of the ONNX file `path` beside it, as `.json` and `.md`; its version is the file's digest."""
    card = Card(version=sha256(path.read_bytes()).hexdigest()[:12], libraries=library_versions(), **card_of)
    text = json.dumps(as_dict(card), indent=1, ensure_ascii=False)
    path.with_suffix(".json").write_text(text + "\n", encoding="utf-8")
    path.with_suffix(".md").write_text(as_markdown(json.loads(text)), encoding="utf-8")
    return card


def write_hub_card(folder: Path, card_of: Mapping[str, Any], languages: Sequence[str], base: str = "") -> None:
    """Write the card of a checkpoint folder as the hub has them: `README.md`, with what programs read at its top.

    Args:
        base: The checkpoint that it was made from, if any.
    """
    digest = sha256(b"".join(path.read_bytes() for path in sorted(folder.glob("*.safetensors")))).hexdigest()
    card = as_dict(Card(version=digest[:12], libraries=library_versions(), **card_of))
    head = {"license": card["licence"].lower(), "language": list(languages), "pipeline_tag": "image-to-text"}
    head |= {"base_model": base} if base else {}
    text = f"---\n{yaml.safe_dump(head, sort_keys=False)}---\n\n{as_markdown(card)}"
    (folder / "README.md").write_text(text, encoding="utf-8")


def _halve(graph: onnx.ModelProto) -> onnx.ModelProto:
    """Store large float32 constants as float16 and cast them back: half the file, and every engine reads it."""
    scales = {name for node in graph.graph.node if node.op_type in _EIGHT_BITS for name in node.input}
    casts = []
    for constant in graph.graph.initializer:
        values, name = numpy_helper.to_array(constant), constant.name
        if values.dtype != np.float32 or values.size < _LARGE or name in scales:
            continue
        constant.CopyFrom(numpy_helper.from_array(values.astype(np.float16), name + ".half"))
        casts.append(helper.make_node("Cast", [name + ".half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.graph.node]
    del graph.graph.node[:]
    graph.graph.node.extend(nodes)
    onnx.checker.check_model(graph)
    return graph
