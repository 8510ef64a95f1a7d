import json

import pytest
import torch

from manuscribe.readers.vlm.deepseek.configuration import DeepseekOCRConfig
from tests.conftest import SHARED
from tests.readers.vlm.deepseek.building import new, published

FACTS = SHARED / "deepseek-ocr" / "tensors.json"

# The published config.json, as far as it says something of the network.
PUBLISHED = {
    "model_type": "deepseek_vl_v2",
    "architectures": ["DeepseekOCRForCausalLM"],
    "auto_map": {"AutoModel": "modeling_deepseekocr.DeepseekOCRForCausalLM"},
    "candidate_resolutions": [[1024, 1024]],
    "global_view_pos": "head",
    "tile_tag": "2D",
    "language_config": {
        "bos_token_id": 0, "eos_token_id": 1, "first_k_dense_replace": 1, "hidden_size": 1280,
        "intermediate_size": 6848, "kv_lora_rank": None, "lm_head": True, "max_position_embeddings": 8192,
        "moe_intermediate_size": 896, "n_group": 1, "n_routed_experts": 64, "n_shared_experts": 2,
        "num_attention_heads": 10, "num_experts_per_tok": 6, "num_hidden_layers": 12, "num_key_value_heads": 10,
        "q_lora_rank": None, "topk_group": 1, "topk_method": "greedy", "use_mla": False, "vocab_size": 129280,
    },
    "projector_config": {"input_dim": 2048, "model_type": "mlp_projector", "n_embed": 1280, "projector_type": "linear"},
    "vision_config": {
        "image_size": 1024, "mlp_ratio": 3.7362, "model_name": "deeplip_b_l", "model_type": "vision",
        "width": {
            "clip-l-14-224": {"heads": 16, "image_size": 224, "layers": 24, "patch_size": 14, "width": 1024},
            "sam_vit_b": {
                "downsample_channels": [512, 1024], "global_attn_indexes": [2, 5, 8, 11], "heads": 12, "layers": 12,
                "width": 768,
            },
        },
    },
}  # fmt: skip


@pytest.mark.skipif(not FACTS.is_file(), reason="the published checkpoint's list of tensors is not here")
def test_names_and_shapes_are_the_published_checkpoints():
    wanted = {name: tuple(shape) for name, shape in json.loads(FACTS.read_text(encoding="utf-8")).items()}
    found = {name: tuple(tensor.shape) for name, tensor in published().state_dict().items()}
    assert len(wanted) == 2710
    assert found == wanted


def test_the_published_settings_are_those_of_a_network_without_settings():
    told, usual = DeepseekOCRConfig(**PUBLISHED), DeepseekOCRConfig()
    assert (told.sam, told.clip) == (usual.sam, usual.clip)
    for name in ("hidden_size", "num_hidden_layers", "n_routed_experts", "num_experts_per_tok", "rms_norm_eps"):
        assert getattr(told, name) == getattr(usual, name)
    assert sum(weight.numel() for weight in published().parameters()) == 3_336_106_240
    assert "auto_map" not in told.to_dict()


def test_settings_are_the_same_when_they_were_written_and_read(tmp_path):
    model, _ = new()
    model.config.save_pretrained(tmp_path)
    again = DeepseekOCRConfig.from_pretrained(tmp_path)
    assert (again.sam, again.clip, again.vocab_size) == (model.config.sam, model.config.clip, model.config.vocab_size)
    assert json.loads((tmp_path / "config.json").read_text())["model_type"] == "deepseek_vl_v2"


def test_tokens_of_images_and_places_must_be_as_many():
    model, _ = new()
    tokens, grids = torch.full((1, 4), model.config.image_token_id), torch.ones((1, 2), dtype=torch.long)
    with pytest.raises(ValueError, match="4 tokens of images for 7 places"):
        model(tokens, pixel_values=torch.zeros(1, 3, 128, 128), grids=grids)
