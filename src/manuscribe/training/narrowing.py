"""Going on with a network that is narrower inside: of its hidden channels those are kept that matter most.

The layer behind them is fitted anew to what is left, by least squares on sample lines. One channel after the other is
left out, as weights are in the optimal brain surgeon (Hassibi and Stork 1993), with the layer's output in the place of
the network's error (as in ThiNet, Luo et al. 2017, arXiv 1707.06342).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from manuscribe.errors import ModelError
from manuscribe.training.reader_network import Block, CompactNetwork, Residual

_RIDGE = 1e-4  # of the mean energy of an input


@dataclass(frozen=True, slots=True)
class _Hidden:
    """Hidden channels: the modules that they come out of, and the layer that they go into."""

    name: str
    makers: Sequence[nn.Module]
    taker: nn.Conv2d | nn.Linear


@torch.no_grad()
def narrow(large: CompactNetwork, small: CompactNetwork, batches: Sequence[Tensor]) -> None:
    """Fill a network with what matters most of a larger one.

    Args:
        small: Of the same size but for fewer channels inside its residuals and blocks; changed in place.
        batches: Lines, B×1×64×W each, by which it is judged what matters.

    Raises:
        ModelError: The networks differ in something else.
    """
    pairs = list(zip(_hidden(large), _hidden(small), strict=False))
    state, wanted = large.state_dict(), small.state_dict()
    hidden = [f"{one.name}." for one, _ in pairs]
    for name, tensor in wanted.items():
        same = name in state and state[name].shape == tensor.shape
        if same:
            tensor.copy_(state[name])
        if len(state) != len(wanted) or not (same or any(name.startswith(part) for part in hidden)):
            raise ModelError(
                "The network differs in size from the one it begins with in more than what is inside its parts.",
                "Change only `inner` and `hidden` of what the model's card tells, or start afresh.",
            )
    for whole, part in pairs:
        if whole.taker.weight.shape != part.taker.weight.shape:
            _fit(whole, part, _energies(large, whole.taker, batches))


def _hidden(network: CompactNetwork) -> Iterator[_Hidden]:
    for name, module in network.named_modules():
        if isinstance(module, Residual):
            yield _Hidden(name, list(module.first), module.second)
        elif isinstance(module, Block):
            yield _Hidden(name, [module.hidden], module.output)


def _fit(whole: _Hidden, part: _Hidden, energies: Tensor) -> None:
    """Keep the channels that add most, and let the layer behind them make up for the others as well as it can."""
    outputs, channels = whole.taker.weight.shape[:2]
    count = part.taker.weight.shape[1]
    if count > channels:
        raise ModelError(
            f"The network is wider inside ({whole.name}: {count} channels) than the one it begins with ({channels}).",
            "Make `inner` and `hidden` no larger than the model's card tells.",
        )
    weights = whole.taker.weight.double().reshape(outputs, -1)  # those of a channel lie side by side
    kept, fitted = _eliminate(weights, energies, channels, count)
    part.taker.weight.copy_(fitted.reshape(part.taker.weight.shape))
    for maker, narrower in zip(whole.makers, part.makers, strict=True):
        values = maker.state_dict()
        for name, tensor in narrower.state_dict().items():
            tensor.copy_(values[name][kept] if tensor.ndim else values[name])


def _eliminate(weights: Tensor, energies: Tensor, channels: int, count: int) -> tuple[Tensor, Tensor]:
    """Leave out one channel after the other, each time the one that costs least when the others make up for it.

    Args:
        weights: O×K, for K inputs, as many of each channel.
        energies: K×K, second moments of the inputs.

    Returns:
        The channels that are left, and the weights of their inputs.
    """
    energies.diagonal().add_(_RIDGE * energies.diagonal().mean())
    inverse = torch.linalg.inv(energies)
    taps = len(energies) // channels
    every = torch.arange(len(energies)).reshape(channels, taps)
    left = list(range(channels))
    for _ in range(channels - count):
        own = inverse.reshape(channels, taps, channels, taps)[left, :, left]  # L×taps×taps
        theirs = weights.reshape(len(weights), channels, taps)[:, left]
        cost = torch.einsum("ols,lst,olt->l", theirs, torch.linalg.inv(own), theirs)
        gone = every[left.pop(int(cost.argmin()))]
        change = torch.linalg.solve(inverse[gone][:, gone], inverse[gone])  # taps×K
        weights = weights - weights[:, gone] @ change
        inverse = inverse - inverse[:, gone] @ change
    return torch.tensor(left), weights[:, every[left].flatten()]


def _energies(network: CompactNetwork, taker: nn.Module, batches: Sequence[Tensor]) -> Tensor:
    """Second moments of what goes into a layer, K×K for its K weights an output."""
    sums: list[Tensor] = []

    def add(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        (x,) = inputs
        if isinstance(layer, nn.Conv2d):
            x = F.unfold(x, layer.kernel_size, padding=1).transpose(1, 2)
        seen = x.reshape(-1, x.shape[-1])
        sums.append((seen.T @ seen).double())

    hook = taker.register_forward_pre_hook(add)
    network.eval()
    for batch in batches:
        network(batch)
    hook.remove()
    return torch.stack(sums).sum(dim=0)
