"""Names of a checkpoint's weights: as transformers 5 has them, and as version 4 wrote them."""

import re
from collections.abc import Iterable

# Version 4's names, and those of version 5, # being a layer's number; from transformers' conversion_mapping.py.
_PAIRS = (
    ("encoder.encoder.relative_position_bias.", "encoder.shared_position_bias."),
    (
        "encoder.encoder.layer.#.attention.attention.relative_position_bias.",
        "encoder.layers.#.relative_position_bias.",
    ),
    ("encoder.encoder.layer.#.attention.attention.query.", "encoder.layers.#.attention.q_proj."),
    ("encoder.encoder.layer.#.attention.attention.key.", "encoder.layers.#.attention.k_proj."),
    ("encoder.encoder.layer.#.attention.attention.value.", "encoder.layers.#.attention.v_proj."),
    ("encoder.encoder.layer.#.attention.output.dense.", "encoder.layers.#.attention.o_proj."),
    ("encoder.encoder.layer.#.intermediate.dense.", "encoder.layers.#.mlp.fc1."),
    ("encoder.encoder.layer.#.output.dense.", "encoder.layers.#.mlp.fc2."),
    ("encoder.encoder.layer.#.", "encoder.layers.#."),  # all others; the first that fits counts
)


# Weights that reading has no use for.
_UNUSED = re.compile(
    r"^encoder\.pooler\.|^encoder\.embeddings\.mask_token$|\.embed_positions\.(_float_tensor|weights)$"
    r"|\.relative_position_index$|\.position_ids$"
)


def _rules(pairs: Iterable[tuple[str, str]]) -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile("^" + re.escape(a).replace(r"\#", r"(\d+)")), b.replace("#", r"\1")) for a, b in pairs)


_TO_CURRENT = _rules(_PAIRS)
_TO_FORMER = _rules((new, old) for old, new in _PAIRS)


def current_name(name: str) -> str:
    """The name of a weight in transformers 5."""
    return _renamed(name, _TO_CURRENT)


def former_name(name: str) -> str:
    """The name in transformers 4 of a weight that is named as in transformers 5."""
    return _renamed(name, _TO_FORMER)


def _renamed(name: str, rules: Iterable[tuple[re.Pattern[str], str]]) -> str:
    found = ((match, new) for pattern, new in rules if (match := pattern.match(name)))
    match, new = next(found, (None, ""))
    return name if match is None else match.expand(new) + name[match.end() :]


def is_used(name: str) -> bool:
    """Whether reading needs the weight of that name in transformers 5."""
    return not _UNUSED.search(name)


def used_names(names: Iterable[str]) -> dict[str, str]:
    """The weights that reading needs: name in transformers 5 → name in the file."""
    renamed = {current_name(name): name for name in names}
    return {name: stored for name, stored in renamed.items() if is_used(name)}
