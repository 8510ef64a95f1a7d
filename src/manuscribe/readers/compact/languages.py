"""Reading in a language: each has a character model, and which one a page or a line is in, its own letters tell.

The network has learnt from French pens, so badly written English looks French to it; a character model of all languages
together would follow it there. One language for the whole page, chosen by some of its lines, holds against that.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from manuscribe.models.files import ModelFile, embedded
from manuscribe.readers.compact.reading import BEAMS, Decoder, Reading, Seen
from manuscribe.readers.compact.scripts import ScriptScores, script_of
from manuscribe.readers.compact.search import Fusion
from manuscribe.text.characters import CharacterModel
from manuscribe.text.charset import LANGUAGES, SCRIPTS, script

SAMPLE = 8
"""Lines that speak for their page."""
# Of the character model beside the network; chosen on groups held out of the training lines.
_WEIGHT, _BONUS = 0.6, 1.8
# The network learnt from pens that wrote French. Where another language is written in the same letters, what that one
# expects takes the place of what French expects, with this weight (chosen on what is measured: recipes/README.md).
_HABIT, _DISCOUNT = "fr", 0.1
_LEAST = -7.0  # nats; a single misread letter must not decide
# Nats for a line, and nats a letter for a page, within which languages are compared by reading in each.
_NEAR, _NEAR_ON_PAGE = 6.0, 0.3
# Nats by which a whole line must be better read in another language of its page's script.
_STAYS = 6.0
# Nats a letter that a reading in the page's script may be less probable than one in another. What is really written in
# another script mostly loses more (measured on held-out lines).
_DOUBT = 1.2
_PLAIN = 0.8  # share of a well-read page's letters from which on there is no doubt about its script
# Nats a letter by which Latin must lead, and French. The network saw Latin pens and only rendered Cyrillic ones, and
# all the pens wrote French. On held-out pages, all French, the lead of Latin is 1.1 and more, however badly they are
# read, and that of French among Latin languages 0.38 and more; these are half of that.
_LATIN_LEAD, _FRENCH_LEAD = 0.55, 0.2


def models_file() -> ModelFile:
    """The embedded character models."""
    return embedded("characters")


class Languages:
    """Reads lines in the language that they seem to be in.

    Args:
        decoder: Reads a line when the language is settled.
        characters: Of its classes from 1 on.
        models: A character model for each language, French among them, of the same classes.

    Attributes:
        fusions: How each takes part when the language is settled. Which language it is, the models alone tell.
    """

    def __init__(self, decoder: Decoder, characters: str, models: Mapping[str, CharacterModel]) -> None:
        self._decoder = decoder
        # Which language it is must not depend on how many readings are wanted.
        self._judge = Decoder(characters, BEAMS, 1)
        self._scripts = {name: ScriptScores(characters, name) for name in SCRIPTS}
        self._among = {name: np.array([False, *(script(c) == name for c in characters)]) for name in SCRIPTS}
        self._plain = {language: Fusion(model, _WEIGHT, _BONUS) for language, model in models.items()}
        self.fusions = {
            language: _unaccustomed(fusion, language, models[_HABIT]) for language, fusion in self._plain.items()
        }

    @classmethod
    def embedded(cls, decoder: Decoder, characters: str) -> "Languages | None":
        """With the embedded character models, if they know the letters by the same numbers."""
        file = models_file()
        if file.charset != characters:
            return None
        return cls(decoder, characters, {name: CharacterModel.load(file.path, name) for name in LANGUAGES})

    def alone(self, seen: Seen) -> Reading:
        """A line of which nothing is known."""
        main = self._main_script([seen])
        if main is None or self._share([seen], main) >= _PLAIN:
            script = main or SCRIPTS[0]
            return self._decoded(*self._best(self._in_letters(seen, script), script))
        found = [self._best(self._in_script(seen, script), script) for script in SCRIPTS]
        return self._decoded(*max(found, key=lambda choice: self._judged(*choice)))

    def on_page(self, seen: Seen, page: str) -> Reading:
        """A line of a page: in the page's language, unless it is much better read in another."""
        script = self._main_script([seen]) or script_of(page)
        line = self._in_letters(seen, script)
        same = script == script_of(page)
        if same and page in self._candidates([line], script, _NEAR):
            return self._decoded(line, page)
        in_page = line if same else self._in_script(seen, script_of(page))
        line, other = self._best(line, script)
        lead = _STAYS if same else _DOUBT * len(seen.numbers)
        better = self._judged(line, other) > self._judged(in_page, page) + lead
        return self._decoded(line, other) if better else self._decoded(in_page, page)

    def of_page(self, sample: Sequence[Seen]) -> str:
        """The language that explains some lines of a page best together."""
        main = self._main_script(sample)
        if main is None:
            return self._candidates(sample, SCRIPTS[0], _NEAR)[0]
        letters = sum(self._letters(sample).values())
        lines = [self._in_script(seen, main) for seen in sample]
        candidates = self._candidates(lines, main, _NEAR_ON_PAGE * letters)
        plain = self._share(sample, main) >= _PLAIN and self._well_read(sample, candidates[0])
        if plain and len(candidates) == 1:
            return candidates[0]
        scores = self._together(lines, candidates)
        if not plain:
            for other in set(SCRIPTS) - {main}:
                lines = [self._in_script(seen, other) for seen in sample]
                scores |= self._together(lines, self._candidates(lines, other, _NEAR_ON_PAGE * letters))
        leads = {name: _LATIN_LEAD * (script_of(name) == "LATIN") + _FRENCH_LEAD * (name == "fr") for name in scores}
        return max(scores, key=lambda name: scores[name] - letters * leads[name])

    def _together(self, lines: Sequence[Seen], languages: Iterable[str]) -> dict[str, float]:
        return {name: sum(self._judged(line, name) for line in lines) for name in languages}

    def _best(self, line: Seen, script: str) -> tuple[Seen, str]:
        """The line, and the language of a script in which it is the most probable."""
        candidates = self._candidates([line], script, _NEAR)
        if len(candidates) == 1:
            return line, candidates[0]
        return line, max(candidates, key=lambda name: self._judged(line, name))

    def _judged(self, line: Seen, language: str) -> float:
        return self._judge(line, self._plain[language]).score

    def _decoded(self, line: Seen, language: str) -> Reading:
        return self._decoder(line, self.fusions[language])

    def _in_letters(self, seen: Seen, script: str) -> Seen:
        """In a script, if the line has letters of another; digits and what is in the script anyway stay as they are."""
        letters = self._letters([seen])
        return seen if letters[script] == sum(letters.values()) else self._in_script(seen, script)

    def _in_script(self, seen: Seen, script: str) -> Seen:
        scores, share = self._scripts[script](seen.scores)
        return replace(seen, scores=scores, share=share)

    def _candidates(self, lines: Sequence[Seen], script: str, near: float) -> list[str]:
        """The languages of a script in which lines' letters are nearly as likely as in the best, which comes first."""
        likely = {name: self._likelihood(lines, name) for name in LANGUAGES if script_of(name) == script}
        least = max(likely.values()) - near
        return sorted((name for name in likely if likely[name] >= least), key=lambda name: -likely[name])

    def _likelihood(self, lines: Sequence[Seen], language: str) -> float:
        scores = [score for line in lines for score in self.fusions[language].model.scores(line.numbers)]
        return float(np.maximum(scores, _LEAST).sum()) if scores else 0.0

    def _well_read(self, sample: Sequence[Seen], language: str) -> bool:
        """Whether the network and the language agree about lines; a random text scores below nothing."""
        seen_so = sum(float(seen.scores.max(axis=1).sum()) for seen in sample)
        letters = sum(len(seen.numbers) for seen in sample)
        return seen_so + _WEIGHT * self._likelihood(sample, language) + _BONUS * letters > 0

    def _main_script(self, sample: Sequence[Seen]) -> str | None:
        """The script of most letters; `None` where there are none."""
        letters = self._letters(sample)
        return max(letters, key=lambda name: letters[name]) if any(letters.values()) else None

    def _share(self, sample: Sequence[Seen], script: str) -> float:
        letters = self._letters(sample)
        return letters[script] / max(1, sum(letters.values()))

    def _letters(self, sample: Sequence[Seen]) -> dict[str, int]:
        numbers = np.array([number for seen in sample for number in seen.numbers], np.intp)
        return {name: int(among[numbers].sum()) for name, among in self._among.items()}


def _unaccustomed(fusion: Fusion, language: str, habit: CharacterModel) -> Fusion:
    """A language's fusion, without what the network expects only because its pens wrote another one."""
    alike = language != _HABIT and script_of(language) == script_of(_HABIT)
    return replace(fusion, weight=fusion.weight + _DISCOUNT, habit=habit, discount=_DISCOUNT) if alike else fusion
