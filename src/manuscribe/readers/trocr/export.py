"""From a checkpoint to a bundle, through a gate: what reads worse than the checkpoint is not written."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from manuscribe.errors import ModelError, OutputError, UsageError
from manuscribe.evaluation.metrics import character_error_rate
from manuscribe.extras import needs
from manuscribe.models.hub import locate
from manuscribe.readers.options import ReaderOptions
from manuscribe.readers.trocr.bundle import Bundle
from manuscribe.readers.trocr.checkpoints.checkpoint import load_checkpoint
from manuscribe.readers.trocr.configuration import Fit
from manuscribe.readers.trocr.engines.runtimes import RUNTIMES, Name, Precision, fastest
from manuscribe.readers.trocr.images import together
from manuscribe.readers.trocr.reader import TrocrReader
from manuscribe.readers.trocr.windows import spans_of

if TYPE_CHECKING:
    from manuscribe.datasets.labelled import LabelledLine

_PATTERNS = 8  # images on which tokens are compared where no lines are given
_BEAMS = (1, 4)
_UNKNOWN = "not stated"


class ExportOptions(BaseModel):
    """How a bundle is made.

    Attributes:
        engine: What it will be read with; `auto` is what computes fastest in the precision, of what is installed.
        precision: `fp32`; `bf16` and `fp16`, with weights in 16 bits (float16 in both), computed in bfloat16 where the
            processor has it, and in float32; `int8`, with weights in eight.
        cer_budget: How much higher the bundle's CER may be than the checkpoint's, except in fp32.
        fit: How lines will come into the frame; `None` is what the checkpoint was tuned for.
        revision: Branch, tag or commit of the checkpoint on the hub.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    engine: Name | Literal["auto"] = "openvino"
    precision: Precision = "fp32"
    cer_budget: float = Field(default=0.002, ge=0, le=1)
    fit: Fit | None = None
    revision: str | None = None


def export(
    name: str,
    out: Path,
    options: ExportOptions,
    lines: Sequence["LabelledLine"] = (),
    calibration: Sequence["LabelledLine"] = (),
) -> Bundle:
    """Write the bundle of a checkpoint, given by its folder or its name on the hub.

    In fp32 it must give the checkpoint's tokens on the lines (without any: on drawn patterns), greedily and with four
    beams. Otherwise its CER on the lines must keep to the budget.

    Args:
        calibration: Lines by which the eight bits of images are measured once and for all, instead of anew for each
            image, which keeps images from being looked at together. Their texts are not used.

    Raises:
        ModelError: The checkpoint cannot be read, or the bundle does not pass.
        OutputError: The folder cannot be written, or is not empty.
        UsageError: There are no lines, and the precision asks for them.
    """
    engine = fastest(options.precision) if options.engine == "auto" else options.engine
    if engine == "onnx":
        needs("onnx")
    runtime = RUNTIMES[engine]
    if calibration and not (runtime.calibrated and options.precision == "int8"):
        raise UsageError("Only int8 for ONNX Runtime is calibrated.", "Add --engine onnx --precision int8.")
    if options.precision not in (known := runtime.precisions):
        raise UsageError(f"There is no {options.precision} for {engine}.", f"Take {' or '.join(known)}.")
    if options.precision != "fp32" and not lines:
        raise UsageError(f"How much worse {options.precision} reads is measured on lines.", "Name some with --lines.")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutputError(f"{out} is there already.", "Name a new folder.")
    try:
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f"{out.name}.") as fresh:
            bundle = _write(name, engine, options, Path(fresh) / "bundle", [line.pixels() for line in calibration])
            _check(name, options, bundle, lines)
            if out.exists():
                out.rmdir()
            bundle.folder.rename(out)
    except OSError as error:
        raise OutputError(f"{out} cannot be written: {error.strerror}.", "Name another folder.") from error
    return bundle.model_copy(update={"folder": out})


