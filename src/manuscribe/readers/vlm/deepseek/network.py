"""DeepSeek-OCR as a network: two encoders one behind the other, a projection, and a decoder of experts."""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import Cache, DynamicCache, GenerationMixin, PreTrainedModel
from transformers.masking_utils import create_causal_mask
from transformers.modeling_outputs import BaseModelOutputWithPast, CausalLMOutputWithPast
from transformers.models.llama.modeling_llama import LlamaRMSNorm, LlamaRotaryEmbedding

from manuscribe.readers.vlm.deepseek.clip import ClipEncoder
from manuscribe.readers.vlm.deepseek.configuration import ClipSettings, DeepseekOCRConfig, SamSettings
from manuscribe.readers.vlm.deepseek.decoder import DecoderLayer
from manuscribe.readers.vlm.deepseek.sam import SamEncoder


class _Pretrained(PreTrainedModel):
    config_class = DeepseekOCRConfig
    config: DeepseekOCRConfig
    base_model_prefix = "model"
    main_input_name = "input_ids"
    supports_gradient_checkpointing = True
    _no_split_modules = ["DecoderLayer"]  # noqa: RUF012
    _skip_keys_device_placement = ["past_key_values"]  # noqa: RUF012
    _supports_sdpa = True
    _supports_attention_backend = True

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        spread = self.config.initializer_range
        if isinstance(module, SamEncoder):
            nn.init.normal_(module.pos_embed, std=spread)
        elif isinstance(module, ClipEncoder):
            nn.init.normal_(module.embeddings.class_embedding, std=spread)
        elif isinstance(module, DeepseekOCRModel):
            for separator in (module.image_newline, module.view_seperator):
                nn.init.normal_(separator, std=self.config.hidden_size**-0.5)


class _Projector(nn.Module):
    def __init__(self, sam: SamSettings, clip: ClipSettings, width: int) -> None:
        super().__init__()
        self.layers = nn.Linear(clip.width + sam.compressor[1], width)

    def forward(self, features: Tensor) -> Tensor:
        projected: Tensor = self.layers(features)
        return projected


class DeepseekOCRModel(_Pretrained):
    """Encoders and decoder, without the scores of tokens."""

    def __init__(self, config: DeepseekOCRConfig) -> None:
        super().__init__(config)
        width = config.hidden_size
        self.embed_tokens = nn.Embedding(config.vocab_size, width)
        self.layers = nn.ModuleList(DecoderLayer(config, number) for number in range(config.num_hidden_layers))
        self.norm = LlamaRMSNorm(width, eps=config.rms_norm_eps)
        self.rotary_emb = LlamaRotaryEmbedding(config=config)  # type: ignore[arg-type]
        self.sam_model = SamEncoder(config.sam)
        self.vision_model = ClipEncoder(config.clip)
        self.projector = _Projector(config.sam, config.clip, width)
        self.image_newline = nn.Parameter(torch.zeros(width))
        self.view_seperator = nn.Parameter(torch.zeros(width))
        self.gradient_checkpointing = False
        self.post_init()

    def features(self, pixels: Tensor) -> Tensor:
        """What the decoder sees of square images B×3×S×S, as B×N×N×C with N = S/64."""
        compressed = self.sam_model(pixels)
        looked = self.vision_model(compressed)[:, 1:]
        both = torch.cat([looked, compressed.flatten(2).transpose(1, 2)], dim=-1)
        found: Tensor = self.projector(both)
        return found.unflatten(1, compressed.shape[2:])

    def image_states(self, views: Tensor, tiles: Tensor | None, grids: Tensor) -> Tensor:
        """What stands in the places of the images' tokens, for all images one after the other.

        Args:
            views: Whole images, B×3×S×S.
            tiles: The tiles of all images, T×3×s×s, row by row; `None` if no image has any.
            grids: Columns and rows of tiles for each image, B×2; 1 and 1 where it has none.
        """
        return self.laid_out(self.features(views), None if tiles is None else self.features(tiles), grids)

    def laid_out(self, wholes: Tensor, parts: Tensor | None, grids: Tensor) -> Tensor:
        """The features of images and of their tiles in the tokens' order, with what separates them."""
        rows, used = [], 0
        for whole, (columns, lines) in zip(wholes, grids.tolist(), strict=True):
            if columns * lines > 1 and parts is not None:
                local = parts[used : used + columns * lines].unflatten(0, (lines, columns)).transpose(1, 2)
                side, width = parts.shape[1], parts.shape[-1]
                rows.append(self._with_newlines(local.reshape(lines * side, columns * side, width)))
                used += columns * lines
            rows += [self._with_newlines(whole), self.view_seperator[None]]
        return torch.cat(rows)

    def _with_newlines(self, grid: Tensor) -> Tensor:
        """A grid H×W×C as H·(W + 1)×C, each row with a newline behind it."""
        ends = self.image_newline.expand(len(grid), 1, -1)
        return torch.cat([grid, ends.to(grid.dtype)], dim=1).flatten(0, 1)

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        past_key_values: Cache | None = None,
        inputs_embeds: Tensor | None = None,
        pixel_values: Tensor | None = None,
        tiles: Tensor | None = None,
        grids: Tensor | None = None,
        image_states: Tensor | None = None,
        use_cache: bool | None = None,
    ) -> BaseModelOutputWithPast:
        """States of tokens B×T.

        The images are given by `pixel_values`, `tiles` and `grids` (see `DeepseekOCRModel.image_states`), or by what
        that made of them.

        Raises:
            ValueError: There are more or fewer tokens of images than places that the images take.
        """
        states = self.embed_tokens(input_ids) if inputs_embeds is None else inputs_embeds
        if pixel_values is not None and grids is not None:
            image_states = self.image_states(pixel_values, tiles, grids)
        if image_states is not None and input_ids is not None:
            states = self._with_images(states, input_ids, image_states)
        if use_cache and past_key_values is None:
            past_key_values = DynamicCache(config=self.config)
        if position_ids is None:
            seen = past_key_values.get_seq_length() if past_key_values is not None else 0
            position_ids = torch.arange(states.shape[1], device=states.device)[None] + seen
        mask = create_causal_mask(
            config=self.config,
            inputs_embeds=states,
            attention_mask=attention_mask,
            past_key_values=past_key_values,
            position_ids=position_ids,
        )
        positions = self.rotary_emb(states, position_ids=position_ids)
        for layer in self.layers:
            states = layer(states, mask, positions, past_key_values)
        return BaseModelOutputWithPast(last_hidden_state=self.norm(states), past_key_values=past_key_values)

    def _with_images(self, states: Tensor, tokens: Tensor, images: Tensor) -> Tensor:
        places = tokens == self.config.image_token_id
        if int(places.sum()) != len(images):
            raise ValueError(f"there are {int(places.sum())} tokens of images for {len(images)} places")
        return states.masked_scatter(places[..., None], images.to(states.dtype))


