"""The two graphs for OpenVINO."""

from pathlib import Path
from typing import Any

from manuscribe.engines.openvino_graphs import keep_states, shrink_weights
from manuscribe.readers.trocr.configuration import Configuration
from manuscribe.readers.trocr.graphs import ImageGraph, TextGraph, image_example, text_example, tracing
from manuscribe.readers.trocr.network import TrocrNetwork
from manuscribe.readers.trocr.runtimes import Precision


def write_graphs(network: TrocrNetwork, configuration: Configuration, folder: Path, precision: Precision) -> None:
    """Write `image.xml` and `text.xml`, each with its `.bin`, into a folder; weights in 32, 16 or 8 bits."""
    import openvino

    image, text = convert(network, configuration, int8=precision == "int8")
    for graph, name in ((image, "image"), (text, "text")):
        openvino.save_model(graph, folder / f"{name}.xml", compress_to_fp16=precision == "bf16")


def convert(network: TrocrNetwork, configuration: Configuration, *, int8: bool) -> tuple[Any, Any]:
    """OpenVINO models for images and texts; the text's keeps its past by itself, and takes `rows` to choose from it."""
    import openvino

    with tracing():
        image = openvino.convert_model(ImageGraph(network), example_input=image_example(configuration))
        text = openvino.convert_model(TextGraph(network), example_input=text_example(configuration))
    _name(image, text, configuration)
    count = 2 * configuration.decoder.layers
    keep_states(text, [(f"past.{n}", f"now.{n}") for n in range(count)], "tokens")
    if int8:
        shrink_weights(image)
        shrink_weights(text)
    return image, text


def _name(image: Any, text: Any, configuration: Configuration) -> None:
    from openvino import PartialShape, Type

    decoder = configuration.decoder
    count, size = 2 * decoder.layers, decoder.hidden_size // decoder.heads
    image.inputs[0].tensor.set_names({"pixels"})
    image.inputs[0].node.set_partial_shape(
        PartialShape([-1, configuration.encoder.num_channels, *configuration.encoder.image_size])
    )
    for n in range(count):
        image.outputs[n].tensor.set_names({f"image.{n}"})
        for kind, tensor in (("image", text.inputs[1 + n]), ("past", text.inputs[1 + count + n])):
            tensor.tensor.set_names({f"{kind}.{n}"})
            tensor.node.set_partial_shape(PartialShape([-1, decoder.heads, -1, size]))
        text.outputs[1 + n].tensor.set_names({f"now.{n}"})
    text.inputs[0].tensor.set_names({"tokens"})
    text.inputs[0].node.set_element_type(Type.i64)
    text.outputs[0].tensor.set_names({"scores"})
    image.validate_nodes_and_infer_types()
    text.validate_nodes_and_infer_types()
