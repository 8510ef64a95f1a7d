"""How a reader reads; the same for every reader."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Level = Literal["word", "line", "paragraph", "page"]


class ReaderOptions(BaseModel):
    """Options of a reader.

    Attributes:
        language: Read in this language (BCP 47 code), in its charset alone; `None` leaves it to the reader.
        beams: Width of the beam search; 1 takes the surest letter or token each time. `None` is the reader's own:
            32 for the embedded one, whose character models take part then, and what a checkpoint says of itself.
        nbest: Readings to give for each line, the first included; needs as many beams.
        fit: How a line comes into the frame of a checkpoint's encoder: `squash` gives up its proportions, as the
            published ones were trained; `pad` keeps them, with paper around; `wide` gives the line as many columns of
            patches as it needs, for checkpoints that were tuned so; `window` cuts lines that are too long into pieces.
            `None` is what the checkpoint was tuned for.
        engine: What computes a checkpoint: PyTorch; or OpenVINO or ONNX Runtime, for which it is converted first.
            `auto`, as `None`, is PyTorch, and for `int8` what computes fastest. A bundle has its own.
        precision: How a checkpoint's network is computed; `int8`, with weights in eight bits, is not for PyTorch,
            `fp16` for OpenVINO (weights in 16 bits) and for PyTorch on a GPU, `bf16` not for ONNX Runtime.
        draft: Let the embedded reader read first, and a checkpoint check its text many tokens at a time; in fp32 the
            text is the same as without, sooner where the checkpoint is large.
        calibration: File that says what the reader's confidences are worth (`manuscribe calibrate` makes one); `None`
            looks for it where the reader is.
        level: What an image holds, for vision-language models, which are asked accordingly.
        prompt: What a vision-language model is asked, with `<image>` where its prompts have that; `None` is its own.
        size: At which size it sees an image, by a name of its own or in pixels; `None` is its usual one.
        endpoint: Address of a server that computes it, such as `http://localhost:8000/v1` (OpenAI's protocol, as vLLM,
            SGLang and llama.cpp speak it); `None` computes here.
        at_once: Images that an endpoint is asked at the same time; `None` is 4.
        revision: Branch, tag or commit of a checkpoint on the hub.
        device: Where the network runs; `cuda` is for vision-language models and for checkpoints in PyTorch, which are
            computed in bf16 there if no `precision` is given.
        threads: CPU threads; 0 takes every core this process may use.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    language: str | None = None
    beams: int | None = Field(default=None, ge=1, le=100)
    nbest: int = Field(default=1, ge=1, le=100)
    fit: Literal["squash", "pad", "wide", "window"] | None = None
    engine: Literal["auto", "torch", "openvino", "onnx"] | None = None
    precision: Literal["fp32", "bf16", "fp16", "int8"] | None = None
    draft: bool = False
    level: Level = "line"
    prompt: str | None = Field(default=None, min_length=1, max_length=10_000)
    size: str | None = Field(default=None, min_length=1, max_length=20)
    endpoint: str | None = Field(default=None, min_length=1, max_length=2000)
    at_once: int | None = Field(default=None, ge=1, le=256)
    calibration: Path | None = None
    revision: str | None = None
    device: Literal["cpu", "cuda"] = "cpu"
    threads: int = Field(default=0, ge=0, le=1024)
