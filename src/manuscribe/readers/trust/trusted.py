"""A reader whose confidences mean what they say, or that says that they do not."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from manuscribe.document import Line
from manuscribe.errors import ModelError
from manuscribe.models.files import WEIGHTS, embedded_models
from manuscribe.readers.protocol import LineReader
from manuscribe.readers.trust.calibration import SUFFIX, Calibration, load_calibrations
from manuscribe.readers.trust.signals import Signals, TellingReader

UNCALIBRATED = "uncalibrated: nobody measured what the confidences of this reader mean"
IN_FOLDER = "calibration.json"
_logger = logging.getLogger(__name__)


class TrustedReader:
    """A reader with its calibration, if there is one; implements `LineReader`.

    Attributes:
        choices: The reader's, and `confidence`: the calibration, or that there is none.
    """

    def __init__(self, reader: LineReader, calibration: Calibration | None) -> None:
        self.reader, self.calibration = reader, calibration
        self.name, self.version = reader.name, reader.version
        told = f"calibrated {calibration.id}" if calibration else "uncalibrated"
        self.choices: Mapping[str, str] = {**getattr(reader, "choices", {}), "confidence": told}

    def read(self, lines: Sequence[NDArray[np.uint8]], *, of_one_page: bool = False) -> list[Line]:
        """Read line images (uint8, H×W or H×W×3 RGB); see `LineReader.read`.

        Without a calibration, what has a confidence has the note `UNCALIBRATED` too.
        """
        if self.calibration is None:
            return [_marked(line) for line in self.reader.read(lines, of_one_page=of_one_page)]
        found = read_with_signals(self.reader, lines, of_one_page=of_one_page)
        return [
            self.calibration.calibrated(line, signals, image)
            for (line, signals), image in zip(found, lines, strict=True)
        ]


def _marked(line: Line) -> Line:
    return line if line.confidence is None or not line.text else replace(line, notes=(*line.notes, UNCALIBRATED))


def read_with_signals(
    reader: LineReader, lines: Sequence[NDArray[np.uint8]], *, of_one_page: bool = False
) -> list[tuple[Line, Signals]]:
    """The readings with the reader's signals; with none where it has none."""
    if isinstance(reader, TellingReader):
        return reader.read_with_signals(lines, of_one_page=of_one_page)
    return [(line, Signals()) for line in reader.read(lines, of_one_page=of_one_page)]


def conditions_of(reader: LineReader) -> dict[str, str]:
    """How a reader reads, as far as that decides what its signals are worth."""
    return dict(getattr(reader, "conditions", {}))


def calibration_path(name: str) -> Path | None:
    """Where the calibration of the reader of that name lies, if there is one: `None` for one of the hub or a plugin.

    Beside the file of a trained reader, in the folder of a checkpoint, in the package for the embedded reader.
    """
    if name.endswith(".onnx"):
        return Path(name).with_suffix(SUFFIX)
    if Path(name).is_dir():
        return Path(name) / IN_FOLDER
    return WEIGHTS / f"{name}{SUFFIX}" if name in [model.name for model in embedded_models()] else None


def trusted(name: str, reader: LineReader, path: Path | None) -> TrustedReader:
    """A reader with the calibration that fits it.

    Args:
        name: Under which the reader was asked for.
        path: A file of calibrations; left out, it is looked for where the reader is.

    Raises:
        ModelError: The file that was named cannot be read, or has none that fits.
    """
    where = path or calibration_path(name)
    if where is None or (path is None and not where.is_file()):
        return TrustedReader(reader, None)
    found = load_calibrations(where).calibrations
    conditions = conditions_of(reader)
    for one in found:
        if (one.version, dict(one.conditions)) == (reader.version, conditions):
            return TrustedReader(reader, one)
    told = ", ".join(f"{key} {value}" for key, value in conditions.items())
    problem = f"{where} has no calibration for version {reader.version} of {name}{f' with {told}' if told else ''}."
    if path is not None:
        raise ModelError(problem, "Make one: manuscribe calibrate.")
    _logger.info(problem)
    return TrustedReader(reader, None)
