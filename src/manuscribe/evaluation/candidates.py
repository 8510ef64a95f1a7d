"""Who is evaluated: readers with their options, and other programs."""

from collections.abc import Sequence
from dataclasses import dataclass

from manuscribe.errors import UsageError
from manuscribe.readers.options import ReaderOptions

PEERS = ("tesseract", "rapidocr")
"""Programs of others that can be set beside the readers."""


class MeasuredOptions(ReaderOptions):
    """How readers read that are measured: as `manuscribe read` has them read.

    Attributes:
        lookalikes: As `reading.options.ReadingOptions` has it.
    """

    lookalikes: bool = True


@dataclass(frozen=True, slots=True)
class Candidate:
    """A reader, or another program.

    Attributes:
        reader: Its name, as `readers.protocol.load_reader` takes it, or one of `PEERS`.
        title: What it is called in tables; different for all that are compared.
        peer: Whether it is one of `PEERS`; its `options` then only say language and threads.
    """

    reader: str
    title: str
    options: ReaderOptions
    peer: bool = False


def candidates(
    readers: Sequence[str], beams: Sequence[int], peers: Sequence[str], options: ReaderOptions
) -> list[Candidate]:
    """Every reader with every width of the beam search, then the peers; the first is what the others are compared with.

    Raises:
        UsageError: One is named twice, or a peer is not known.
    """
    if unknown := [peer for peer in peers if peer not in PEERS]:
        raise UsageError(f"There is no peer '{unknown[0]}'.", f"Use {' or '.join(PEERS)}.")
    widths: Sequence[int | None] = beams or [None]
    found = [
        Candidate(reader, _title(reader, width, several=len(beams) > 1), options.model_copy(update={"beams": width}))
        for reader in readers
        for width in widths
    ]
    found += [Candidate(peer, peer, options, peer=True) for peer in peers]
    titles = [candidate.title for candidate in found]
    if twice := [title for title in titles if titles.count(title) > 1]:
        raise UsageError(
            f"{twice[0]} is named twice.", "Name each reader and width once; another name for its path tells two apart."
        )
    return found


def _title(reader: str, width: int | None, *, several: bool) -> str:
    return f"{reader}, {width} {'beam' if width == 1 else 'beams'}" if several else reader
