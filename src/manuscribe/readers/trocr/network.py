"""The TrOCR network in PyTorch, arranged for reading.

Query, key and value come from one product; keys and values of the image are computed once, and held once for all texts
about it; those of the text are kept in memory of their full size from the start.

Encoder: ViT (arXiv 2010.11929), DeiT (2012.12877), BEiT (2106.08254); decoder: TrOCR (2109.10282, section 3.2), which
is RoBERTa's with attention to the image. The arithmetic is that of transformers 5, with which it is tested to agree.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from manuscribe.errors import ModelError
from manuscribe.readers.trocr.attention import attend
from manuscribe.readers.trocr.configuration import Configuration, DecoderConfig, EncoderConfig

_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": F.gelu,
    "gelu_new": lambda x: F.gelu(x, approximate="tanh"),
    "gelu_pytorch_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "quick_gelu": lambda x: x * torch.sigmoid(1.702 * x),
    "relu": F.relu,
    "silu": F.silu,
    "swish": F.silu,
}
KeysValues = tuple[Tensor, Tensor]
_UNSEEN = -1e9  # before a softmax
_OFFSET = 2  # of learned positions, inherited from fairseq


class TrocrNetwork(nn.Module):
    """Encoder and decoder; see `Encoder`, `Decoder`."""

    def __init__(self, configuration: Configuration) -> None:
        super().__init__()
        encoder, decoder = configuration.encoder, configuration.decoder
        crossed = decoder.cross_attention_hidden_size
        self.encoder = Encoder(encoder)
        self.bridge = (
            nn.Linear(encoder.hidden_size, decoder.hidden_size)
            if encoder.hidden_size != decoder.hidden_size and crossed is None
            else nn.Identity()
        )
        self.decoder = Decoder(decoder, crossed or decoder.hidden_size)

    def encode(self, pixels: Tensor, columns: Tensor | None = None) -> "Seen":
        """Images B×3×H×W as the decoder sees them; see `Encoder`."""
        hidden = None if columns is None else self.encoder.hidden(pixels, columns)
        return Seen(self.bridge(self.encoder(pixels, columns, hidden)), hidden)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the encoder made of images.

    Attributes:
        states: B×P×D, special tokens first.
        hidden: What is added to attention, B×1×1×P: 0, or where an image has no patch so little that it is not seen;
            nothing where all places count.
    """

    states: Tensor
    hidden: Tensor | None


def joined(parts: Sequence[Seen]) -> Seen:
    """What was made of images here and of others there, all in frames of the same size, one after the other."""
    if len(parts) == 1:
        return parts[0]
    hidden = [part.hidden for part in parts if part.hidden is not None]
    return Seen(torch.cat([part.states for part in parts]), torch.cat(hidden) if hidden else None)


class Encoder(nn.Module):
    """Images B×3×H×W → states B×P×D: the class token, DeiT's distillation token, then patches row by row.

    Images of other widths than the encoder was made for, side by side in one tensor, come with the number of patch
    columns that each one fills: its positions are those learned, stretched over so many columns (bicubic, as ViT is
    taken to other sizes in arXiv 2010.11929, section 3.2), and what is behind them is `hidden`.
    """

    layers: Iterable["EncoderLayer"]

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.special = nn.Parameter(torch.empty(1, 2 if config.model_type == "deit" else 1, config.hidden_size))
        down, across = self.grid = config.grid
        places = self.special.shape[1] + down * across
        self.patches = nn.Conv2d(config.num_channels, config.hidden_size, config.patch_size, config.patch_size)
        self.positions = nn.Parameter(torch.empty(1, places, config.hidden_size)) if config.has_positions else None
        layers = [EncoderLayer(config) for _ in range(config.num_hidden_layers)]
        self.layers = nn.ModuleList(layers)  # type: ignore[assignment]  # it does not say what it iterates over
        mean_pooled = config.model_type == "beit" and config.use_mean_pooling
        self.norm = nn.Identity() if mean_pooled else nn.LayerNorm(config.hidden_size, config.layer_norm_eps)

    def forward(self, pixels: Tensor, columns: Tensor | None = None, hidden: Tensor | None = None) -> Tensor:
        """See the class."""
        patches: Tensor = self.patches(pixels)
        states = torch.cat([self.special.expand(pixels.shape[0], -1, -1), patches.flatten(2).transpose(1, 2)], dim=1)
        if self.positions is not None:
            across = patches.shape[3]
            states = states + (self.positions if columns is None else self._stretched(self.positions, columns, across))
        for layer in self.layers:
            states = layer(states, hidden)
        normed: Tensor = self.norm(states)
        return normed

    def _stretched(self, positions: Tensor, columns: Tensor, across: int) -> Tensor:
        """The learned positions for images of so many columns each (B), in a frame of `across`: B×P×D."""
        special, (down, learned) = self.special.shape[1], self.grid
        table = positions[0, special:].reshape(down, learned, -1).transpose(0, 1).flatten(1)
        stretched = (stretching(columns, across, learned) @ table.float()).to(positions.dtype)
        patches = stretched.reshape(columns.shape[0], across, down, -1).transpose(1, 2).flatten(1, 2)
        return torch.cat([positions[:, :special].expand(columns.shape[0], -1, -1), patches], dim=1)

    def hidden(self, pixels: Tensor, columns: Tensor) -> Tensor:
        """See `Seen.hidden`; `pixels` B×3×H×W tells the frame."""
        across = pixels.shape[3] // self.patches.kernel_size[1]
        empty = torch.arange(across)[None, None] >= columns[:, None, None]
        patches = empty.expand(-1, self.grid[0], -1).flatten(1)
        special = patches.new_zeros(1, self.special.shape[1]).expand(columns.shape[0], -1)
        return torch.cat([special, patches], dim=1)[:, None, None].to(self.special.dtype) * _UNSEEN