class DeepseekOCRForCausalLM(_Pretrained, GenerationMixin):
    """The whole network, under the published one's name, so that a folder it was saved to is an ordinary checkpoint."""

    def __init__(self, config: DeepseekOCRConfig) -> None:
        super().__init__(config)
        self.model = DeepseekOCRModel(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        past_key_values: Cache | None = None,
        inputs_embeds: Tensor | None = None,
        pixel_values: Tensor | None = None,
        tiles: Tensor | None = None,
        grids: Tensor | None = None,
        image_states: Tensor | None = None,
        labels: Tensor | None = None,
        use_cache: bool | None = None,
        logits_to_keep: int | Tensor = 0,
        num_items_in_batch: Tensor | int | None = None,
        **_: Any,
    ) -> CausalLMOutputWithPast:
        """Scores of the next tokens, B×T×V; with `labels` also the mean loss of those that are not -100.

        Args:
            input_ids: Tokens B×T, with the images' token in each of their places.
            attention_mask: B×T, 0 for padding before the tokens.
            position_ids: Of the tokens, where they do not follow from the mask.
            past_key_values: What earlier steps left.
            inputs_embeds: In the place of tokens.
            pixel_values: See `DeepseekOCRModel.forward`, as for `tiles`, `grids` and `image_states`.
            tiles: Tiles of the images.
            grids: Columns and rows of tiles.
            image_states: What the encoders made of the images.
            labels: Tokens B×T, at their own places: each is predicted from those before it.
            use_cache: Whether to fill a cache.
            logits_to_keep: Scores of that many last places only; 0 is all.
            num_items_in_batch: What the loss is divided by, in the place of the number of labels.
        """
        found = self.model(
            input_ids,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            inputs_embeds=inputs_embeds,
            pixel_values=pixel_values,
            tiles=tiles,
            grids=grids,
            image_states=image_states,
            use_cache=use_cache,
        )
        keep = slice(-logits_to_keep, None) if isinstance(logits_to_keep, int) else logits_to_keep
        logits = self.lm_head(found.last_hidden_state[:, keep])
        loss = None
        if labels is not None:
            loss = self.loss_function(logits, labels, self.config.vocab_size, num_items_in_batch=num_items_in_batch)
        return CausalLMOutputWithPast(loss=loss, logits=logits, past_key_values=found.past_key_values)

    def prepare_inputs_for_generation(self, input_ids: Any, **kwargs: Any) -> dict[str, Any]:  # type: ignore[override]
        """The inputs of one step: the images are seen in the first one only, and remembered in the cache."""
        first = kwargs.get("is_first_iteration", False) or not kwargs.get("use_cache", True)
        usual: Any = super()
        inputs: dict[str, Any] = usual.prepare_inputs_for_generation(input_ids, **kwargs)
        if not first:
            inputs |= dict.fromkeys(("pixel_values", "tiles", "image_states"))
        return inputs
