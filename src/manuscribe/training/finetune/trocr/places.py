"""Where adapters go in a TrOCR model, and what stays as it is, by names of modules."""

import re

from manuscribe.training.finetune.stage import Stage

_DECODER = r"decoder\.model\.decoder\.layers\.\d+\."
_ATTENTION = {
    "encoder": r"encoder\.layers\.\d+\.attention\.[qkvo]_proj",
    "decoder": _DECODER + r"(self_attn|encoder_attn)\.([qkv]|out)_proj",
}
_FEED = {"encoder": r"encoder\.layers\.\d+\.mlp\.fc[12]", "decoder": _DECODER + r"fc[12]"}
_BRIDGE = r"enc_to_dec_proj"


def pattern_of(stage: Stage) -> str:
    """The regular expression that whole names of the changed modules fit."""
    if stage.targets not in ("attn", "ffn", "attn_ffn", "all"):
        return stage.targets
    groups = {"attn": (_ATTENTION,), "ffn": (_FEED,)}.get(stage.targets, (_ATTENTION, _FEED))
    found = [group[part] for group in groups for part in stage.parts]
    return "|".join(found + [_BRIDGE] * (stage.targets == "all"))


def is_frozen(name: str, stage: Stage) -> bool:
    """Whether a parameter stays as it is in a stage without an adapter."""
    # What some encoders make of their first state takes no part in reading.
    if any(name.startswith(f"{part}.") for part in (*stage.freeze, "encoder.pooler")):
        return True
    if not stage.freeze_layers:
        return False
    layer = re.match(r"encoder\.layers\.(\d+)\.", name)
    return int(layer[1]) < stage.freeze_layers if layer else name.startswith("encoder.embeddings.")
