"""What stands before DeepSeek-OCR: images as it sees them, and prompts as tokens with places for images."""

from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor

from manuscribe.errors import ModelError, UsageError
from manuscribe.readers.vlm.answers import Pixels
from manuscribe.readers.vlm.deepseek.configuration import DeepseekOCRConfig
from manuscribe.readers.vlm.deepseek.views import MODES, mode_of, show

_IMAGE = "<image>"


def load_processor(folder: Path) -> "DeepseekProcessor":
    """What stands before a checkpoint's network.

    Raises:
        ModelError: Files are missing or damaged, or it is a later model that calls itself by the same name.
    """
    config = DeepseekOCRConfig.from_pretrained(folder, local_files_only=True)
    if not config.has_both_towers:
        raise ModelError(
            f"{folder} is not the first DeepSeek-OCR, though its config.json says so.",
            "The second one is read from deepseek-community/DeepSeek-OCR-2.",
        )
    return DeepseekProcessor(folder, config)


class DeepseekProcessor:
    """Implements `local.families.Processor`.

    Attributes:
        tokenizer: The checkpoint's.
        sizes: Names of the published modes, the usual one first; a number of pixels is a size, too.

    Raises:
        ModelError: The folder has no tokenizer, or one without the image's token.
    """

    sizes = tuple(MODES)

    def __init__(self, folder: Path, config: DeepseekOCRConfig) -> None:
        path = folder / "tokenizer.json"
        if not path.is_file():
            raise ModelError(f"{folder} has no tokenizer.json.", "Was everything fetched?")
        try:
            self.tokenizer: Tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # the library has no kind of its own
            raise ModelError(f"{path} is damaged: {error}.", "Fetch the checkpoint again.") from error
        if self.tokenizer.token_to_id(_IMAGE) != config.image_token_id:
            raise ModelError(f"{path} does not belong to the network beside it.", "Fetch the checkpoint again.")
        self._start, self._image = config.bos_token_id, config.image_token_id

    def takes(self, size: str) -> bool:
        """Whether it is the name of a mode, or a number of pixels that can be seen."""
        try:
            mode_of(size)
        except UsageError:
            return False
        return True

    def inputs(self, image: Pixels, prompt: str, size: str | None) -> dict[str, Tensor]:
        """What the network takes for one image.

        As the authors' program does, white space around the prompt is left out, and a start token put before it.

        Raises:
            UsageError: The prompt has not one place for the image, or there is no such size.
        """
        before, *after = prompt.strip().split(_IMAGE)
        if len(after) != 1:
            raise UsageError(f"The prompt has {len(after)} places for the image.", f"Write {_IMAGE} in it once.")
        views = show(image, mode_of(size or self.sizes[0]))
        start = [] if self._start is None else [self._start]
        tokens = torch.tensor([[*start, *self._tokens(before), *[self._image] * views.places, *self._tokens(after[0])]])
        found = {
            "input_ids": tokens,
            "attention_mask": torch.ones_like(tokens),
            "pixel_values": torch.from_numpy(views.whole)[None],
            "grids": torch.tensor([views.grid]),
        }
        return found if views.tiles is None else found | {"tiles": torch.from_numpy(views.tiles)}

    def _tokens(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return ids
