"""What a TrOCR checkpoint says of itself: `config.json`, `generation_config.json`, the image processor's settings.

Keys and defaults are those of transformers' `ViTConfig`, `DeiTConfig`, `BeitConfig`, `TrOCRConfig`, `GenerationConfig`
and image processors, versions 4 and 5. Keys that do not change the result are ignored; of those of decoding that would,
and that we do not have, the log is told.
"""

import json
import logging
import reprlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FiniteFloat,
    ValidationError,
    model_validator,
)

from manuscribe.errors import ModelError, UsageError

_logger = logging.getLogger(__name__)
_LARGEST = 50_000_000  # bytes of a settings file
_MOST = 20_000  # of anything that memory is taken for before the weights are seen to fit
# Settings of decoding that are not followed, with the values at which they do nothing.
_NOT_FOLLOWED = {
    "repetition_penalty": (1.0,),
    "encoder_repetition_penalty": (1.0,),
    "encoder_no_repeat_ngram_size": (0,),
    "diversity_penalty": (0.0,),
    "num_beam_groups": (1,),
    "do_sample": (False,),
    "min_length": (0,),
    "min_new_tokens": (0,),
    "bad_words_ids": ([],),
    "suppress_tokens": ([],),
    "begin_suppress_tokens": ([],),
    "sequence_bias": ({}, []),
    "forced_bos_token_id": (),
    "forced_eos_token_id": (),
    "exponential_decay_length_penalty": (),
    "force_words_ids": ([],),
    "stop_strings": ([], ""),
    "penalty_alpha": (0.0,),
    "guidance_scale": (1.0,),
    "renormalize_logits": (False,),
}
_TOKENS = ("decoder_start_token_id", "eos_token_id", "pad_token_id")
_ADVICE = "Set it to what transformers takes."
# What the image processors of transformers do where their settings do not say; `ViT…` is as `Preprocessing` has it.
_USUAL = {
    "deit": {"resample": 3, "size": 256, "do_center_crop": True, "crop_size": 224},
    "beit": {"resample": 3, "size": 224, "crop_size": 224},
}
_LENGTH = 128  # tokens, where a checkpoint does not say; a line has seldom more than 60


def _pair(value: Any) -> Any:
    """A size as (height, width): a number is both."""
    return (value, value) if isinstance(value, int) else value


