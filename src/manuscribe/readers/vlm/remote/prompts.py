"""What models are asked where the user does not say it."""

from collections.abc import Mapping

_EXACTLY = "exactly as it is written, with its spelling, punctuation and capitals"
_ALONE = "no comments, no markdown"

_GENERAL = {
    "word": f"Transcribe the handwritten word in this image {_EXACTLY}. Answer with the word alone: {_ALONE}.",
    "line": f"Transcribe the line of handwriting in this image {_EXACTLY}. Answer with that one line alone: {_ALONE}.",
    "paragraph": (
        f"Transcribe the handwritten paragraph in this image {_EXACTLY}, line by line, each on a line of its own. "
        f"Answer with the text alone: {_ALONE}."
    ),
    "page": (
        f"Transcribe all handwriting on this page {_EXACTLY}, line by line, each on a line of its own, "
        f"in reading order. Answer with the text alone: {_ALONE}."
    ),
}

_DEEPSEEK = "<image>\nFree OCR. "


def prompts_of(model: str) -> Mapping[str, str]:
    """The prompts by level that suit the model of that name."""
    return dict.fromkeys(_GENERAL, _DEEPSEEK) if "deepseek-ocr" in model.lower() else dict(_GENERAL)


def without_image(prompt: str) -> str:
    """The prompt without the mark where the image stands, which has a place of its own in a request."""
    return prompt.removeprefix("<image>\n").replace("<image>", "")