def _write(
    name: str, engine: Name, options: ExportOptions, folder: Path, calibration: Sequence[NDArray[np.uint8]]
) -> Bundle:
    checkpoint = load_checkpoint(name, options.revision)
    folder.mkdir()
    configuration = checkpoint.configuration.fitted(options.fit)
    pieces = [
        line[:, start:end] for line in calibration for start, end in spans_of(line, configuration.preprocessing.fit)
    ]
    typical = [together([piece], configuration) for piece in pieces]
    RUNTIMES[engine].write(checkpoint.network, configuration, folder, options.precision, typical)
    checkpoint.tokens.save(folder)
    licence, base = _card_of(locate(name, options.revision))
    bundle = Bundle(
        folder=folder,
        version=f"{checkpoint.version}-{options.precision}",
        engine=engine,
        precision=options.precision,
        configuration=configuration,
        source=name if options.revision is None else f"{name}@{options.revision}",
        licence=licence,
        base=base,
    )
    (folder / "README.md").write_text(_card(bundle), encoding="utf-8")
    return bundle.write()


def _check(name: str, options: ExportOptions, bundle: Bundle, lines: Sequence["LabelledLine"]) -> None:
    images = [line.pixels() for line in lines] or _patterns()
    if options.precision == "fp32":
        for beams in _BEAMS:
            before, after = _readers(name, options, bundle, beams)
            different = sum(a != b for a, b in zip(before.tokens(images), after.tokens(images), strict=True))
            if different:
                raise ModelError(
                    f"The bundle reads {different} of {len(images)} lines otherwise than {name} (beams: {beams}).",
                    "It was not written. Please report it.",
                )
        return
    was, now = (
        character_error_rate((line.text, read.text) for line, read in zip(lines, reader.read(images), strict=True))
        for reader in _readers(name, options, bundle, None)
    )
    if now > was + options.cer_budget:
        raise ModelError(
            f"In {options.precision} the CER on {len(lines)} lines is {now:.4f}, and {was:.4f} before: {now - was:.4f} "
            f"more, of {options.cer_budget} allowed.",
            "It was not written. Take more bits, or allow more with --cer-budget.",
        )


def _readers(name: str, options: ExportOptions, bundle: Bundle, beams: int | None) -> tuple[TrocrReader, TrocrReader]:
    before = TrocrReader(name, ReaderOptions(beams=beams, fit=options.fit, revision=options.revision))
    return before, TrocrReader(str(bundle.folder), ReaderOptions(beams=beams))


def _patterns() -> list[NDArray[np.uint8]]:
    rng = np.random.default_rng(0)
    sizes = [(int(rng.integers(24, 96)), int(rng.integers(60, 900))) for _ in range(_PATTERNS)]
    return [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes]


def _card_of(folder: Path) -> tuple[str, str]:
    """Licence and base, as the front matter of the checkpoint's README.md has them."""
    from huggingface_hub import ModelCard
    from yaml import YAMLError

    try:
        data = ModelCard.load(folder / "README.md", ignore_metadata_errors=True).data
    except (OSError, ValueError, YAMLError):
        return "", ""
    base = data.base_model
    return str(data.license or ""), ", ".join(base) if isinstance(base, list) else str(base or "")


def _card(bundle: Bundle) -> str:
    """The card for people."""
    encoder, decoder = bundle.configuration.encoder, bundle.configuration.decoder
    return (
        f"# {bundle.source} for {bundle.engine} in {bundle.precision}\n\n"
        "Reads lines of handwriting: `manuscribe read line.png --level line --reader FOLDER`.\n\n"
        f"- Licence of the weights: {bundle.licence or _UNKNOWN}\n"
        f"- Made from: {bundle.source}, base: {bundle.base or _UNKNOWN}\n"
        f"- Lines: {bundle.configuration.preprocessing.fit}\n"
        f"- Encoder: {encoder.model_type}, {encoder.num_hidden_layers} layers of {encoder.hidden_size}, images of "
        f"{encoder.image_size[0]} × {encoder.image_size[1]} pixels\n"
        f"- Decoder: {decoder.layers} layers of {decoder.hidden_size}, {decoder.vocab_size} tokens\n"
    )
