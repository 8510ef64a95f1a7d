"""How well dates are read, in whichever convention they are written: on lines whose label says that they hold some."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from manuscribe.evaluation.evaluating import ReaderResult
from manuscribe.evaluation.samples import Sample
from manuscribe.evaluation.scoring import Estimate, Summary, Units, score, summarise
from manuscribe.text.charset import LANGUAGES
from manuscribe.text.dates import find_dates, write_dates

LABEL = "date"
"""The label of lines that hold dates."""


@dataclass(frozen=True, slots=True)
class DatesRead:
    """A reader's figures on the lines with the label `LABEL`.

    Attributes:
        lines: How many there are.
        cer: As of all lines.
        cer_normalised: With the dates of truth and reading in one convention, that of ISO.
        understood: Lines in whose truth dates are found.
        right: The share of those in whose reading the same dates are found, and no others; `None` if there are none.
    """

    lines: int
    cer: Estimate
    cer_normalised: Estimate
    understood: int
    right: Estimate | None


def dates_read(result: ReaderResult, samples: Sequence[Sample], units: Units) -> DatesRead | None:
    """How well a reader has read dates; `None` where no line has the label."""
    labelled = [number for number in result.readings if samples[number].label == LABEL]
    if not labelled:
        return None
    # Where no date is found in the truth, finding none in the reading proves nothing.
    understood = [number for number in labelled if _dates(samples[number].text, samples[number].language)]
    return DatesRead(
        len(labelled),
        _summary(result, samples, units, labelled, lambda text, _: text).cer,
        _summary(result, samples, units, labelled, _normalised).cer,
        len(understood),
        _summary(result, samples, units, understood, _dates).exact if understood else None,
    )


def _summary(
    result: ReaderResult,
    samples: Sequence[Sample],
    units: Units,
    numbers: Sequence[int],
    form: Callable[[str, str], str],
) -> Summary:
    """The figures of some lines in a form, which is made of a text and its language."""
    truths, readings = list(samples), {}
    for number in numbers:
        sample = samples[number]
        truths[number] = replace(sample, text=form(sample.text, sample.language))
        readings[number] = form(result.readings[number] or "", sample.language)
    return summarise(score(replace(result, readings=readings), truths), units)


def _normalised(text: str, language: str) -> str:
    return write_dates(text, "iso", language=_known(language))


def _dates(text: str, language: str) -> str:
    """The dates alone, in EDTF; one that is impossible as it is written."""
    return " ".join(date.edtf or date.text for date in find_dates(text, language=_known(language)))


def _known(language: str) -> str | None:
    return language if language in LANGUAGES else None
