"""What else may have been done: some lines read with other settings, and lines of other splits."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from manuscribe.datasets.labelled import LabelledLine
from manuscribe.errors import ManuscribeError
from manuscribe.evaluation.candidates import Candidate
from manuscribe.evaluation.claims.figures import Texts
from manuscribe.evaluation.claims.rereading import Reading, read_lines
from manuscribe.evaluation.evaluating import Watch
from manuscribe.text.charset import LANGUAGES, script

MOST = 200
"""Lines that are read in a trial; more would cost as much as the claim itself, several times."""
_BEAMS = 4  # of a reader that by itself takes one


@dataclass(frozen=True, slots=True)
class Trial:
    """Some lines, read otherwise.

    Attributes:
        what: Is different.
        texts: As they were read now; `None` where they could not be, then `problem` says why.
        before: The same lines as they were read for the claim; `None` for lines of another split.
    """

    kind: Literal["decoding", "split"]
    what: str
    texts: Texts | None
    before: Texts | None = None
    problem: str = ""


def trials_of(
    reading: Reading,
    candidate: Candidate,
    lines: Sequence[LabelledLine],
    others: Mapping[str, Sequence[LabelledLine]],
    watch: Watch,
) -> list[Trial]:
    """Try other settings on some of the lines, and the same settings on lines of other splits.

    Args:
        reading: Of the lines, with the settings of the claim.
        candidate: The reader, as it read them.
        lines: That were read.
        others: Lines of other splits, by their names.
        watch: Shows how far it is.
    """
    places = _spread(range(len(reading.numbers)))
    chosen, before = [lines[reading.numbers[place]] for place in places], reading.texts.part(places)
    found = []
    for what, change in _settings(candidate, reading.result.options, chosen):
        other = Candidate(candidate.reader, what, candidate.options.model_copy(update=change))
        found.append(_trial("decoding", what, other, chosen, before, watch))
    for split, some in others.items():
        same = Candidate(candidate.reader, f"split {split}", candidate.options)
        found.append(_trial("split", f"split {split}", same, _spread(some), None, watch))
    return found


def _trial(
    kind: Literal["decoding", "split"],
    what: str,
    candidate: Candidate,
    lines: Sequence[LabelledLine],
    before: Texts | None,
    watch: Watch,
) -> Trial:
    try:
        reading = read_lines(candidate, lines, what, watch)
    except ManuscribeError as error:  # a setting that does not fit this reader explains nothing
        return Trial(kind, what, None, problem=error.problem)
    return Trial(kind, what, reading.texts, before.part(reading.numbers) if before else None)


def _spread(items: Sequence[Any]) -> list[Any]:
    """At most `MOST` of some items, evenly spread: neighbours are often of one hand."""
    return list(items[:: max(1, -(-len(items) // MOST))])


def _settings(
    candidate: Candidate, ran: Mapping[str, str], lines: Sequence[LabelledLine]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """What to try, each alone: a name, and the options that change.

    Args:
        candidate: The reader.
        ran: Settings that it ran with, those of its own choice too.
        lines: That it will read.
    """
    set_here = candidate.options
    if set_here.beams is not None:
        yield "the reader's own beams", {"beams": None}
    if ran.get("beams") != "1":
        yield "1 beam", {"beams": 1}
    elif set_here.beams is None:
        yield f"{_BEAMS} beams", {"beams": _BEAMS}
    if set_here.language:
        yield "no language", {"language": None}
    if "lookalikes" not in ran and any(script(letter) == "CYRILLIC" for line in lines for letter in line.text):
        yield "no look-alikes put right", {"lookalikes": False}
    if "fit" not in ran:  # no checkpoint: it has none of the following settings, and can be told a language
        languages = {line.language for line in lines}
        if not set_here.language and len(languages) == 1 and languages <= set(LANGUAGES):
            (language,) = languages
            yield f"language {language}", {"language": language}
        return
    fit = "pad" if ran["fit"] == "squash" else "squash"
    yield f"fit {fit}", {"fit": fit}
    precision = "bf16" if ran.get("precision") == "fp32" else "fp32"
    yield f"precision {precision}", {"precision": precision}
