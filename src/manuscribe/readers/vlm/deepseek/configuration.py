"""The settings of a DeepSeek-OCR checkpoint, in the layout of its published config.json."""

from dataclasses import dataclass
from typing import Any

from transformers import PreTrainedConfig

MODEL_TYPE = "deepseek_vl_v2"
_SAM, _CLIP = "sam_vit_b", "clip-l-14-224"


@dataclass(frozen=True, slots=True)
class SamSettings:
    """The window encoder and the compressor behind it. Sizes in patches, where it is not said otherwise.

    Attributes:
        grid: Side of the position table, which other sizes are interpolated from.
        window: Side of a window of attention; the blocks in `whole` see the whole image.
        neck: Channels after the transformer.
        compressor: Channels of the two convolutions that halve the grid's sides.
    """

    width: int = 768
    layers: int = 12
    heads: int = 12
    patch: int = 16
    grid: int = 64
    window: int = 14
    whole: tuple[int, ...] = (2, 5, 8, 11)
    inner: int = 3072
    neck: int = 256
    compressor: tuple[int, int] = (512, 1024)


@dataclass(frozen=True, slots=True)
class ClipSettings:
    """The encoder of what the compressor leaves: `patch` and `image` (pixels) only say how large its tables are."""

    width: int = 1024
    layers: int = 24
    heads: int = 16
    inner: int = 4096
    patch: int = 14
    image: int = 224


class DeepseekOCRConfig(PreTrainedConfig):
    """Settings of the decoder; those of the encoders are in `sam` and `clip`.

    The published file has the decoder's settings in `language_config` (and again outside, where nobody keeps them
    alike), the encoders' in `vision_config.width`. Settings that are the same in every published checkpoint, and are
    not in the file, may be in it under the names of `SamSettings` and `ClipSettings`.
    """

    model_type = MODEL_TYPE
    keys_to_ignore_at_inference = ("past_key_values",)

    vocab_size: int = 129280
    hidden_size: int = 1280
    intermediate_size: int = 6848
    num_hidden_layers: int = 12
    num_attention_heads: int = 10
    num_key_value_heads: int = 10
    max_position_embeddings: int = 8192
    first_k_dense_replace: int = 1
    n_routed_experts: int = 64
    n_shared_experts: int = 2
    num_experts_per_tok: int = 6
    moe_intermediate_size: int = 896
    norm_topk_prob: bool = False
    routed_scaling_factor: float = 1.0
    hidden_act: str = "silu"
    rms_norm_eps: float = 1e-6
    initializer_range: float = 0.02
    attention_bias: bool = False
    attention_dropout: float = 0.0
    mlp_bias: bool = False
    use_cache: bool = True
    head_dim: int | None = None
    rope_parameters: dict[str, Any] | None = None
    bos_token_id: int | None = 0
    eos_token_id: int | list[int] | None = 1
    pad_token_id: int | None = None
    image_token_id: int = 128815
    tie_word_embeddings: bool = False
    language_config: dict[str, Any] | None = None
    vision_config: dict[str, Any] | None = None
    projector_config: dict[str, Any] | None = None

    def __post_init__(self, **kwargs: Any) -> None:
        known = set(type(self).__dataclass_fields__)
        for name, value in (self.language_config or {}).items():
            if name in known and value is not None:
                setattr(self, name, value)
        self.head_dim = self.hidden_size // self.num_attention_heads
        kwargs.pop("auto_map", None)  # code that comes with a checkpoint is never run
        super().__post_init__(**kwargs)

    @property
    def has_both_towers(self) -> bool:
        """Whether it describes the two encoders of this model; a later one has another in the place of the second."""
        towers = (self.vision_config or {}).get("width", {_SAM: {}, _CLIP: {}})
        return {_SAM, _CLIP} <= set(towers)

    @property
    def sam(self) -> SamSettings:
        """The window encoder's settings."""
        given = self._tower(_SAM)
        names = {"downsample_channels": "compressor", "global_attn_indexes": "whole"}
        values = {names.get(name, name): value for name, value in given.items()}
        image = (self.vision_config or {}).get("image_size", 1024)
        settings = {"grid": image // int(values.get("patch", 16)), "inner": 4 * int(values.get("width", 768))} | values
        fixed: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in settings.items()}
        return SamSettings(**fixed)

    @property
    def clip(self) -> ClipSettings:
        """The second encoder's settings."""
        names = {"patch_size": "patch", "image_size": "image"}
        values = {names.get(name, name): value for name, value in self._tower(_CLIP).items()}
        return ClipSettings(**({"inner": 4 * int(values.get("width", 1024))} | values))

    def _tower(self, name: str) -> dict[str, Any]:
        towers = (self.vision_config or {}).get("width", {})
        return dict(towers.get(name, {}))