Count = Annotated[int, Field(gt=0, le=_MOST)]
Size = Annotated[tuple[Count, Count], BeforeValidator(_pair)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class EncoderConfig(_Part):
    """The vision encoder; sizes in pixels are height, width."""

    model_type: Literal["vit", "deit", "beit"]
    hidden_size: Count = 768
    num_hidden_layers: Count = 12
    num_attention_heads: Count = 12
    intermediate_size: Count = 3072
    hidden_act: str = "gelu"
    layer_norm_eps: float = 1e-12
    image_size: Size = (224, 224)
    patch_size: Size = (16, 16)
    num_channels: Literal[3] = 3
    qkv_bias: bool = True
    use_absolute_position_embeddings: bool = False
    use_relative_position_bias: bool = False
    use_shared_relative_position_bias: bool = False
    layer_scale_init_value: float = 0.1
    use_mean_pooling: bool = True

    @model_validator(mode="after")
    def _check(self) -> Self:
        _check_heads(self.hidden_size, self.num_attention_heads)
        return self

    @property
    def grid(self) -> tuple[int, int]:
        """Patches down and across."""
        return self.image_size[0] // self.patch_size[0], self.image_size[1] // self.patch_size[1]

    @property
    def has_positions(self) -> bool:
        """Whether a learned vector is added to each patch."""
        return self.model_type != "beit" or self.use_absolute_position_embeddings


def _check_heads(size: int, heads: int) -> None:
    if size % heads:
        raise ValueError(f"a size of {size} does not divide among {heads} heads")


def _alias(name: str, other: str, default: Any) -> Any:
    return Field(default=default, validation_alias=AliasChoices(name, other))


class DecoderConfig(_Part):
    """The text decoder."""

    model_type: Literal["trocr"]
    vocab_size: int = Field(default=50265, gt=0)
    hidden_size: Count = _alias("d_model", "hidden_size", 1024)
    layers: Count = _alias("decoder_layers", "num_hidden_layers", 12)
    heads: Count = _alias("decoder_attention_heads", "num_attention_heads", 16)
    intermediate_size: Count = _alias("decoder_ffn_dim", "intermediate_size", 4096)
    activation_function: str = "gelu"
    max_position_embeddings: Count = 512
    cross_attention_hidden_size: Count | None = None
    scale_embedding: bool = False
    use_learned_position_embeddings: bool = True
    layernorm_embedding: bool = True
    tie_word_embeddings: bool = True
    pad_token_id: int = 1

    @model_validator(mode="after")
    def _check(self) -> Self:
        _check_heads(self.hidden_size, self.heads)
        if self.pad_token_id >= self.vocab_size:
            raise ValueError(f"pad_token_id is {self.pad_token_id}, and there are {self.vocab_size} tokens")
        return self


class Generation(_Part):
    """How the checkpoint wants to be decoded, as `GenerationConfig` means it.

    Attributes:
        max_length: Tokens in all, the start token included.
    """

    decoder_start_token_id: int
    eos_token_id: Annotated[tuple[int, ...], BeforeValidator(lambda v: (v,) if isinstance(v, int) else v)]
    pad_token_id: int = 1
    max_length: int = Field(default=_LENGTH, gt=1)
    num_beams: int = Field(default=1, ge=1, le=100)
    length_penalty: float = Field(default=1.0, ge=-100, le=100)
    early_stopping: bool | Literal["never"] = False
    no_repeat_ngram_size: int = Field(default=0, ge=0)


Deviation = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Fit = Literal["squash", "pad", "wide", "window"]
"""How a line comes into the encoder's frame: `squash` gives up its proportions, as all published checkpoints were
trained; `pad` keeps them, with paper around; `wide` gives it as many columns of patches as it needs; `window` cuts what
is too long into pieces, each squashed."""


class Preprocessing(_Part):
    """How an image becomes the encoder's input.

    Attributes:
        fit: What the checkpoint was tuned for; not a setting of transformers, which only squashes.
        size: Height and width after scaling.
        resample: Pillow's number of the filter.
        crop: Height and width that are then cut from the middle.
    """

    size: Size
    resample: int = Field(default=2, ge=0, le=5)
    do_resize: Literal[True] = True
    do_rescale: bool = True
    rescale_factor: FiniteFloat = 1 / 255
    do_normalize: bool = True
    image_mean: tuple[FiniteFloat, FiniteFloat, FiniteFloat] = (0.5, 0.5, 0.5)
    image_std: tuple[Deviation, Deviation, Deviation] = (0.5, 0.5, 0.5)
    crop: Size | None = None
    fit: Fit = "squash"

    @model_validator(mode="after")
    def _check(self) -> Self:
        frame = self.crop or self.size
        # What is cut off has to be made first, for each line; checkpoints of the hub make a seventh more than is kept.
        if any(made > 4 * kept for made, kept in zip(self.size, frame, strict=True)):
            raise ValueError(f"{frame} is little of {self.size} (height, width) to crop")
        return self


class Configuration(_Part):
    """All settings of a checkpoint."""

    encoder: EncoderConfig
    decoder: DecoderConfig
    generation: Generation
    preprocessing: Preprocessing

    def fitted(self, fit: Fit | None) -> Self:
        """The same with another fit; `None` leaves the checkpoint's own.

        Raises:
            UsageError: The encoder cannot take lines so.
        """
        if fit is None:
            return self
        if fit == "wide" and (hindrance := self._not_wide()):
            raise UsageError(f"This checkpoint cannot be given wide lines: {hindrance}.", "Take --fit window or pad.")
        return self.model_copy(update={"preprocessing": self.preprocessing.model_copy(update={"fit": fit})})

    @model_validator(mode="after")
    def _check(self) -> Self:
        images, generation, known = self.preprocessing, self.generation, range(self.decoder.vocab_size)
        made = images.crop or images.size
        if images.fit == "wide" and (hindrance := self._not_wide()):
            raise ValueError(f"preprocessor_config.json: fit is wide, which cannot be: {hindrance}")
        if made != self.encoder.image_size:
            raise ValueError(
                f"preprocessor_config.json: images are made of {made} pixels (height, width), and the encoder takes "
                f"{self.encoder.image_size}"
            )
        if generation.decoder_start_token_id not in known:
            raise ValueError(
                f"generation_config.json: decoder_start_token_id is {generation.decoder_start_token_id}, and there are "
                f"{len(known)} tokens"
            )
        if not any(token in known for token in generation.eos_token_id):
            raise ValueError(
                f"generation_config.json: eos_token_id is {generation.eos_token_id}, and there are {len(known)} "
                "tokens: no text would end"
            )
        return self

    def _not_wide(self) -> str:
        """Why lines cannot be wide; empty where they can."""
        if self.preprocessing.crop:
            return "it crops its images"
        return "its encoder knows the distances of its own frame only" if self.encoder.model_type == "beit" else ""


Part = TypeVar("Part", bound=BaseModel)


def read_configuration(folder: Path) -> Configuration:
    """Read a checkpoint's settings.

    Raises:
        ModelError: A file is missing or damaged, or the checkpoint has another architecture.
    """
    config = read_json(folder / "config.json")
    if config is None:
        raise ModelError(
            f"{folder} is no checkpoint: it has no config.json.", "Name the folder that `save_pretrained` wrote."
        )
    kind = config.get("model_type")
    if kind != "vision-encoder-decoder":
        raise ModelError(
            f"{folder} holds a model of type '{kind}', not a TrOCR checkpoint.",
            "A TrOCR checkpoint has the type 'vision-encoder-decoder'.",
        )
    path = folder / "config.json"
    encoder = read_part(EncoderConfig, config.get("encoder"), path, "encoder")
    decoder = read_part(DecoderConfig, config.get("decoder"), path, "decoder")
    generation, preprocessing = _generation(folder, config, decoder), _preprocessing(folder)
    try:
        return Configuration(encoder=encoder, decoder=decoder, generation=generation, preprocessing=preprocessing)
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise ModelError(f"{folder}/{reason}.", "Correct it there.") from error


def read_json(path: Path) -> dict[str, Any] | None:
    """A JSON object; nothing where there is no such file.

    Raises:
        ModelError: The file is not JSON, no object, or too large.
    """
    if not path.is_file():
        return None
    try:
        if path.stat().st_size > _LARGEST:
            raise ValueError("too large")
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path} cannot be read: {error}.", "Fetch the checkpoint again.") from error
    if not isinstance(value, dict):
        raise ModelError(f"{path} does not hold settings.", "Fetch the checkpoint again.")
    return value


