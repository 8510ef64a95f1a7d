"""The two graphs for OpenVINO."""

from pathlib import Path
from typing import Any

from manuscribe.engines.openvino_graphs import keep_states, shrink_weights
from manuscribe.readers.trocr.configuration import Configuration
from manuscribe.readers.trocr.engines.graphs import ImageGraph, TextGraph, image_example, text_example, tracing
from manuscribe.readers.trocr.engines.ports import Ports, is_wide
from manuscribe.readers.trocr.engines.runtimes import Precision
from manuscribe.readers.trocr.network import TrocrNetwork


def write_graphs(network: TrocrNetwork, configuration: Configuration, folder: Path, precision: Precision) -> None:
    """Write `image.xml` and `text.xml`, each with its `.bin`, into a folder; weights in 32, 16 or 8 bits."""
    import openvino

    image, text = convert(network, configuration, int8=precision == "int8")
    for graph, name in ((image, "image"), (text, "text")):
        openvino.save_model(graph, folder / f"{name}.xml", compress_to_fp16=precision in ("bf16", "fp16"))


def convert(network: TrocrNetwork, configuration: Configuration, *, int8: bool) -> tuple[Any, Any]:
    """OpenVINO models for images and texts; the text's keeps its past by itself, and takes `rows` to choose from it."""
    import openvino

    with tracing():
        image = openvino.convert_model(ImageGraph(network), example_input=image_example(configuration))
        text = openvino.convert_model(TextGraph(network), example_input=text_example(configuration))
    _name(image, text, configuration)
    ports = Ports.of(configuration)
    keep_states(text, list(zip(ports.past, ports.now, strict=True)), "tokens")
    if int8:
        shrink_weights(image)
        shrink_weights(text)
    return image, text


def _name(image: Any, text: Any, configuration: Configuration) -> None:
    from openvino import PartialShape, Type

    decoder, ports = configuration.decoder, Ports.of(configuration)
    height, width = configuration.encoder.image_size
    for port, name in zip(image.inputs, ports.image, strict=True):
        port.tensor.set_names({name})
    image.inputs[0].node.set_partial_shape(PartialShape([-1, 3, height, -1 if is_wide(configuration) else width]))
    for port, name in zip(image.outputs, (*ports.seen, "states"), strict=True):
        port.tensor.set_names({name})
    if is_wide(configuration):
        image.inputs[1].node.set_partial_shape(PartialShape([-1]))
    for port, name in zip(text.inputs, ("tokens", *ports.seen, *ports.past), strict=True):
        port.tensor.set_names({name})
        if name == "hidden":
            port.node.set_partial_shape(PartialShape([-1, 1, 1, -1]))
        elif name != "tokens":
            port.node.set_partial_shape(PartialShape([-1, decoder.heads, -1, decoder.hidden_size // decoder.heads]))
    text.inputs[0].node.set_element_type(Type.i64)
    for port, name in zip(text.outputs, ("scores", *ports.now), strict=True):
        port.tensor.set_names({name})
    image.validate_nodes_and_infer_types()
    text.validate_nodes_and_infer_types()
