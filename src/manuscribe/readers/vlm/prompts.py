"""What models are asked where nobody says it: what they learnt, or an instruction in plain words."""

from collections.abc import Mapping

IMAGE = "<image>"
"""Where the image stands in a prompt; what stands before it is what a model is told at the outset."""
LEVELS = ("word", "line", "paragraph", "page")
_EXACTLY = "exactly as it is written, with its spelling, punctuation and capitals"
_ALONE = "no comments, no markdown"

INSTRUCTED: Mapping[str, str] = {
    "word": f"{IMAGE}Transcribe the handwritten word in this image {_EXACTLY}. Answer with the word alone: {_ALONE}.",
    "line": (
        f"{IMAGE}Transcribe the line of handwriting in this image {_EXACTLY}. "
        f"Answer with that one line alone: {_ALONE}."
    ),
    "paragraph": (
        f"{IMAGE}Transcribe the handwritten paragraph in this image {_EXACTLY}, line by line, each on a line of its "
        f"own. Answer with the text alone: {_ALONE}."
    ),
    "page": (
        f"{IMAGE}Transcribe all handwriting on this page {_EXACTLY}, line by line, each on a line of its own, "
        f"in reading order. Answer with the text alone: {_ALONE}."
    ),
}
"""For models that take instructions, by level."""

FREE_OCR: Mapping[str, str] = dict.fromkeys(LEVELS, f"{IMAGE}\nFree OCR. ")
GOT: Mapping[str, str] = dict.fromkeys(LEVELS, f"{IMAGE}\nOCR: ")
PADDLE: Mapping[str, str] = dict.fromkeys(LEVELS, f"{IMAGE}OCR:")
# Its mistake is its authors', who taught it so.
CHURRO: Mapping[str, str] = dict.fromkeys(
    LEVELS, f"Transcribe the entiretly of this historical documents to XML format.{IMAGE}"
)

_TAUGHT = {"deepseek-ocr": FREE_OCR, "got-ocr": GOT, "paddleocr-vl": PADDLE, "churro": CHURRO}


def prompts_by_name(model: str) -> Mapping[str, str] | None:
    """The prompts by level of a model whose name tells what it was taught; `None` where it does not."""
    short = model.rstrip("/").rpartition("/")[2].lower()
    return next((prompts for part, prompts in _TAUGHT.items() if part in short), None)