def read_part(
    kind: type[Part], values: Any, path: Path, name: str, remedy: str = "TrOCR checkpoints only are read."
) -> Part:
    """A part of a file's settings, called `name` there; a key that is null is as if it were not there.

    Raises:
        ModelError: The settings are not of that kind.
    """
    try:
        if isinstance(values, Mapping):
            values = {key: value for key, value in values.items() if value is not None}
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join([name, *(str(part) for part in first["loc"])])
        # Of a value that is not there, and of values that do not go together, the input is the whole part.
        shown = "" if first["type"] in ("missing", "value_error") else f" is {reprlib.repr(first['input'])}"
        reason = first["msg"].removeprefix("Value error, ")
        raise ModelError(f"{path}: {place}{shown}: {reason}.", remedy) from error


def _generation(folder: Path, config: Mapping[str, Any], decoder: DecoderConfig) -> Generation:
    """From `generation_config.json`; where there is none, from the top of `config.json`, as transformers does.

    Tokens that it lacks come from `config.json`, at last from the decoder's part of it.
    """
    written = read_json(folder / "generation_config.json")
    inner: Mapping[str, Any] = config["decoder"]
    # Every old config.json repeats the library's default of 20 tokens in its parts: that is nobody's wish.
    tokens = [{name: place.get(name) for name in _TOKENS} for place in (inner, config)]
    values: dict[str, Any] = {}
    for place in (*tokens, config if written is None else written):
        values |= {name: place[name] for name in Generation.model_fields if place.get(name) is not None}
    if isinstance(new := (written or {}).get("max_new_tokens"), int):  # which counts before max_length
        values["max_length"] = new + 1
    values.setdefault("decoder_start_token_id", inner.get("bos_token_id"))
    missing = [name for name in _TOKENS[:2] if values.get(name) is None]
    if missing:
        raise ModelError(
            f"{folder}: neither generation_config.json nor config.json says {' and '.join(missing)}.",
            "Set them in generation_config.json.",
        )
    path = folder / ("config.json" if written is None else "generation_config.json")
    asked = read_part(Generation, values, path, "generation", _ADVICE)
    for name, idle in _NOT_FOLLOWED.items():
        value = (config if written is None else written).get(name)
        if value is not None and value not in idle:
            _logger.warning("%s: %s is %s, which is not followed; transformers would.", path, name, value)
    return asked.model_copy(update={"max_length": min(asked.max_length, decoder.max_position_embeddings)})


def _preprocessing(folder: Path) -> Preprocessing:
    """From the image processor's part of `processor_config.json`, which is newer, or from its own file."""
    path = folder / "processor_config.json"
    values = (read_json(path) or {}).get("image_processor")
    if values is None:
        path = folder / "preprocessor_config.json"
        values = read_json(path)
    if not isinstance(values, dict):
        raise ModelError(
            f"{folder} does not say how its images are prepared: it has neither preprocessor_config.json nor "
            "processor_config.json with an image processor.",
            "Copy it from the checkpoint that this one was made from.",
        )
    kind = str(values.get("image_processor_type") or values.get("feature_extractor_type") or "").lower()
    values = _USUAL.get(kind[:4], {}) | values
    size = _as_size(values.get("size"), path, "size")
    crop = _as_size(values.get("crop_size"), path, "crop_size") if values.get("do_center_crop") else None
    known = {key: values[key] for key in Preprocessing.model_fields if key not in ("size", "crop") and key in values}
    return read_part(Preprocessing, known | {"size": size, "crop": crop}, path, "image processor", _ADVICE)


def _as_size(value: Any, path: Path, name: str) -> tuple[int, int]:
    match value:
        case int():
            return value, value
        case {"height": int(height), "width": int(width)}:
            return height, width
        case [int(height), int(width)]:
            return height, width
    raise ModelError(f"{path}: {name} is {reprlib.repr(value)}.", "It must be a number, or give height and width.")
