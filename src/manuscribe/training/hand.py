"""Teaching the compact reader a hand, from a handful of its lines upwards."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from manuscribe.datasets.labelled import LabelledLine
from manuscribe.errors import InputError
from manuscribe.evaluation.lines import Figures, figures_of, read_with
from manuscribe.models.card import Credit
from manuscribe.readers.options import ReaderOptions
from manuscribe.readers.protocol import load_reader
from manuscribe.text.charset import charset
from manuscribe.training.dividing import Divided, LinesSection, divide, drawn, kept_apart
from manuscribe.training.form import NetworkForm
from manuscribe.training.lines import RealLines, samples
from manuscribe.training.loop import train
from manuscribe.training.reader import (
    Batch,
    BatchSection,
    CompactTask,
    NetworkSection,
    model_file,
    size_of,
    write_reader,
)
from manuscribe.training.tables import AMOUNTS, head, row, write_amounts


class Recipe(NetworkForm):
    """A whole recipe: `kind: compact-hand`.

    Attributes:
        start: The reader that is taught: an embedded one's name, or the path of an exported `.onnx`.
        keep: Share of its weights that stays in the result, mixed with what was learnt: so that it does not forget the
            other hands (WiSE-FT, arXiv 2109.01903, section 3).
        network: Its size; `None`: that of `start`.
    """

    kind: Literal["compact-hand"]
    start: str = "compact"
    keep: float = Field(default=0.0, ge=0, lt=1)
    data: LinesSection
    batch: BatchSection = BatchSection(narrow_steps=0)
    network: NetworkSection | None = None


class HandTask(CompactTask):
    """Implements `training.loop.Task` with the lines of a hand.

    Raises:
        InputError: Data are missing, or nothing is left to learn from.
    """

    def __init__(self, recipe: Recipe, lines: Divided) -> None:
        size = recipe.network or size_of(model_file(recipe.start))
        super().__init__(size, recipe.loop, recipe.batch)
        self.recipe, self.lines = recipe, lines
        self._real = RealLines(lines.train, {})
        self._held = samples(lines.validation, len(lines.validation), recipe.loop.seed)
        self.start(recipe.start)

    def batch(self, step: int) -> Batch:
        """Lines of about the same width; which ones depends on nothing but the recipe's seed and the step."""
        rng = np.random.default_rng((self.recipe.loop.seed, step))
        place = self._real.place(self.recipe.batch, rng, narrow=step < self.recipe.batch.narrow_steps)
        return self.together([self._real.draw(place, rng) for _ in range(place.size)], place.width, rng)

    def evaluate(self) -> dict[str, float]:
        """CER of the validation lines, greedy."""
        return {"cer": self.cer(self._held)}


def build_task(recipe: Recipe, root: Path) -> HandTask:
    """Load the data of a recipe, whose paths are relative to `root`, and the reader that is taught."""
    return HandTask(recipe, _lines(recipe, root))


def export(recipe: Recipe, task: HandTask, weights: Path, figures: Mapping[str, float], out: Path) -> Path:
    """Write the taught reader into the folder `out`, with its card and a report of what it reads better."""
    figures = {**figures, **task.finish(weights, recipe.keep)}
    card = recipe.for_card(task.parameters, figures, task.characters)
    card["recipe"]["network"] = task.size.model_dump(mode="json")  # what goes on from it must know
    # What it began with is in it still, and so is what that was made from.
    before = [Credit(**credit) for credit in model_file(recipe.start).card.get("credits", ())]
    path = write_reader(task, card | {"credits": (*recipe.credits, *before)}, out)
    _report(recipe, task.lines, path, out)
    return path


def compare_amounts(
    recipe: Recipe, root: Path, out: Path, counts: Sequence[int | None], *, resume: bool = False, quiet: bool = False
) -> Path:
    """Teach on more and more lines (`None`: all), each time anew; returns the table that tells what they bring."""
    lines = _lines(recipe, root)
    after: dict[int, Figures] = {}
    for count in counts:
        some = drawn(lines.train, count, recipe.loop.seed)
        if len(some) in after:  # all are fewer than were asked for
            continue
        folder = out / "amounts" / str(len(some))
        path = folder / f"{recipe.name}.onnx"
        if not (resume and path.is_file()):
            task = HandTask(recipe, replace(lines, train=some))
            going = resume and (folder / "checkpoint").is_dir()
            figures = train(task, recipe.loop, folder, resume=going, quiet=quiet)
            export(recipe, task, folder / "best.safetensors", figures, folder)
        after[len(some)] = _figures(str(path), lines.validation)
    write_amounts(recipe.name, _figures(recipe.start, lines.validation), after, out)
    return out / AMOUNTS


def _lines(recipe: Recipe, root: Path) -> Divided:
    (lines,) = kept_apart([divide(recipe.data, root, recipe.loop.seed)])
    known = set(charset())
    bad = [line for line in lines.train if not set(line.text) <= known]
    if bad:
        lost = "".join(sorted(set(bad[0].text) - known))
        raise InputError(
            f"{len(bad)} lines have characters that the reader does not write: {lost!r} in {bad[0].name}.",
            f"Find them with `manuscribe data check --reader {recipe.start}`.",
        )
    return lines


def _report(recipe: Recipe, lines: Divided, path: Path, out: Path) -> None:
    """Write `report.json` and `report.md`: what was read before and after, as `manuscribe read` does."""
    found = {}
    for kind, some in (("validation", lines.validation), ("test", lines.test)):
        if some:
            found[kind] = {"before": _figures(recipe.start, some), "after": _figures(str(path), some)}
    values = {kind: {when: asdict(figures) for when, figures in rows.items()} for kind, rows in found.items()}
    (out / "report.json").write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    text = [f"# {recipe.name}"]
    for kind, rows in found.items():
        text += ["", f"On {kind} lines:", "", *head(""), *(row(when, figures) for when, figures in rows.items())]
    (out / "report.md").write_text("\n".join(text) + "\n", encoding="utf-8")


def _figures(name: str, lines: Sequence[LabelledLine]) -> Figures:
    return figures_of(read_with(load_reader(name, ReaderOptions()), lines))
