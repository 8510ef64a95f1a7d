"""Images and prompts as transformers' own classes make them ready for a network."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import transformers
from PIL import Image
from torch import Tensor
from transformers import AutoImageProcessor, AutoTokenizer

from manuscribe.errors import InputError, ModelError, UsageError
from manuscribe.readers.trocr.configuration import read_json
from manuscribe.readers.vlm.answers import Pixels
from manuscribe.readers.vlm.local.checkpoints import quiet, reason
from manuscribe.readers.vlm.prompts import IMAGE

Frame = Callable[[Any, str, str | None], str]
"""What the model reads, of transformers' processor, a prompt, and a size: with one token of the image in it."""


class Processing:
    """What stands before a network, by one of transformers' processors.

    Images are prepared with Pillow, also where torchvision is installed: the same image is to give the same text.

    Args:
        folder: The checkpoint's.
        kind: Name of the processor's class.
        frame: Puts a prompt into the form that the model learnt.
        sizes: What the image processor is told, by size, the usual one first; empty where images are seen as they are.

    Attributes:
        tokenizer: From and to tokens, of the tokenizers library.

    Raises:
        ModelError: Files are missing or damaged.
    """

    def __init__(self, folder: Path, kind: str, frame: Frame, sizes: Mapping[str, Mapping[str, object]]) -> None:
        self._processor = _load(folder, kind)
        self._folder, self._frame, self._sizes = folder, frame, sizes
        self.tokenizer = self._processor.tokenizer.backend_tokenizer

    def takes(self, size: str) -> bool:
        """Whether it is one of the sizes."""
        return size in self._sizes

    def inputs(self, image: Pixels, prompt: str, size: str | None) -> dict[str, Tensor]:
        """What the network takes, for one image at one of the sizes; `None` is the usual one.

        Raises:
            InputError: The image cannot be shown to the model, or the prompt has not one place for it.
            ModelError: The checkpoint does not say how a prompt is framed.
            UsageError: There is no such size.
        """
        size = size or next(iter(self._sizes), None)
        if size is not None and size not in self._sizes:
            raise UsageError(
                f"{self._folder} sees no images at the size '{size}'.",
                f"Take one of: {', '.join(self._sizes)}." if self._sizes else "It sees them as they are.",
            )
        text = self._frame(self._processor, prompt, size)
        shown = Image.fromarray(image).convert("RGB")
        try:
            made = self._processor(
                images=shown, text=text, return_tensors="pt", images_kwargs=dict(self._sizes[size]) if size else {}
            )
        except Exception as error:  # of whatever kind the class raises
            raise InputError(
                f"An image of {shown.width}×{shown.height} pixels cannot be shown to {self._folder}: {reason(error)}.",
                "Is it very long and thin, or has the prompt tokens of images in it?",
            ) from error
        return dict(made)


def chat(processor: Any, prompt: str, size: str | None) -> str:  # noqa: ARG001
    """A prompt in the checkpoint's own form of a conversation.

    What stands before `<image>` is what the model is told at the outset, what stands after it the user's words.

    Raises:
        ModelError: The checkpoint has no such form, or one that does not take this prompt.
    """
    told, _, words = prompt.rpartition(IMAGE)
    messages = [_message("user", [{"type": "image"}, *_words(words)])]
    if told.strip():
        messages.insert(0, _message("system", _words(told)))
    template = processor.chat_template or processor.tokenizer.chat_template
    if not template:
        raise ModelError(
            f"{processor.tokenizer.name_or_path} has no chat_template.jinja.", "Fetch the checkpoint again."
        )
    try:
        framed: str = processor.tokenizer.apply_chat_template(
            messages, chat_template=template, tokenize=False, add_generation_prompt=True
        )
    except Exception as error:  # a template is a program, which may do as it likes
        raise ModelError(
            f"The template in {processor.tokenizer.name_or_path} does not take this prompt: {reason(error)}.",
            "Leave out what stands before <image>.",
        ) from error
    return framed


def plain(processor: Any, prompt: str, size: str | None) -> str:  # noqa: ARG001
    """A prompt as it is, with the model's token of an image."""
    told = prompt if IMAGE in prompt else f"{IMAGE}\n{prompt}"
    return told.replace(IMAGE, processor.image_token)


def got(processor: Any, prompt: str, size: str | None) -> str:
    """A prompt in the one conversation that GOT-OCR learnt, which its checkpoint has no template for."""
    words = prompt.replace(IMAGE, "").lstrip("\n")
    if size == "tiles":  # it learnt to be told so
        words = words.replace("OCR:", "OCR upon the patch reference:")
    start, end = processor.message_start_token, processor.message_end_token
    image = f"{processor.img_start_token}{processor.image_token}{processor.img_end_token}"
    return f"{start}{processor.system_query}{end}{start}user\n{image}\n{words}{end}{start}assistant\n"


def _message(role: str, content: list[dict[str, str]]) -> dict[str, object]:
    return {"role": role, "content": content}


def _words(text: str) -> list[dict[str, str]]:
    return [{"type": "text", "text": text.strip()}] if text.strip() else []


def _load(folder: Path, kind: str) -> Any:
    """A processor of transformers, put together by hand: its own loading would need torchvision, to see films."""
    settings = read_json(folder / "processor_config.json") or {}
    older = read_json(folder / "chat_template.json") or {}
    settings = {"chat_template": older.get("chat_template")} | settings
    settings.pop("audio_tokenizer", None)  # another model
    known: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    images: Any = AutoImageProcessor
    try:
        with quiet():
            parts = [
                images.from_pretrained(folder, backend="pil", **known),
                AutoTokenizer.from_pretrained(folder, **known),
            ]
            return _without_films(getattr(transformers, kind)).from_args_and_dict(parts, settings)
    except Exception as error:  # whatever missing and damaged files bring about
        raise ModelError(
            f"The tokenizer or the image processor in {folder} does not load: {reason(error)}.",
            "Fetch the checkpoint again.",
        ) from error


def _without_films(kind: Any) -> Any:
    """A class of processors without the part that prepares films, which its signature tells transformers."""
    if "video_processor" not in kind.get_attributes():
        return kind

    class Still(kind):  # type: ignore[misc]
        def __init__(self, image_processor: Any, tokenizer: Any, chat_template: str | None = None) -> None:
            super().__init__(image_processor, tokenizer, chat_template=chat_template)

    return Still
