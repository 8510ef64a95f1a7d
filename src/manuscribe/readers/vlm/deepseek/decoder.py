"""The decoder's layers: Llama's attention, and a mixture of experts in the place of the feed-forward network.

Source: DeepSeek-V2 (arXiv 2405.04434), section 2.2; without its latent attention, and without its losses that balance
the experts. Each expert is a module of its own, as in the checkpoint's names and as adapters know them; four-bit
quantisation finds its matrices so, too.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import Cache
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.models.llama.modeling_llama import LlamaAttention, LlamaRMSNorm

from manuscribe.readers.vlm.deepseek.configuration import DeepseekOCRConfig


class DecoderLayer(GradientCheckpointingLayer):
    """Attention and feed-forward network over states B×T×C."""

    def __init__(self, config: DeepseekOCRConfig, number: int) -> None:
        super().__init__()
        dense = number < config.first_k_dense_replace
        self.self_attn = LlamaAttention(config, number)  # type: ignore[arg-type]
        self.mlp = FeedForward(config.hidden_size, config.intermediate_size) if dense else Experts(config)
        self.input_layernorm = LlamaRMSNorm(config.hidden_size, eps=config.rms_norm_eps)
        self.post_attention_layernorm = LlamaRMSNorm(config.hidden_size, eps=config.rms_norm_eps)

    def forward(
        self,
        states: Tensor,
        mask: Tensor | None,
        positions: tuple[Tensor, Tensor],
        cache: Cache | None,
        **others: Any,
    ) -> Tensor:
        """The layer's states; keys and values go into the cache."""
        seen, _ = self.self_attn(
            self.input_layernorm(states),
            position_embeddings=positions,
            attention_mask=mask,
            past_key_values=cache,
            **others,
        )
        states = states + seen
        result: Tensor = states + self.mlp(self.post_attention_layernorm(states))
        return result


class FeedForward(nn.Module):
    """A gated feed-forward network."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(width, inner, bias=False)
        self.up_proj = nn.Linear(width, inner, bias=False)
        self.down_proj = nn.Linear(inner, width, bias=False)

    def forward(self, states: Tensor) -> Tensor:
        """Of states …×C the same shape."""
        result: Tensor = self.down_proj(F.silu(self.gate_proj(states)) * self.up_proj(states))
        return result


class Experts(nn.Module):
    """Each place goes through the few experts that it is most for, and through those that all share.

    An expert counts by its softmax over all experts; the few shares do not add up to one, as in the published model.
    """

    def __init__(self, config: DeepseekOCRConfig) -> None:
        super().__init__()
        width, inner = config.hidden_size, config.moe_intermediate_size
        self.chosen, self.scaling, self.whole = (
            config.num_experts_per_tok,
            config.routed_scaling_factor,
            config.norm_topk_prob,
        )
        self.gate = nn.Linear(width, config.n_routed_experts, bias=False)
        self.experts = nn.ModuleList(FeedForward(width, inner) for _ in range(config.n_routed_experts))
        self.shared_experts = FeedForward(width, inner * config.n_shared_experts)

    def forward(self, states: Tensor) -> Tensor:
        """Of states …×C the same shape."""
        places = states.reshape(-1, states.shape[-1])
        # Which experts are chosen is not left to rounding in half precision.
        shares = F.linear(places.float(), self.gate.weight.float()).softmax(dim=-1)
        weights, chosen = shares.topk(self.chosen, dim=-1)
        if self.whole:
            weights = weights / weights.sum(dim=-1, keepdim=True)
        weights = (weights * self.scaling).to(places.dtype)
        mixed = torch.zeros_like(places)
        for number in chosen.unique().tolist():
            rows, rank = (chosen == number).nonzero(as_tuple=True)
            found = self.experts[number](places[rows]) * weights[rows, rank, None]
            mixed = mixed.index_add(0, rows, found.to(mixed.dtype))
        result: Tensor = (mixed + self.shared_experts(places)).reshape(states.shape)
        return result
