"""Going on with a network that is narrower inside than the one it begins with."""

from typing import Any

import pytest

from manuscribe.errors import ModelError

torch = pytest.importorskip("torch")


def network(
    channels: tuple[int, int, int] = (8, 8, 8),
    inner: tuple[int, int, int] | None = None,
    hidden: int = 32,
    width: int = 64,
) -> Any:
    from manuscribe.training.reader_network import CompactNetwork

    torch.manual_seed(0)
    return CompactNetwork(5, channels, width, 1, hidden, inner).eval()


def batches(count: int) -> list[Any]:
    return [torch.rand((2, 1, 64, 96), generator=torch.Generator().manual_seed(n)) for n in range(count)]


def test_channels_that_say_nothing_are_not_missed() -> None:
    from manuscribe.training.narrowing import narrow

    large, small = network(), network(inner=(5, 5, 5), hidden=20)
    with torch.no_grad():
        for name, tensor in large.named_parameters():
            if ".first." in name or ".hidden." in name:
                tensor[1::3] = 0  # a channel of zeros: 3 of 8, 11 of 32
    narrow(large, small, batches(3))
    (lines,) = batches(1)
    assert small.eval()(lines).detach().numpy() == pytest.approx(large(lines).detach().numpy(), abs=2e-3)


def test_the_layer_behind_makes_up_for_what_is_left_out() -> None:
    from manuscribe.training.narrowing import narrow

    large = network()
    with torch.no_grad():
        for block in large.blocks:  # two channels that say the same
            block.hidden.weight[1], block.hidden.bias[1] = block.hidden.weight[0], block.hidden.bias[0]
    small = network(hidden=31)
    narrow(large, small, batches(3))
    (lines,) = batches(1)
    assert small.eval()(lines).detach().numpy() == pytest.approx(large(lines).detach().numpy(), abs=2e-2)
    untouched = (name for name in large.state_dict() if ".hidden." not in name and ".output." not in name)
    assert all(torch.equal(small.state_dict()[name], large.state_dict()[name]) for name in untouched)


@pytest.mark.parametrize(
    ("small", "told"),
    [
        ({"inner": (9, 8, 8)}, "wider inside"),
        ({"hidden": 40}, "wider inside"),
        ({"channels": (8, 8, 16)}, "more than what is inside"),
        ({"width": 128}, "more than what is inside"),
    ],
)
def test_only_what_is_inside_can_be_narrower(small: dict[str, Any], told: str) -> None:
    from manuscribe.training.narrowing import narrow

    with pytest.raises(ModelError, match=told):
        narrow(network(), network(**small), batches(1))
