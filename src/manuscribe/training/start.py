"""Training that goes on from a reader that was exported before, the embedded one for example.

An exported graph no longer has its batch norms: the exporter folds each into the convolution before it. They are
unfolded here with the statistics of sample lines, so that the network computes what the graph computed, and its
batch norms normalise again once it trains. Weights in eight bits are taken as they are; that what goes into
convolutions was rounded, too, is left behind.
"""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import torch
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor, nn

from manuscribe.errors import ModelError
from manuscribe.training.eight_bits import stored_weights
from manuscribe.training.reader_network import CompactNetwork

Constants = Mapping[str, NDArray[np.float32]]


def start_from(path: Path, network: CompactNetwork, lines: Tensor) -> None:
    """Give a network the weights of an exported one of the same size.

    The shortcut head, which is not exported, starts as a copy of the main one.

    Args:
        path: The ONNX file that `export` wrote.
        network: Changed in place; left in eval mode.
        lines: Lines B×1×64×W, as the network will be trained on, to measure the batch norms' statistics with.

    Raises:
        ModelError: The file is no exported reader, or one of another size.
    """
    try:
        _fill(network, onnx.load(str(path)))
    except (OSError, ValueError, KeyError, StopIteration, DecodeError) as error:
        raise ModelError(
            f"{path} cannot be trained further: it is not a reader of this recipe's size ({error}).",
            "Give the recipe the `network` that the model's card tells, or start afresh.",
        ) from error
    _unfold(network, lines)


def _fill(network: CompactNetwork, model: onnx.ModelProto) -> None:
    graph = model.graph
    constants = {c.name.removesuffix(".half"): numpy_helper.to_array(c).astype(np.float32) for c in graph.initializer}
    constants |= stored_weights(model)
    # What the exporter changed has lost its name, but not its place: both are in the order of computing.
    unnamed = [node for node in graph.node if len(node.input) > 1 and node.input[1].startswith("onnx::")]
    folded = iter([node for node in unnamed if node.op_type == "Conv"])
    products = iter([node for node in unnamed if node.op_type == "MatMul" and node.input[1] in constants])
    for convolution, norm in _normed_convolutions(network):
        node = next(folded)
        _set(convolution.weight, constants[node.input[1]])
        _set(norm.bias, constants[node.input[2]])
    for name, module in network.named_modules():
        if isinstance(module, nn.Linear) and name != "shortcut":
            _set(module.weight, constants[next(products).input[1]].T)
    for name, parameter in network.named_parameters():
        if name in constants:
            _set(parameter, constants[name])
    network.shortcut.load_state_dict(network.head.state_dict())


def _normed_convolutions(network: CompactNetwork) -> Iterator[tuple[nn.Conv2d, nn.BatchNorm2d]]:
    """The convolutions that a batch norm follows, each with it, in the order of computing."""
    for module, after in pairwise(network.modules()):
        if isinstance(module, nn.Conv2d) and isinstance(after, nn.BatchNorm2d):
            yield module, after


@torch.no_grad()
def _set(parameter: Tensor, values: NDArray[np.float32]) -> None:
    if parameter.shape != values.shape:
        raise ValueError(f"{tuple(values.shape)} where {tuple(parameter.shape)} is wanted")
    parameter.copy_(torch.from_numpy(np.ascontiguousarray(values)))


@torch.no_grad()
def _unfold(network: CompactNetwork, lines: Tensor) -> None:
    """Turn norms that only add their bias into ones that normalise by what flows through them, changing nothing else.

    (z − mean) / √(var + ε) · weight + bias = z + folded bias  for  weight = √(var + ε), bias = folded bias + mean.
    """
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        _neutral(norm).weight.fill_(1.0)
    measured: dict[nn.Module, tuple[Tensor, Tensor]] = {}

    def measure(norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        measured[norm] = (inputs[0].mean(dim=(0, 2, 3)), inputs[0].var(dim=(0, 2, 3)))

    hooks = [norm.register_forward_pre_hook(measure) for norm in norms]
    network.eval()
    network(lines)
    for hook in hooks:
        hook.remove()
    for norm in norms:
        mean, variance = measured[norm]
        _statistics(norm, mean, variance)
        norm.weight.copy_((variance + norm.eps).sqrt())
        norm.bias.add_(mean)


def _neutral(norm: nn.BatchNorm2d) -> nn.BatchNorm2d:
    _statistics(norm, torch.zeros(norm.num_features), torch.full((norm.num_features,), 1 - norm.eps))
    return norm


def _statistics(norm: nn.BatchNorm2d, mean: Tensor, variance: Tensor) -> None:
    for kept, value in ((norm.running_mean, mean), (norm.running_var, variance)):
        if kept is not None:
            kept.copy_(value)
