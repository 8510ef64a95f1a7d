"""Line data sets as parquet: one row a line, with its image, text, source and group.

Columns: `image` (bytes of an encoded picture), `text`, `source`, `group` (writer or page: splits never tear it
apart), `page`, `language`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from manuscribe.errors import InputError

COLUMNS = ("image", "text", "source", "group", "page", "language")


@dataclass(frozen=True, slots=True)
class LabelledLine:
    """A line image (still encoded) with its transcription."""

    image: bytes
    text: str
    source: str
    group: str
    page: str
    language: str

    def pixels(self) -> NDArray[np.uint8]:
        """The image, grey, H×W.

        Raises:
            InputError: The bytes are no picture.
        """
        decoded = cv2.imdecode(np.frombuffer(self.image, np.uint8), cv2.IMREAD_GRAYSCALE)
        if decoded is None:
            raise InputError(f"The image of line '{self.text[:40]}' from {self.source} {self.page} is damaged.")
        return np.asarray(decoded, dtype=np.uint8)


def read_lines(patterns: Iterable[str], root: Path = Path()) -> list[LabelledLine]:
    """All lines of the parquet files that the glob patterns name, relative to `root`, in order of their names.

    Raises:
        InputError: A pattern names no file, or a file is not such a data set.
    """
    return [line for pattern in patterns for file in _files(pattern, root) for line in _read(file)]


def count_lines(file: Path) -> int:
    """Lines in a parquet file; 0 if it is missing or damaged."""
    try:
        return int(pq.read_metadata(file).num_rows)
    except (pa.ArrowInvalid, OSError):
        return 0


def write_lines(path: Path, lines: Sequence[LabelledLine]) -> None:
    """Write lines as one parquet file, under a temporary name until it is whole."""
    table = pa.table({column: [getattr(line, column) for line in lines] for column in COLUMNS})
    fresh = path.with_name(path.name + ".new")
    pq.write_table(table, fresh, compression="none")
    fresh.replace(path)


def _files(pattern: str, root: Path) -> list[Path]:
    whole = root / pattern
    files = sorted(whole.parent.glob(whole.name))
    if not files:
        raise InputError(f"No data set at {whole}.", "See docs/data.md for where to get the public ones.")
    return files


def _read(file: Path) -> list[LabelledLine]:
    try:
        table = pq.read_table(file, columns=list(COLUMNS))
    except (pa.ArrowInvalid, pa.ArrowKeyError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"{file} is not a line data set: {reason}", f"It needs the columns {', '.join(COLUMNS)}."
        ) from error
    rows = zip(*(table[column].to_pylist() for column in COLUMNS), strict=True)
    return [LabelledLine(*row) for row in rows]


def split_groups(
    lines: Sequence[LabelledLine], share: float, seed: int
) -> tuple[list[LabelledLine], list[LabelledLine]]:
    """Hold out whole groups, about `share` of them from each source: (rest, held out)."""
    rng = np.random.default_rng(seed)
    held: set[tuple[str, str]] = set()
    for source in sorted({line.source for line in lines}):
        groups = sorted({line.group for line in lines if line.source == source})
        if len(groups) > 1:
            count = max(1, round(share * len(groups)))
            held |= {(source, groups[i]) for i in rng.choice(len(groups), count, replace=False)}
    rest = [line for line in lines if (line.source, line.group) not in held]
    return rest, [line for line in lines if (line.source, line.group) in held]
