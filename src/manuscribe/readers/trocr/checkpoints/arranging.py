"""Arranges a checkpoint's weights for our network, and says exactly what is wrong with them otherwise."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

import torch
from torch import Tensor

from manuscribe.errors import ModelError
from manuscribe.readers.trocr.configuration import Configuration
from manuscribe.readers.trocr.network import TrocrNetwork, relative_index, sinusoids

_TOKENS, _HEAD = "decoder.model.decoder.embed_tokens.weight", "decoder.output_projection.weight"


def load_network(configuration: Configuration, weights: Mapping[str, Tensor], source: str) -> TrocrNetwork:
    """The network with these weights (named as transformers 5 does), in float32.

    Raises:
        ModelError: Weights are missing, of another shape, not finite, or left over.
    """
    taken = _Taken(weights, source)
    arranged, origins = {}, {}
    for name, tensor in _arranged(configuration, taken):
        arranged[name], origins[name] = tensor, taken.newest() or [name]
    taken.complain()
    with torch.device("meta"):
        network = TrocrNetwork(configuration)
    _check_shapes(arranged, network.state_dict(), origins, source)
    network.load_state_dict(arranged, assign=True)
    _compute_what_is_not_stored(network, configuration)
    return network.eval().requires_grad_(False)


def untied(configuration: Configuration, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights with tokens and head each by itself: an adapter may change one of them alone."""
    stored = zip((_TOKENS, _HEAD), _stored_tokens_and_head(configuration, weights), strict=True)
    return {**weights, **{name: weights[other] for name, other in stored if other in weights}}


class _Taken:
    """Weights that are asked for by name; remembers what was missing, and what nobody asked for."""

    def __init__(self, weights: Mapping[str, Tensor], source: str) -> None:
        self._weights, self._source = weights, source
        self._asked: set[str] = set()
        self._newest: list[str] = []
        self._missing: list[str] = []

    def __contains__(self, name: object) -> bool:
        return name in self._weights

    def __call__(self, name: str) -> Tensor:
        self._asked.add(name)
        self._newest.append(name)
        found = self._weights.get(name)
        if found is None:
            self._missing.append(name)
            return torch.zeros(0)
        return found.float()

    def alike(self, names: Sequence[str]) -> list[Tensor]:
        """Several weights of one shape; of none if one is missing."""
        parts = [self(name) for name in names]
        if not all(name in self for name in names):
            return [torch.zeros(0) for _ in names]
        if len({part.shape for part in parts}) > 1 or not parts[0].ndim:
            shapes = ", ".join(str(tuple(part.shape)) for part in parts)
            raise ModelError(
                f"{self._source}: the shapes of {', '.join(names)} do not go together: {shapes}.",
                "Fetch the checkpoint again.",
            )
        return parts

    def stacked(self, names: Iterable[str]) -> Tensor:
        """Several weights one below the other."""
        return torch.cat(self.alike(list(names)))

    def newest(self) -> list[str]:
        """What was asked for since this was called last."""
        names, self._newest = self._newest, []
        return names

    def complain(self) -> None:
        left = sorted(self._weights.keys() - self._asked)
        for problem, names in (("lacks", self._missing), ("has weights that TrOCR has no place for,", left)):
            if names:
                more = f" and {len(names) - 3} more" if len(names) > 3 else ""
                raise ModelError(
                    f"{self._source} {problem} {', '.join(names[:3])}{more}.",
                    "Is config.json the one that belongs to these weights?",
                )
        for name in self._asked & self._weights.keys():
            if not bool(torch.isfinite(self._weights[name].float()).all()):
                raise ModelError(f"{self._source}: {name} holds values that are no numbers.", "The training failed.")


def _arranged(configuration: Configuration, take: _Taken) -> Iterator[tuple[str, Tensor]]:
    """The network's parameters, by its own names."""
    yield from _arranged_encoder(configuration, take)
    if "enc_to_dec_proj.weight" in take:
        yield from _both("bridge", "enc_to_dec_proj", take)
    yield from _arranged_decoder(configuration, take)


def _both(ours: str, theirs: str, take: _Taken) -> Iterator[tuple[str, Tensor]]:
    for part in ("weight", "bias"):
        yield f"{ours}.{part}", take(f"{theirs}.{part}")


def _arranged_encoder(configuration: Configuration, take: _Taken) -> Iterator[tuple[str, Tensor]]:
    config = configuration.encoder
    start = "encoder.embeddings."
    special = ["cls_token", "distillation_token"] if config.model_type == "deit" else ["cls_token"]
    yield "encoder.special", take.stacked(start + name for name in special).reshape(1, len(special), -1)
    if config.has_positions:
        yield "encoder.positions", take(start + "position_embeddings")
    yield from _both("encoder.patches", start + "patch_embeddings.projection", take)
    if config.model_type != "beit" or not config.use_mean_pooling:
        yield from _both("encoder.norm", "encoder.layernorm", take)
    for n in range(config.num_hidden_layers):
        yield from _arranged_encoder_layer(configuration, n, take)


