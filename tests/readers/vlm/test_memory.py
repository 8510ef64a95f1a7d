import json

import pytest
import torch
from safetensors.torch import save_file

from manuscribe.errors import ModelError
from manuscribe.readers.vlm.memory import MemoryPlan, Shape, free_memory, parameters_in, plan_of, require
from tests.readers.vlm.deepseek.test_structure import PUBLISHED

GIB = 2**30


def plan(gib: float) -> MemoryPlan:
    return MemoryPlan(int(gib * GIB), 0, 0, 0, 100)


def test_the_published_networks_shape_and_cache():
    shape = Shape.of(PUBLISHED)
    assert shape == Shape(layers=12, keys=2560, width=1280, vocabulary=129280)
    found = plan_of(shape, 3_336_106_240, 2, asked=900, longest=1148, image=3 * 1024**2, encoder=0)
    assert found.weights == 6_672_212_480
    assert found.cache == 2048 * 12 * 2560 * 2
    assert found.tokens == 2048
    assert found.total > found.weights + found.cache
    assert "2048 tokens" in found.account


def test_the_decoder_may_be_in_a_part_of_the_settings():
    text = {
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "hidden_size": 64,
        "num_hidden_layers": 3,
        "vocab_size": 9,
    }
    assert Shape.of({"hidden_size": 1, "text_config": text}) == Shape(3, 64, 64, 9)
    with pytest.raises(ModelError, match=r"config\.json does not tell"):
        Shape.of({"vocab_size": 3})


def test_parameters_are_counted_from_headers(tmp_path):
    save_file({"a": torch.zeros(3, 4), "b": torch.zeros(5, dtype=torch.bfloat16)}, tmp_path / "one.safetensors")
    save_file({"c": torch.zeros(())}, tmp_path / "two.safetensors", metadata={"format": "pt"})
    assert parameters_in([tmp_path]) == 18
    for damaged in (b"", b"\xff" * 8, (20).to_bytes(8, "little") + b"nothing like json   ",
                    (12).to_bytes(8, "little") + json.dumps({"a": "b"}).encode()):  # fmt: skip
        (tmp_path / "two.safetensors").write_bytes(damaged)
        with pytest.raises(ModelError, match="damaged"):
            parameters_in([tmp_path])


def test_what_does_not_fit_is_refused_with_what_would():
    plans = {"": plan(8), "--size base": plan(7), "--precision bf16": plan(4), "both": plan(3)}
    require(plans, 9 * GIB, "it")
    require(plans, None, "it")
    with pytest.raises(ModelError, match=r"does not fit into 6\.00 GiB.*Take --precision bf16"):
        require(plans, 6 * GIB, "it")
    with pytest.raises(ModelError, match="--endpoint"):
        require(plans, 1 * GIB, "it")


def test_this_machine_tells_what_is_free():
    free = free_memory("cpu")
    assert free is None or 0 < free < 2**50
