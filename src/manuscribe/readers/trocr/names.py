"""Names of a checkpoint's weights: as transformers 5 has them, and as version 4 wrote them."""

import re
from collections.abc import Iterable

# Version 4's names, and those of version 5; from transformers' conversion_mapping.py. Order matters.
_RENAMED = tuple(
    (re.compile(old), new)
    for old, new in (
        (r"^encoder\.encoder\.relative_position_bias\.", "encoder.shared_position_bias."),
        (r"^encoder\.encoder\.layer\.", "encoder.layers."),
        (r"\.attention\.attention\.relative_position_bias\.", ".relative_position_bias."),
        (r"^(encoder\.layers\.\d+\.attention\.)attention\.query\.", r"\1q_proj."),
        (r"^(encoder\.layers\.\d+\.attention\.)attention\.key\.", r"\1k_proj."),
        (r"^(encoder\.layers\.\d+\.attention\.)attention\.value\.", r"\1v_proj."),
        (r"^(encoder\.layers\.\d+\.attention\.)output\.dense\.", r"\1o_proj."),
        (r"^(encoder\.layers\.\d+\.)intermediate\.dense\.", r"\1mlp.fc1."),
        (r"^(encoder\.layers\.\d+\.)output\.dense\.", r"\1mlp.fc2."),
    )
)
# Weights that reading has no use for.
_UNUSED = re.compile(
    r"^encoder\.pooler\.|^encoder\.embeddings\.mask_token$|\.embed_positions\.(_float_tensor|weights)$"
    r"|\.relative_position_index$|\.position_ids$"
)


def current_name(name: str) -> str:
    """The name of a weight in transformers 5."""
    for old, new in _RENAMED:
        name = old.sub(new, name)
    return name


def used_names(names: Iterable[str]) -> dict[str, str]:
    """The weights that reading needs: name in transformers 5 → name in the file."""
    renamed = {current_name(name): name for name in names}
    return {name: stored for name, stored in renamed.items() if not _UNUSED.search(name)}
