"""The forms in which the truth and the reading of a claim are compared."""

import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

from manuscribe.evaluation.forms import OVERLOOKING
from manuscribe.text.charset import normalise

Normalisation = Literal["default", "nfc", "none"]
Overlooked = Literal["case", "punctuation", "diacritics"]

_NORMALISATIONS: Mapping[Normalisation, tuple[str, Callable[[str], str]]] = {
    "default": ("normal form", normalise),
    "nfc": ("NFC only", lambda text: unicodedata.normalize("NFC", text)),
    "none": ("as they are", lambda text: text),
}
_OVERLOOKED: tuple[Overlooked, ...] = get_args(Overlooked)


@dataclass(frozen=True, slots=True)
class Form:
    """A form of texts.

    Attributes:
        normalisation: `default` is the project's own (`evaluation.forms.NORMALISATION`), `nfc` Unicode's composed form
            alone, `none` changes nothing. XML entities of the truth are resolved before in any case.
        overlooked: What does not count (`evaluation.forms.OVERLOOKING`).
    """

    normalisation: Normalisation = "default"
    overlooked: frozenset[Overlooked] = frozenset()

    def __call__(self, text: str) -> str:
        """A text in this form."""
        _, change = _NORMALISATIONS[self.normalisation]
        text = change(text)
        for what in _OVERLOOKED:
            text = OVERLOOKING[what](text) if what in self.overlooked else text
        return text

    @property
    def name(self) -> str:
        """What to call it in tables."""
        parts = [what for what in _OVERLOOKED if what in self.overlooked]
        said, _ = _NORMALISATIONS[self.normalisation]
        return f"{said} without {', '.join(parts)}" if parts else said

    def variants(self) -> Iterator["Form"]:
        """Other forms that somebody may have compared in: what differs in one thing, and what is common besides."""
        found = [replace(self, normalisation=other) for other in _NORMALISATIONS]
        found += [replace(self, overlooked=self.overlooked ^ {what}) for what in _OVERLOOKED]
        found.append(replace(self, overlooked=self.overlooked | {"case", "punctuation"}))
        found.append(replace(self, overlooked=frozenset(_OVERLOOKED)))
        yield from (form for form in dict.fromkeys(found) if form != self)
