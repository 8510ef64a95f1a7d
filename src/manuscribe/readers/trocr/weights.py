"""Loads a checkpoint's weights into our network, and says exactly what is wrong with them otherwise."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from manuscribe.errors import ModelError
from manuscribe.readers.trocr.configuration import Configuration, read_json
from manuscribe.readers.trocr.names import used_names
from manuscribe.readers.trocr.network import TrocrNetwork, relative_index, sinusoids

_logger = logging.getLogger(__name__)


def load_network(configuration: Configuration, weights: Mapping[str, Tensor], source: str) -> TrocrNetwork:
    """The network with these weights (named as transformers 5 does), in float32.

    Raises:
        ModelError: Weights are missing, of another shape, not finite, or left over.
    """
    taken = _Taken(weights, source)
    arranged = dict(_arranged(configuration, taken))
    taken.complain()
    with torch.device("meta"):
        network = TrocrNetwork(configuration)
    _check_shapes(arranged, network.state_dict(), source)
    network.load_state_dict(arranged, assign=True)
    _compute_what_is_not_stored(network, configuration)
    return network.eval().requires_grad_(False)


def read_weights(folder: Path) -> dict[str, Tensor]:
    """All weights of a checkpoint's folder that reading needs, by their names in transformers 5.

    Raises:
        ModelError: There are none, or a file is damaged or missing.
    """
    index = read_json(folder / "model.safetensors.index.json")
    if (folder / "model.safetensors").is_file():
        return _read_safetensors(folder / "model.safetensors")
    if index is not None:
        files = {str(file) for file in dict(index.get("weight_map") or {}).values()}
        if any(Path(file).name != file for file in files):
            raise ModelError(f"{folder}: the index of the weights names a file elsewhere.", "Do not trust it.")
        return {name: tensor for file in sorted(files) for name, tensor in _read_safetensors(folder / file).items()}
    if (folder / "pytorch_model.bin").is_file():
        return _read_pickle(folder / "pytorch_model.bin")
    raise ModelError(f"{folder} has no weights.", "It needs model.safetensors; was everything fetched?")


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        with safe_open(path, "pt") as file:
            return {name: file.get_tensor(stored) for name, stored in used_names(file.keys()).items()}
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path} is missing or damaged: {error}.", "Fetch the checkpoint again.") from error


def _read_pickle(path: Path) -> dict[str, Tensor]:
    _logger.warning("%s is a pickle; only tensors are taken from it. Prefer checkpoints in safetensors.", path)
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
        return {name: stored[old] for name, old in used_names(stored).items()}
    except Exception as error:  # whatever a damaged pickle brings about
        raise ModelError(
            f"{path} cannot be read as weights alone: {type(error).__name__}.",
            "Ask its author for model.safetensors; it is not opened in a way that could run code.",
        ) from error


class _Taken:
    """Weights that are asked for by name; remembers what was missing, and what nobody asked for."""

    def __init__(self, weights: Mapping[str, Tensor], source: str) -> None:
        self._weights, self._source = weights, source
        self._asked: set[str] = set()
        self._missing: list[str] = []

    def __contains__(self, name: str) -> bool:
        return name in self._weights

    def __call__(self, name: str) -> Tensor:
        self._asked.add(name)
        found = self._weights.get(name)
        if found is None:
            self._missing.append(name)
            return torch.zeros(0)
        return found.float()

    def stacked(self, names: Iterable[str]) -> Tensor:
        """Several weights one below the other."""
        parts = [self(name) for name in names]
        return torch.cat(parts) if all(part.numel() for part in parts) else torch.zeros(0)

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
            if not bool(torch.isfinite(self._weights[name]).all()):
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
    special = [take(start + "cls_token")]
    if config.model_type == "deit":
        special.append(take(start + "distillation_token"))
    yield "encoder.special", torch.cat(special, dim=1) if all(t.numel() for t in special) else special[0]
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
            tables.append(take(theirs + "relative_position_bias.relative_position_bias_table"))
        if config.use_shared_relative_position_bias:
            tables.append(take("encoder.shared_position_bias.relative_position_bias_table"))
        if tables:
            yield ours + "bias.table", sum(tables[1:], tables[0])


def _encoder_bias(model_type: str, attention: str, take: _Taken) -> Tensor:
    if model_type != "beit":
        return take.stacked(f"{attention}{name}_proj.bias" for name in "qkv")
    # BEiT's keys have none.
    query, value = take(attention + "q_proj.bias"), take(attention + "v_proj.bias")
    return torch.cat([query, torch.zeros_like(query), value])


def _arranged_decoder(configuration: Configuration, take: _Taken) -> Iterator[tuple[str, Tensor]]:
    config = configuration.decoder
    base = "decoder.model.decoder."
    tokens = take(base + "embed_tokens.weight")
    yield "decoder.tokens.weight", tokens
    head = "decoder.output_projection.weight"
    stored = take(head) if head in take else tokens
    yield "decoder.head.weight", tokens if config.tie_word_embeddings else stored
    if config.use_learned_position_embeddings:
        yield "decoder.positions", take(base + "embed_positions.weight")
    else:
        places = config.max_position_embeddings + config.pad_token_id + 1
        yield "decoder.positions", sinusoids(places, config.hidden_size, config.pad_token_id)
    if config.layernorm_embedding:
        yield from _both("decoder.norm", base + "layernorm_embedding", take)
    for n in range(config.layers):
        yield from _arranged_decoder_layer(f"decoder.layers.{n}.", f"{base}layers.{n}.", take)


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


def _check_shapes(arranged: Mapping[str, Tensor], expected: Mapping[str, Tensor], source: str) -> None:
    absent = sorted(expected.keys() ^ arranged.keys())
    if absent:
        raise ModelError(f"{source} does not fit its config.json: {', '.join(absent[:3])}.", "Fetch both again.")
    for name, tensor in expected.items():
        if arranged[name].shape != tensor.shape:
            raise ModelError(
                f"{source}: {name} has the shape {tuple(arranged[name].shape)}, and by config.json it should have "
                f"{tuple(tensor.shape)}.",
                "Is config.json the one that belongs to these weights?",
            )


def _compute_what_is_not_stored(network: TrocrNetwork, configuration: Configuration) -> None:
    for layer in network.encoder.layers:
        if layer.bias is not None:
            layer.bias.index = relative_index(*configuration.encoder.grid)
