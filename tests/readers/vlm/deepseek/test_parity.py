"""Against transformers' `unlimited_ocr`, which others wrote, of the same towers and the same kind of decoder."""

import json

import pytest
import torch
from transformers import UnlimitedOcrConfig, UnlimitedOcrForConditionalGeneration

from manuscribe.readers.vlm.deepseek.network import DeepseekOCRForCausalLM
from manuscribe.training.deepseek_checkpoint import IMAGE
from tests.readers.vlm.deepseek.building import SIZE, new


@pytest.fixture(scope="module")
def ours() -> DeepseekOCRForCausalLM:
    return new()[0]


@pytest.fixture(scope="module")
def theirs(ours, tmp_path_factory):
    """The other network, which loads what ours was saved as, by its own rules for names."""
    folder = tmp_path_factory.mktemp("theirs")
    ours.save_pretrained(folder)
    config = UnlimitedOcrConfig(
        vision_config={
            "sam_config": {
                "hidden_size": SIZE.window_width, "output_channels": SIZE.neck, "num_hidden_layers": SIZE.window_layers,
                "num_attention_heads": SIZE.window_width // 24, "image_size": SIZE.image, "window_size": SIZE.window,
                "global_attn_indexes": [SIZE.window_layers - 1], "mlp_dim": 4 * SIZE.window_width,
                "downsample_channels": [SIZE.middle, SIZE.width],
            },
            "encoder_config": {
                "hidden_size": SIZE.width, "intermediate_size": 4 * SIZE.width, "image_size": 14 * SIZE.image // 64,
                "num_hidden_layers": SIZE.clip_layers, "num_attention_heads": SIZE.heads, "patch_size": 14,
            },
        },
        text_config={
            "vocab_size": ours.config.vocab_size, "hidden_size": SIZE.width, "intermediate_size": 2 * SIZE.inner,
            "num_hidden_layers": SIZE.layers, "num_attention_heads": SIZE.heads, "num_key_value_heads": SIZE.heads,
            "n_routed_experts": SIZE.experts, "n_shared_experts": 1, "num_experts_per_tok": SIZE.chosen,
            "moe_intermediate_size": SIZE.inner, "max_position_embeddings": SIZE.longest,
            "sliding_window": SIZE.longest,  # wider than any text here: then nothing slides
        },
        image_token_id=IMAGE,
    )  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config.to_dict()), encoding="utf-8")
    model, info = UnlimitedOcrForConditionalGeneration.from_pretrained(
        folder, config=config, output_loading_info=True, dtype=torch.float32
    )
    assert not info["missing_keys"]
    return model.eval()


@pytest.mark.parametrize("side", [128, 64, 192, 256])
@torch.inference_mode()
def test_window_encoder_and_compressor(ours, theirs, side):
    pixels = torch.randn(2, 3, side, side)
    found = ours.model.sam_model(pixels)
    wanted = theirs.model.vision_tower.sam_encoder(pixels).last_hidden_state
    assert found.shape == (2, SIZE.width, side // 64, side // 64)
    assert (found - wanted).abs().max() <= 1e-4


@pytest.mark.parametrize("side", [1, 2, 3, 5])
@torch.inference_mode()
def test_second_encoder(ours, theirs, side):
    features = torch.randn(2, SIZE.width, side, side)
    found = ours.model.vision_model(features)
    wanted = theirs.model.vision_tower.vision_encoder(features).last_hidden_state
    assert found.shape == (2, 1 + side * side, SIZE.width)
    assert (found - wanted).abs().max() <= 1e-4


@torch.inference_mode()
def test_projector(ours, theirs):
    pixels = torch.randn(2, 3, 192, 192)
    wanted = theirs.model.multi_modal_projector(theirs.model.vision_tower(pixels).last_hidden_state)
    assert (ours.model.features(pixels).flatten(1, 2) - wanted).abs().max() <= 1e-4


@pytest.mark.parametrize("grid", [(1, 1), (2, 1), (2, 3), (1, 4)])
@torch.inference_mode()
def test_whole_network_with_tiles(ours, theirs, grid):
    columns, rows = grid
    count = columns * rows if columns * rows > 1 else 0
    views, tiles = torch.randn(2, 3, 128, 128), torch.randn(count, 3, 64, 64) if count else None
    grids = torch.tensor([grid, (1, 1)])
    places = 2 * (2 * 3 + 1) + (rows * (columns + 1) if count else 0)
    states = ours.model.image_states(views, tiles, grids)
    assert len(states) == places
    # One sequence for both images, as the places come one after the other.
    tokens = torch.tensor([[0, *[IMAGE] * places, 20, 30, 40, 50]])
    found = ours(tokens, image_states=states).logits
    more = {"pixel_values_local": tiles, "num_local_patches": [count, 0], "patches_grid": grids.tolist()}
    wanted = theirs(tokens, pixel_values=views, **(more if count else {})).logits
    assert (found - wanted).abs().max() <= 1e-4


def reference(model: DeepseekOCRForCausalLM, tokens: torch.Tensor, more: dict, count: int) -> list[int]:
    """Greedy, computing everything anew for each token."""
    written: list[int] = []
    for _ in range(count):
        scores = model(torch.cat([tokens, torch.tensor([written], dtype=torch.long)], dim=1), **more).logits
        written.append(int(scores[0, -1].argmax()))
    return written


@torch.inference_mode()
def test_cache_changes_nothing(ours):
    grids = torch.tensor([[2, 1]])
    more = {"pixel_values": torch.randn(1, 3, 128, 128), "tiles": torch.randn(2, 3, 64, 64), "grids": grids}
    tokens = torch.tensor([[0, *[IMAGE] * (7 + 3), 20, 30, 40]])
    found = ours.generate(
        tokens, attention_mask=torch.ones_like(tokens), **more, max_new_tokens=12, do_sample=False, eos_token_id=None
    )
    assert found[0, tokens.shape[1] :].tolist() == reference(ours, tokens, more, 12)


@torch.inference_mode()
def test_loss_is_that_of_the_next_token(ours):
    tokens = torch.tensor([[0, 20, 30, 40, 50]])
    labels = torch.tensor([[-100, -100, 30, 40, 50]])
    found = ours(tokens, labels=labels)
    wanted = torch.nn.functional.cross_entropy(found.logits[0, 1:4], labels[0, 2:])
    assert abs(float(found.loss) - float(wanted)) < 1e-5
    half = ours(tokens, labels=labels, num_items_in_batch=6).loss
    assert abs(float(half) - float(wanted) / 2) < 1e-5
