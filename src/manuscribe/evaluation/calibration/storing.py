"""Where calibrations are kept."""

from pathlib import Path

from manuscribe.errors import UsageError
from manuscribe.formats.writing import write_atomically
from manuscribe.models.files import WEIGHTS
from manuscribe.readers.trust.calibration import Calibration, CalibrationFile, load_calibrations
from manuscribe.readers.trust.trusted import calibration_path


def place_for(reader: str, out: Path | None) -> Path:
    """The file that a reader's calibration goes into.

    Raises:
        ModelError: The file holds something else.
        UsageError: None was named, and the reader has no place of its own that may be written to.
    """
    place = out or calibration_path(reader)
    if place is None or (out is None and place.parent == WEIGHTS):
        raise UsageError(
            f"The calibration of {reader} cannot be kept where the reader is.",
            "Name a file with -o, and read with --calibration FILE.",
        )
    if place.is_dir():
        raise UsageError(f"-o names a file, and {place} is a folder.", f"For example: -o {place / 'calibration.json'}")
    if place.exists():
        load_calibrations(place)  # nothing else is ever written over
    return place


def store(calibration: Calibration, place: Path) -> None:
    """Put a calibration into a file, beside those for other conditions that are in it.

    Raises:
        ModelError: The file holds something else, which is left as it is.
        OutputError: It cannot be written.
    """
    file = load_calibrations(place) if place.exists() else CalibrationFile(calibrations=())
    write_atomically(place, (file.with_(calibration).model_dump_json(indent=1) + "\n").encode())