class EncoderLayer(nn.Module):
    """Attention and a feed-forward part, each after a norm and added to its input; BEiT scales what is added."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        size, beit = config.hidden_size, config.model_type == "beit"
        self.heads = config.num_attention_heads
        self.before = nn.LayerNorm(size, config.layer_norm_eps)
        self.qkv = nn.Linear(size, 3 * size, bias=config.qkv_bias)
        self.out = nn.Linear(size, size)
        self.after = nn.LayerNorm(size, config.layer_norm_eps)
        self.wide = nn.Linear(size, config.intermediate_size)
        self.narrow = nn.Linear(config.intermediate_size, size)
        self.activation = activation(config.hidden_act)
        scaled = beit and config.layer_scale_init_value > 0
        self.scale_attention = nn.Parameter(torch.empty(size)) if scaled else None
        self.scale_feed = nn.Parameter(torch.empty(size)) if scaled else None
        down, across = config.grid
        biased = beit and (config.use_relative_position_bias or config.use_shared_relative_position_bias)
        self.bias = RelativeBias(down, across, self.heads) if biased else None

    def forward(self, states: Tensor, hidden: Tensor | None = None) -> Tensor:
        """States B×P×D, of which some may be `hidden` (see `Seen`) → the same."""
        rows, places, size = states.shape
        split = self.qkv(self.before(states)).view(rows, places, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        query, key, value = split.unbind()
        bias = hidden if self.bias is None else self.bias()
        seen = attend(query, key, value, bias)
        added = self.out(seen.transpose(1, 2).reshape(rows, places, size))
        states = states + (added if self.scale_attention is None else self.scale_attention * added)
        added = self.narrow(self.activation(self.wide(self.after(states))))
        scaled: Tensor = added if self.scale_feed is None else self.scale_feed * added
        return states + scaled


def stretching(columns: Tensor, across: int, learned: int) -> Tensor:
    """What each of `across` columns takes of each of the `learned` ones, when these are stretched over so many (B).

    B×across×learned; PyTorch's bicubic interpolation (Keys 1981, a = −0.75; half-pixel centres), for each image alone.
    """
    places = (torch.arange(across, dtype=torch.float32) + 0.5)[None] * (learned / columns.float())[:, None] - 0.5
    whole = places.floor()
    rest = (places - whole)[..., None]
    near, far = _inner(rest), _outer(1 + rest)
    near_right, far_right = _inner(1 - rest), _outer(2 - rest)
    taken = torch.zeros(1)
    for step, share in ((-1, far), (0, near), (1, near_right), (2, far_right)):
        source = (whole + step).clamp(0, learned - 1)[..., None]
        taken = taken + share * (source == torch.arange(learned)).float()
    return taken


def _inner(x: Tensor) -> Tensor:
    return (1.25 * x - 2.25) * x * x + 1


def _outer(x: Tensor) -> Tensor:
    return ((-0.75 * x + 3.75) * x - 6) * x + 3


class RelativeBias(nn.Module):
    """BEiT's bias on attention, by how far two patches lie apart: 1×heads×P×P, the class token first."""

    index: Tensor

    def __init__(self, down: int, across: int, heads: int) -> None:
        super().__init__()
        distances = (2 * down - 1) * (2 * across - 1)
        self.table = nn.Parameter(torch.empty(distances + 3, heads))
        self.register_buffer("index", relative_index(down, across), persistent=False)

    def forward(self) -> Tensor:
        """See the class."""
        return self.table[self.index].permute(2, 0, 1)[None]