def _arranged_encoder_layer(configuration: Configuration, n: int, take: _Taken) -> Iterator[tuple[str, Tensor]]:
    config = configuration.encoder
    ours, theirs = f"encoder.layers.{n}.", f"encoder.layers.{n}."
    yield ours + "qkv.weight", take.stacked(f"{theirs}attention.{name}_proj.weight" for name in "qkv")
    if config.qkv_bias:
        yield ours + "qkv.bias", _encoder_bias(config.model_type, theirs + "attention.", take)
    pairs = (
        ("out", "attention.o_proj"), ("before", "layernorm_before"), ("after", "layernorm_after"),
        ("wide", "mlp.fc1"), ("narrow", "mlp.fc2"),
    )  # fmt: skip
    for mine, other in pairs:
        yield from _both(ours + mine, theirs + other, take)
    if config.model_type == "beit":
        if config.layer_scale_init_value > 0:
            yield ours + "scale_attention", take(theirs + "lambda_1")
            yield ours + "scale_feed", take(theirs + "lambda_2")
        tables = []
        if config.use_relative_position_bias:
            tables.append(theirs + "relative_position_bias.relative_position_bias_table")
        if config.use_shared_relative_position_bias:
            tables.append("encoder.shared_position_bias.relative_position_bias_table")
        if tables:
            yield ours + "bias.table", torch.stack(take.alike(tables)).sum(0)


def _encoder_bias(model_type: str, attention: str, take: _Taken) -> Tensor:
    if model_type != "beit":
        return take.stacked(f"{attention}{name}_proj.bias" for name in "qkv")
    # BEiT's keys have none.
    query, value = take.alike([attention + "q_proj.bias", attention + "v_proj.bias"])
    return torch.cat([query, torch.zeros_like(query), value])


def _arranged_decoder(configuration: Configuration, take: _Taken) -> Iterator[tuple[str, Tensor]]:
    config = configuration.decoder
    base = "decoder.model.decoder."
    tokens, head = _stored_tokens_and_head(configuration, take)
    yield "decoder.tokens.weight", take(tokens)
    yield "decoder.head.weight", take(head)
    if config.use_learned_position_embeddings:
        yield "decoder.positions", take(base + "embed_positions.weight")
    else:
        places = config.max_position_embeddings + config.pad_token_id + 1
        yield "decoder.positions", sinusoids(places, config.hidden_size, config.pad_token_id)
    if config.layernorm_embedding:
        yield from _both("decoder.norm", base + "layernorm_embedding", take)
    for n in range(config.layers):
        yield from _arranged_decoder_layer(f"decoder.layers.{n}.", f"{base}layers.{n}.", take)


def _stored_tokens_and_head(configuration: Configuration, stored: Container[str]) -> tuple[str, str]:
    """The names of both; if they are tied, one may stand for the other. Tied or not, each is what is stored for it."""
    if configuration.decoder.tie_word_embeddings:
        return (_TOKENS if _TOKENS in stored else _HEAD), (_HEAD if _HEAD in stored else _TOKENS)
    return _TOKENS, _HEAD


def _arranged_decoder_layer(ours: str, theirs: str, take: _Taken) -> Iterator[tuple[str, Tensor]]:
    for part in ("weight", "bias"):
        yield f"{ours}qkv.{part}", take.stacked(f"{theirs}self_attn.{name}_proj.{part}" for name in "qkv")
        yield f"{ours}image_kv.{part}", take.stacked(f"{theirs}encoder_attn.{name}_proj.{part}" for name in "kv")
    pairs = (
        ("out", "self_attn.out_proj"), ("text_norm", "self_attn_layer_norm"), ("ask", "encoder_attn.q_proj"),
        ("image_out", "encoder_attn.out_proj"), ("image_norm", "encoder_attn_layer_norm"), ("wide", "fc1"),
        ("narrow", "fc2"), ("feed_norm", "final_layer_norm"),
    )  # fmt: skip
    for mine, other in pairs:
        yield from _both(ours + mine, theirs + other, take)


def _check_shapes(
    arranged: Mapping[str, Tensor], expected: Mapping[str, Tensor], origins: Mapping[str, Sequence[str]], source: str
) -> None:
    absent = sorted(expected.keys() ^ arranged.keys())
    if absent:
        raise ModelError(f"{source} does not fit its config.json: {', '.join(absent[:3])}.", "Fetch both again.")
    for name, tensor in expected.items():
        if arranged[name].shape != tensor.shape:
            raise ModelError(
                f"{source}: the shape of {', '.join(origins[name])} is {tuple(arranged[name].shape)}, and by "
                f"config.json it should be {tuple(tensor.shape)}.",
                "Is config.json the one that belongs to these weights?",
            )


def _compute_what_is_not_stored(network: TrocrNetwork, configuration: Configuration) -> None:
    for layer in network.encoder.layers:
        if layer.bias is not None:
            layer.bias.index = relative_index(*configuration.encoder.grid)
