"""Calibrations: what signals are worth, found by `manuscribe calibrate` on lines whose text is known.

Logistic regressions, one on the other: P(character right), P(word right), P(line exact), and a line's expected rate of
errors (Platt 1999; for words of recognisers Siu and Gish 1999). Each column counts with a slope of its own below its
mean, since a signal that is bad tells more than one that is good.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from manuscribe.document import Alternative, Character, Line
from manuscribe.errors import ModelError
from manuscribe.readers.trust.features import Evidence, Rows, character_rows, evidence_of, line_row, word_rows
from manuscribe.readers.trust.signals import Floats, Signals

NAME: Literal["manuscribe-calibration"] = "manuscribe-calibration"
VERSION: Literal[1] = 1
SUFFIX = ".calibration.json"
BYTE_LIMIT = 16 << 20
_FARTHEST = 5.0  # standard deviations from the mean beyond which a signal says no more
_DECIMALS = 4
_LEAST = 1e-4  # what is rounded to nothing


class Level(BaseModel):
    """A logistic regression.

    Attributes:
        columns: Names of the rows' columns, F.
        mean: Of each column, F.
        scale: Standard deviation of each, F.
        weights: Of each column, of each column where it is below its mean, and of 1: 2F + 1.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    columns: tuple[str, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[float, ...]

    @model_validator(mode="after")
    def _fits(self) -> "Level":
        sizes = len(self.mean), len(self.scale), (len(self.weights) - 1) / 2
        if any(size != len(self.columns) for size in sizes) or min(self.scale, default=1.0) <= 0:
            raise ValueError("the numbers of columns, means, scales and weights do not fit together")
        return self

    @cached_property
    def _arrays(self) -> tuple[Floats, Floats, Floats]:
        return np.array(self.mean), np.array(self.scale), np.array(self.weights)

    def probabilities(self, rows: Rows) -> Floats:
        """One for each row.

        Raises:
            ModelError: The rows have other columns.
        """
        if rows.names != self.columns:
            raise ModelError(
                "The calibration is of other signals than the reader gives.", "Make it anew: manuscribe calibrate."
            )
        mean, scale, weights = self._arrays
        z = bent(rows.values, mean, scale) @ weights
        return np.asarray(1 / (1 + np.exp(-z)))


def bent(values: Floats, mean: Floats, scale: Floats) -> Floats:
    """Rows N×F as a regression sees them, N×(2F + 1): standardised, the same where below the mean, and 1."""
    z = np.clip((values - mean) / scale, -_FARTHEST, _FARTHEST)
    return np.concatenate([z, np.minimum(z, 0), np.ones((len(z), 1))], axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What a calibration says of a reading.

    Attributes:
        characters: Probability that each is right, N.
        words: The same of each word.
        exact: Probability that the line is right altogether.
        errors: Expected errors by characters of reading or truth, whichever is longer, 0 to 1.
    """

    characters: Floats
    words: Floats
    exact: float
    errors: float


class Levels(BaseModel):
    """Four regressions, each on what the ones before it say.

    Attributes:
        characters: Whether a character is right.
        words: Whether a word is.
        line: Whether a line is, altogether.
        errors: How many errors a line has for each character of reading or truth, whichever is longer.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    characters: Level
    words: Level
    line: Level
    errors: Level

    def judge(self, evidence: Evidence) -> Judged:
        """What can be said of a reading that is not empty."""
        characters = self.characters.probabilities(character_rows(evidence))
        words = self.words.probabilities(word_rows(evidence, characters))
        row = line_row(evidence, characters, words)
        exact, errors = self.line.probabilities(row), self.errors.probabilities(row)
        return Judged(characters, words, float(exact[0]), float(errors[0]))


class Calibration(BaseModel):
    """What the signals of a reader are worth.

    Attributes:
        reader: Its name.
        version: Of its weights; with others it means nothing.
        conditions: How it read, as far as that decides what its signals are worth (`search`: greedy or beam).
        data: What it was found on.
        lines: How many of them.
        figures: How good it was found to be on lines that had no part in it, by cross-validation.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    reader: str
    version: str
    conditions: Mapping[str, str] = {}
    data: tuple[str, ...] = ()
    lines: int = Field(ge=1)
    figures: Mapping[str, float] = {}
    levels: Levels

    @property
    def id(self) -> str:
        """First characters of the SHA-256 of all that is in it."""
        return sha256(self.model_dump_json().encode()).hexdigest()[:12]

    def calibrated(self, line: Line, signals: Signals, image: NDArray[np.uint8]) -> Line:
        """The reading with probabilities in place of the reader's own confidences."""
        if not line.text.strip():
            # Nobody measured what other readings of nothing are worth.
            return replace(line, confidence=None, expected_cer=1.0, alternatives=())
        judged = self.levels.judge(evidence_of(line, signals, image))
        sure = _told(judged.characters)
        return replace(
            line,
            confidence=round(judged.exact, _DECIMALS),
            expected_cer=round(judged.errors, _DECIMALS),
            characters=tuple(Character(c.text, p, c.polygon) for c, p in zip(line.characters, sure, strict=False)),
            word_confidences=_told(judged.words),
            alternatives=_shared_out(line.alternatives, line.confidence, judged.exact),
        )


def _told(probabilities: Floats) -> tuple[float, ...]:
    return tuple(round(one, _DECIMALS) for one in probabilities.tolist())


def _shared_out(alternatives: Sequence[Alternative], before: float | None, exact: float) -> tuple[Alternative, ...]:
    """Other readings as sure as they were beside the reading itself, and together no surer than what it leaves.

    Where the reader was too sure, it is mostly so of all that it found: the rest is for what it did not find.
    """
    if before is None:
        return tuple(alternatives)
    share = min(exact / max(before, _LEAST), (1 - exact) / max(1 - before, _LEAST))
    return tuple(replace(one, confidence=round(min(1.0, one.confidence * share), _DECIMALS)) for one in alternatives)


class CalibrationFile(BaseModel):
    """What a file holds: a calibration for each condition that a reader was calibrated in."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["manuscribe-calibration"] = NAME
    version: Literal[1] = VERSION
    calibrations: tuple[Calibration, ...]

    def with_(self, calibration: Calibration) -> "CalibrationFile":
        """With another calibration, in the place of what it replaces."""
        key = (calibration.version, calibration.conditions)
        kept = tuple(one for one in self.calibrations if (one.version, one.conditions) != key)
        return self.model_copy(update={"calibrations": (*kept, calibration)})


def load_calibrations(path: Path) -> CalibrationFile:
    """Read a file of calibrations.

    Raises:
        ModelError: It is missing, damaged, or of another version of manuscribe.
    """
    try:
        content: Any = json.loads(_bytes(path))
        if isinstance(content, dict) and content.get("format") == NAME and content.get("version") != VERSION:
            raise ModelError(f"{path} is of another version of manuscribe.", "Make it anew: manuscribe calibrate.")
        return CalibrationFile.model_validate(content)
    except OSError as error:
        raise ModelError(f"The calibration {path} cannot be read: {error.strerror}.", "Check the path.") from error
    except (ValidationError, ValueError, RecursionError) as error:
        raise ModelError(
            f"{path} is no calibration.", "Remove it, or make one in its place: manuscribe calibrate."
        ) from error


def _bytes(path: Path) -> bytes:
    if path.exists() and not path.is_file():  # a device or a pipe would be read without end
        raise ModelError(f"{path} is no file.", "Name a file that `manuscribe calibrate` made.")
    with path.open("rb") as file:
        content = file.read(BYTE_LIMIT + 1)
    if len(content) > BYTE_LIMIT:
        raise ModelError(f"{path} is too large for a calibration.", "Name a file that `manuscribe calibrate` made.")
    return content
