"""A reader whose confidences mean what they say, or that says that they do not."""

import logging
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from manuscribe.document import Line
from manuscribe.errors import ModelError
from manuscribe.models.files import WEIGHTS, embedded_models
from manuscribe.readers.protocol import LineReader, installed_readers
from manuscribe.readers.trust.calibration import SUFFIX, Calibration, load_calibrations
from manuscribe.readers.trust.signals import Signals, TellingReader
from manuscribe.readers.vlm.naming import PREFIX, named

UNCALIBRATED = "uncalibrated: nobody measured what the confidences of this reader mean"
IN_FOLDER = f"manuscribe{SUFFIX}"
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
            return [marked(sane(line)) for line in self.reader.read(lines, of_one_page=of_one_page)]
        # Closed, or after an error here the reader would go on with the lines that nobody waits for.
        with closing(read_with_signals(self.reader, lines, of_one_page=of_one_page)) as found:
            return [
                self.calibration.calibrated(line, signals, image)
                for (line, signals), image in zip(found, lines, strict=True)
            ]


def marked(line: Line) -> Line:
    """A line that says that nobody measured what its confidences mean."""
    judged = line.confidence is not None or any(character.confidence is not None for character in line.characters)
    return replace(line, notes=(*line.notes, UNCALIBRATED)) if judged and line.text else line


def read_with_signals(
    reader: LineReader, lines: Sequence[NDArray[np.uint8]], *, of_one_page: bool = False
) -> Generator[tuple[Line, Signals]]:
    """The readings with the reader's signals, as they come; with none where it has none.

    Raises:
        ModelError: The reader's signals do not fit its readings.
    """
    if not isinstance(reader, TellingReader):
        yield from ((sane(line), Signals()) for line in reader.read(lines, of_one_page=of_one_page))
        return
    for line, signals in reader.read_with_signals(lines, of_one_page=of_one_page):
        columns = signals.characters.values()
        fit = all(len(values) == len(line.characters) and np.isfinite(values).all() for values in columns)
        if not fit or not np.isfinite(list(signals.line.values())).all():
            raise ModelError(
                f"The signals of the reader '{reader.name}' do not fit its readings, or are not finite.",
                "It is a fault of the reader: tell those who made it.",
            )
        yield sane(line), signals


def sane(line: Line) -> Line:
    """A line whose confidences are probabilities; what a faulty reader gives instead of one is dropped."""
    characters = line.characters
    if not all(_is_probability(character.confidence) for character in characters):
        characters = tuple(c if _is_probability(c.confidence) else replace(c, confidence=None) for c in characters)
    confidence = line.confidence if _is_probability(line.confidence) else None
    others = tuple(one for one in line.alternatives if _is_probability(one.confidence))
    return replace(line, confidence=confidence, characters=characters, alternatives=others)


def _is_probability(value: float | None) -> bool:
    return value is None or 0 <= value <= 1


def conditions_of(reader: LineReader) -> dict[str, str]:
    """How a reader reads, as far as that decides what its signals are worth."""
    return dict(getattr(reader, "conditions", {}))


def _fitting(calibrations: Sequence[Calibration], reader: LineReader) -> Calibration | None:
    """The calibration for a reader's version and conditions; of several the one that says most about these.

    One that was made for all languages serves for each of them, not the other way round.
    """
    conditions = conditions_of(reader).items()
    found = [
        one for one in calibrations if one.version == reader.version and dict(one.conditions).items() <= conditions
    ]
    return max(found, key=lambda one: len(one.conditions), default=None)


def calibration_path(name: str) -> Path | None:
    """Where the calibration of the reader of that name lies, if there is one: `None` for one of the hub or a plugin.

    Beside the file of a trained reader, in the folder of a checkpoint or its adapter, in the package for the embedded
    reader.
    """
    if name.startswith(PREFIX):
        found = named(name)
        folder = Path(found.adapter or found.model).expanduser()
        return folder / IN_FOLDER if folder.is_dir() else None
    if name.endswith(".onnx"):
        return Path(name).with_suffix(SUFFIX)
    if name in installed_readers():  # before folders, as when a reader is loaded
        return WEIGHTS / f"{name}{SUFFIX}" if name in [model.name for model in embedded_models()] else None
    return Path(name) / IN_FOLDER if Path(name).is_dir() else None


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
    found = _fitting(load_calibrations(where).calibrations, reader)
    if found is not None:
        return TrustedReader(reader, found)
    told = ", ".join(f"{key} {value}" for key, value in conditions_of(reader).items())
    problem = f"{where} has no calibration for version {reader.version} of {name}{f' with {told}' if told else ''}."
    if path is not None:
        raise ModelError(problem, "Make one: manuscribe calibrate.")
    _logger.info(problem)
    return TrustedReader(reader, None)
