"""Where adapters go in a vision-language model, and what stays as it is, by names of modules.

All families name the decoder's layers alike; what looks at images is named after seeing.
"""

import re

from manuscribe.training.finetune.stage import Stage

_SEEING = r"vision|visual|vit|sam_model|image_encoder"
_NOT_SEEING = rf"(?!.*(?:{_SEEING}))"
_BRIDGE = r"projector|merger|connector"
_ATTENTION = {
    "decoder": rf"{_NOT_SEEING}.*layers\.\d+\.self_attn\.[qkvo]_proj",
    "encoder": rf"(?=.*(?:{_SEEING})).*attn\.(?:qkv|qkv_proj|[qkvo]_proj|proj|out_proj)",
}
_FEED = {
    # Of a mixture of experts all experts that are modules, and those that are shared; not what chooses among them. In
    # DeepSeek-OCR 2 transformers keeps the experts in one parameter, which adapters and four bits pass by.
    "decoder": rf"{_NOT_SEEING}.*layers\.\d+\.mlp\.(?:\w+\.)*(?:gate|up|down)_proj",
    "encoder": rf"(?=.*(?:{_SEEING})).*mlp\.(?:fc[12]|lin[12]|linear_fc[12]|(?:gate|up|down)_proj)",
}
_UNUSED = re.compile(r".*vision_model\.embeddings\.patch_embedding\..*")  # of DeepSeek-OCR


def pattern_of(stage: Stage) -> str:
    """The regular expression that whole names of the changed modules fit."""
    if stage.targets not in ("attn", "ffn", "attn_ffn", "all"):
        return stage.targets
    groups = {"attn": (_ATTENTION,), "ffn": (_FEED,)}.get(stage.targets, (_ATTENTION, _FEED))
    found = [group[part] for group in groups for part in stage.parts]
    return "|".join(found + [rf".*(?:{_BRIDGE}).*"] * (stage.targets == "all"))


def is_frozen(name: str, stage: Stage) -> bool:
    """Whether a parameter stays as it is in a stage without an adapter."""
    part = "encoder" if _sees(name) else "decoder"
    return part in stage.freeze or _UNUSED.fullmatch(name) is not None


def is_quantised(name: str) -> bool:
    """The matrices of the decoder's layers, but for those that choose among experts: they are small, and decide."""
    return ".layers." in f".{name}" and not _sees(name) and not name.endswith(".gate")


def _sees(name: str) -> bool:
    return re.search(_SEEING, name) is not None