def relative_index(down: int, across: int) -> Tensor:
    """Which row of the table holds for a pair of places: P×P; the last three rows are for the class token."""
    rows, columns = torch.meshgrid(torch.arange(down), torch.arange(across), indexing="ij")
    apart_down = rows.flatten()[:, None] - rows.flatten()[None] + down - 1
    apart_across = columns.flatten()[:, None] - columns.flatten()[None] + across - 1
    width, distances = 2 * across - 1, (2 * down - 1) * (2 * across - 1)
    index = torch.full((down * across + 1, down * across + 1), distances)  # from the class token
    index[:, 0] = distances + 1  # to it
    index[0, 0] = distances + 2
    index[1:, 1:] = apart_down * width + apart_across
    return index


class Decoder(nn.Module):
    """Tokens → scores of the next one, with a `Memory` of image and text."""

    layers: Iterable["DecoderLayer"]

    def __init__(self, config: DecoderConfig, image_size: int) -> None:
        super().__init__()
        size = config.hidden_size
        self.heads, self.padding = config.heads, config.pad_token_id
        self.length = config.max_position_embeddings
        self.scale = math.sqrt(size) if config.scale_embedding else 1.0
        self.tokens = nn.Embedding(config.vocab_size, size)
        self.learned = config.use_learned_position_embeddings
        places = config.max_position_embeddings + (_OFFSET if self.learned else self.padding + 1)
        self.positions = nn.Parameter(torch.empty(places, size))
        self.norm = nn.LayerNorm(size) if config.layernorm_embedding else nn.Identity()
        layers = [DecoderLayer(config, image_size) for _ in range(config.layers)]
        self.layers = nn.ModuleList(layers)  # type: ignore[assignment]  # it does not say what it iterates over
        self.head = nn.Linear(size, config.vocab_size, bias=False)

    def see(self, image: Tensor) -> list[KeysValues]:
        """For each layer the keys and values of images B×P×D: B×heads×P×d."""
        return [layer.see(image) for layer in self.layers]

    def begin(self, seen: Seen, texts: int, length: int) -> "Memory":
        """The memory for `texts` texts of up to `length` tokens for each image."""
        shape = (len(seen.states) * texts, self.heads, length, self.tokens.embedding_dim // self.heads)
        blank = [(seen.states.new_empty(shape), seen.states.new_empty(shape)) for _ in self.layers]
        return Memory(self.see(seen.states), seen.hidden, blank)

    def forward(self, tokens: Tensor, memory: "Memory") -> Tensor:
        """The next tokens R×T of each text → scores R×T×V of what follows each; the memory grows by them."""
        states = self.tokens(tokens) * self.scale + self._place(tokens, memory.length)
        states = self.norm(states)
        visible = _visible(tokens.shape[1], memory.length, states) if tokens.shape[1] > 1 else None
        for n, layer in enumerate(self.layers):
            states = layer(states, memory, n, visible)
        memory.length += tokens.shape[1]
        scores: Tensor = self.head(states)
        return scores

    def _place(self, tokens: Tensor, past: int) -> Tensor:
        if self.learned:
            return self.positions[torch.arange(tokens.shape[1]) + (past + _OFFSET)]
        written = tokens.ne(self.padding).long()
        return self.positions[(written.cumsum(1) + past) * written + self.padding]


def _visible(new: int, past: int, like: Tensor) -> Tensor:
    """Which tokens each of the new ones sees: itself and those before it; new×(past + new)."""
    places = torch.arange(past + new, device=like.device)
    return places[None] <= places[past:, None]


class Memory:
    """What a decoder keeps between tokens.

    Attributes:
        image: For each layer keys and values of the images, B×heads×P×d.
        hidden: See `Seen`.
        text: For each layer keys and values of the tokens, R×heads×length×d, of which `length` are filled.
        length: Tokens so far.
    """

    def __init__(self, image: list[KeysValues], hidden: Tensor | None, text: list[KeysValues]) -> None:
        self.image, self.hidden, self.text, self.length = image, hidden, text, 0

    def add(self, layer: int, key: Tensor, value: Tensor) -> KeysValues:
        """Remember a layer's keys and values of new tokens, R×heads×T×d; returns them all."""
        keys, values = self.text[layer]
        end = self.length + key.shape[2]
        keys[:, :, self.length : end], values[:, :, self.length : end] = key, value
        return keys[:, :, :end], values[:, :, :end]

    def select(self, images: Tensor | None, texts: Tensor) -> None:
        """Keep these images (`None`: all) and these texts, each image's side by side, in this order."""
        if images is not None:
            self.image = [(keys[images], values[images]) for keys, values in self.image]
            self.hidden = None if self.hidden is None else self.hidden[images]
        for n, (keys, values) in enumerate(self.text):
            if len(texts) == len(keys):  # the usual case needs no new memory
                keys[:, :, : self.length] = keys[texts, :, : self.length]
                values[:, :, : self.length] = values[texts, :, : self.length]
            else:
                self.text[n] = (self._of(keys, texts), self._of(values, texts))

    def _of(self, stored: Tensor, texts: Tensor) -> Tensor:
        kept = stored.new_empty(len(texts), *stored.shape[1:])
        kept[:, :, : self.length] = stored[texts, :, : self.length]
        return kept


class Trace(Memory):
    """A memory that grows by new tensors instead of being filled: what a graph can be made of."""

    def __init__(self, image: list[KeysValues], hidden: Tensor | None, text: list[KeysValues]) -> None:
        super().__init__(image, hidden, text)
        self.length = text[0][0].shape[2]

    def add(self, layer: int, key: Tensor, value: Tensor) -> KeysValues:
        """See `Memory.add`."""
        keys, values = self.text[layer]
        self.text[layer] = torch.cat([keys, key], dim=2), torch.cat([values, value], dim=2)
        return self.text[layer]


class DecoderLayer(nn.Module):
    """Attention to the text so far, to the image, and a feed-forward part, each added to its input and then normed."""

    def __init__(self, config: DecoderConfig, image_size: int) -> None:
        super().__init__()
        size = config.hidden_size
        self.heads = config.heads
        self.qkv = nn.Linear(size, 3 * size)
        self.out = nn.Linear(size, size)
        self.text_norm = nn.LayerNorm(size)
        self.ask = nn.Linear(size, size)
        self.image_kv = nn.Linear(image_size, 2 * size)
        self.image_out = nn.Linear(size, size)
        self.image_norm = nn.LayerNorm(size)
        self.wide = nn.Linear(size, config.intermediate_size)
        self.narrow = nn.Linear(config.intermediate_size, size)
        self.feed_norm = nn.LayerNorm(size)
        self.activation = activation(config.activation_function)

    def see(self, image: Tensor) -> KeysValues:
        """Keys and values of images B×P×D: B×heads×P×d each."""
        images, places, _ = image.shape
        both = self.image_kv(image).view(images, places, 2, self.heads, -1).permute(2, 0, 3, 1, 4).contiguous()
        return both[0], both[1]

    def forward(self, states: Tensor, memory: Memory, layer: int, visible: Tensor | None) -> Tensor:
        """States R×T×D of new tokens → the same; the memory of this `layer` grows by them."""
        states = self.text_norm(states + self.out(self._recall(states, memory, layer, visible)))
        states = self.image_norm(states + self.image_out(self._look(states, memory.image[layer], memory.hidden)))
        added = self.narrow(self.activation(self.wide(states)))
        normed: Tensor = self.feed_norm(states + added)
        return normed

    def _recall(self, states: Tensor, memory: Memory, layer: int, visible: Tensor | None) -> Tensor:
        rows, new, size = states.shape
        query, key, value = self.qkv(states).view(rows, new, 3, self.heads, -1).permute(2, 0, 3, 1, 4).unbind()
        keys, values = memory.add(layer, key, value)
        seen = F.scaled_dot_product_attention(query, keys, values, attn_mask=visible)
        return seen.transpose(1, 2).reshape(rows, new, size)

    def _look(self, states: Tensor, image: KeysValues, hidden: Tensor | None) -> Tensor:
        # The texts of one image look at it together, as if they were further tokens of one text: it is held once.
        rows, new, size = states.shape
        query = self.ask(states).view(image[0].shape[0], -1, self.heads, size // self.heads).transpose(1, 2)
        seen = F.scaled_dot_product_attention(query, *image, attn_mask=hidden)
        return seen.transpose(1, 2).reshape(rows, new, size)


def activation(name: str) -> Callable[[Tensor], Tensor]:
    """The function of that name in transformers.

    Raises:
        ModelError: It is not among those that TrOCR checkpoints use.
    """
    if name not in _ACTIVATIONS:
        raise ModelError(
            f"The checkpoint's config.json asks for the activation '{name}', which is not known.",
            f"Take a checkpoint with one of {', '.join(_ACTIVATIONS)}.",
        )
    return _ACTIVATIONS[name]


def sinusoids(places: int, size: int, padding: int) -> Tensor:
    """Fixed positions as TrOCR's stage-1 checkpoints have them: places×size, zero at `padding`."""
    half = size // 2
    rates = torch.exp(torch.arange(half).float() * -(math.log(10000) / (half - 1)))
    angles = torch.arange(places).float()[:, None] * rates[None]
    table = torch.cat([angles.sin(), angles.cos(), angles.new_zeros(places, size % 2)], dim=1)
    table[padding] = 0
    return table
