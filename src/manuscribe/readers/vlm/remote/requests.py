"""A question as a request of OpenAI's chat protocol."""

from collections.abc import Collection
from typing import Any

from manuscribe.errors import UsageError
from manuscribe.readers.vlm.answers import Question
from manuscribe.readers.vlm.prompts import IMAGE
from manuscribe.readers.vlm.remote.images import SIZES, data_url

# Against circles: vLLM and SGLang know the penalty by the first name, llama.cpp by the second. The last one is for
# vLLM when it serves DeepSeek-OCR as its authors advise, and forbids runs of tokens to come again.
_CAREFULLY: dict[str, Any] = {
    "repetition_penalty": 1.1,
    "repeat_penalty": 1.1,
    "vllm_xargs": {"ngram_size": 20, "window_size": 90},
}

_OPTIONAL = {
    "logprobs": ("logprob",),
    "skip_special_tokens": ("skip_special_tokens",),
    "max_tokens": ("max_tokens", "max_completion_tokens", "context length", "max_model_len"),
    "repetition_penalty": ("repetition_penalty", "repetition penalty"),
    "repeat_penalty": ("repeat_penalty", "repeat penalty"),
    "vllm_xargs": ("vllm_xargs", "ngram", "window_size"),
}
"""What a request can do without, and the words by which a server says that it does not take it."""


def request_of(question: Question, model: str) -> dict[str, Any]:
    """The body of a request, ready to become JSON.

    Raises:
        UsageError: The question's size is none of `SIZES`.
    """
    size = question.size or SIZES[0]
    if size not in SIZES:
        raise UsageError(f"An endpoint's model knows no size '{size}'.", f"Use one of {', '.join(SIZES)}.")
    told, _, words = question.prompt.rpartition(IMAGE)
    content: list[dict[str, Any]] = [
        {"type": "image_url", "image_url": {"url": data_url(question.image, size)}},
        *([{"type": "text", "text": words.removeprefix("\n")}] if words.strip() else []),
    ]
    outset = [{"role": "system", "content": told.strip()}] if told.strip() else []
    return {
        "model": model,
        "messages": [*outset, {"role": "user", "content": content}],
        "max_tokens": question.longest,
        "temperature": 0,
        "stream": True,
        "logprobs": True,
        "skip_special_tokens": False,  # DeepSeek-OCR's places and tables are written with such tokens
        **(_CAREFULLY if question.careful else {}),
    }


def refused_by(reply: bytes, request: Collection[str]) -> set[str]:
    """The optional parts of a request of which the reply that refuses it speaks."""
    message = reply.decode("utf-8", "replace").lower()
    return {name for name, words in _OPTIONAL.items() if name in request and any(word in message for word in words)}
