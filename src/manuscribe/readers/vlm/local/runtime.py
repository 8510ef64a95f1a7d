"""A vision-language checkpoint that answers here."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, Literal, Self

import torch
from torch import Tensor

from manuscribe.engines.gpu import require_gpu
from manuscribe.engines.openvino import available_cores
from manuscribe.errors import ModelError, UsageError
from manuscribe.readers.vlm.answers import Answer, Question
from manuscribe.readers.vlm.local.generation import Watch, Written, careful, rounds_cut, write
from manuscribe.readers.vlm.local.loading import Loaded, load
from manuscribe.readers.vlm.local.tokens import Spelling
from manuscribe.readers.vlm.loops import LoopWatch
from manuscribe.readers.vlm.naming import Named

_TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
_NAMES = {dtype: name for name, dtype in _TYPES.items()}

Watching = Callable[[Callable[[int], str]], Watch]
"""Makes what looks out for an answer that goes round in circles, from the spelling of single tokens."""


class LocalRuntime:
    """Implements `answers.Runtime` with PyTorch: one question at a time, the likeliest token each time.

    Questions are never put together: padding would change the arithmetic, and with it now and then a letter.

    Args:
        name: The checkpoint's folder, or its name on the hub.
        revision: Its branch, tag or commit on the hub.
        adapter: A LoRA adapter's folder, or its name on the hub, which is merged into the checkpoint.
        precision: `None` is fp32 on a CPU and bf16 on a GPU.
        threads: CPU threads; 0 takes every core this process may use.
        watch: See `Watching`.

    Raises:
        ModelError: The checkpoint or the adapter is not there, damaged, incomplete, or of a kind that is not known.
        UsageError: There is no such device, or PEFT is not there to merge an adapter.
    """

    def __init__(
        self,
        name: str,
        *,
        revision: str | None = None,
        adapter: Path | str | None = None,
        precision: Literal["fp32", "bf16"] | None = None,
        device: Literal["cpu", "cuda"] = "cpu",
        threads: int = 0,
        watch: Watching = LoopWatch,
    ) -> None:
        if device == "cuda":
            require_gpu()
        precision = precision or ("fp32" if device == "cpu" else "bf16")
        loaded = load(Named(name, str(adapter) if adapter else None), revision, _TYPES[precision])
        self._begin(loaded, loaded.model.to(device), threads, watch)

    @classmethod
    def of(cls, loaded: Loaded, model: Any, *, threads: int = 0, watch: Watching = LoopWatch) -> Self:
        """A runtime of a network that is there already, wherever it is: one that is being taught, say.

        Args:
            loaded: What is around it.
            model: The network; it is to be in `eval` when it is asked.
            threads: CPU threads; 0 takes every core this process may use.
            watch: See `Watching`.
        """
        runtime = cls.__new__(cls)
        runtime._begin(loaded, model, threads, watch)
        return runtime

    def _begin(self, loaded: Loaded, model: Any, threads: int, watch: Watching) -> None:
        self._loaded, self._model, self._watch = loaded, model, watch
        self._threads = threads or available_cores()
        self._spelling = Spelling(loaded.processor.tokenizer)
        self._alone = Lock()
        self.name = loaded.name.model
        self.version = loaded.version
        self.choices: Mapping[str, str] = {
            "engine": "torch",
            "device": model.device.type,
            "precision": _NAMES.get(model.dtype, str(model.dtype)),
            **({"adapter": loaded.name.adapter} if loaded.name.adapter else {}),
        }
        self.prompts: Mapping[str, str] = loaded.prompts
        self.sizes: Sequence[str] = loaded.sizes
        self.at_once = 1

    def takes(self, size: str) -> bool:
        """See `answers.Runtime`."""
        return size in self.sizes or self._loaded.processor.takes(size)

    def ask(self, questions: Sequence[Question]) -> list[Answer]:
        """See `answers.Runtime`.

        Raises:
            InputError: An image cannot be shown to the model.
            ModelError: The checkpoint does not say how to prompt it, or there is too little memory for an answer.
            UsageError: There is no such size.
        """
        return [self._answer(question) for question in questions]

    def _answer(self, question: Question) -> Answer:
        ban = careful(self._loaded.ban) if question.careful else self._loaded.ban
        size = question.size or next(iter(self.sizes), None)
        with self._alone:
            torch.set_num_threads(self._threads)
            inputs = self._loaded.processor.inputs(question.image, question.prompt, size)
            watch = self._watch(self._spelling.spelt)
            try:
                written = write(self._model, self._here(inputs), self._room(inputs, question.longest), ban, watch)
            except torch.OutOfMemoryError as error:
                raise ModelError(
                    f"The GPU has too little memory for {self.name}.", "Take bf16, a smaller size, or the CPU."
                ) from error
            return self._told(written)

    def _room(self, inputs: Mapping[str, Tensor], longest: int) -> int:
        """Tokens that an answer may have: the model has places for so many, the question's among them.

        Raises:
            UsageError: The question alone takes them all.
        """
        room = self._loaded.longest - inputs["input_ids"].shape[1]
        if room < 1:
            raise UsageError(
                f"{self.name} has {self._loaded.longest} places for tokens, fewer than the image and the prompt take.",
                "Take a smaller --size.",
            )
        return min(longest, room)

    def _here(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Inputs where the network is, images in its precision."""
        return {
            name: tensor.to(self._model.device, self._model.dtype if tensor.is_floating_point() else tensor.dtype)
            for name, tensor in inputs.items()
        }

    def _told(self, written: Written) -> Answer:
        ended = bool(written.tokens) and written.tokens[-1] in self._loaded.ends
        count = rounds_cut(written.tokens) if written.looped else len(written.tokens) - ended
        pieces = self._spelling.pieces(written.tokens[:count], written.log_probabilities[:count])
        return Answer("".join(piece.text for piece in pieces), pieces, ended, written.looped)
