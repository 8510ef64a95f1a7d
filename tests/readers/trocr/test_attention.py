import pytest
import torch
import torch.nn.functional as F

from manuscribe.readers.trocr import attention

SHAPE = (3, 4, 20, 16)  # images, heads, places, size of a head


@pytest.mark.parametrize("images", [None, 1, 3])
def test_image_by_image_it_is_the_same(monkeypatch: pytest.MonkeyPatch, images: int | None) -> None:
    monkeypatch.setattr(attention, "has_tiles", lambda: False)
    chance = torch.Generator().manual_seed(0)
    query, key, value = torch.randn(3, *SHAPE, generator=chance)
    bias = None if images is None else torch.randn(images, 1, 1, SHAPE[2], generator=chance)
    expected = F.scaled_dot_product_attention(query, key, value, attn_mask=bias)
    assert torch.equal(attention.attend(query, key, value, bias), expected)
    found = attention.attend(*(t.bfloat16() for t in (query, key, value)), None if bias is None else bias.bfloat16())
    assert found.dtype == torch.bfloat16
    assert found.float().sub(expected).abs().max() < 0.05


def test_nothing_is_seen_where_there_is_only_padding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attention, "has_tiles", lambda: False)
    query, key, value = torch.randn(3, *SHAPE, generator=torch.Generator().manual_seed(0)).bfloat16()
    bias = torch.zeros(3, 1, 1, SHAPE[2], dtype=torch.bfloat16)
    bias[..., 15:] = -1e9
    changed = value.clone()
    changed[:, :, 15:] = 7
    assert torch.equal(attention.attend(query, key, value, bias), attention.attend(query, key, changed, bias))
