"""A recipe of stages, run one after the other: each teaches the model that the one before it left behind."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from shutil import copytree, rmtree
from typing import Literal, Self

import torch
from pydantic import Field, model_validator

from manuscribe.datasets.labelled import LabelledLine
from manuscribe.errors import InputError
from manuscribe.evaluation.lines import Figures, Pair, figures_by, figures_of, length_of, read_with
from manuscribe.readers.options import ReaderOptions
from manuscribe.readers.protocol import load_bare_reader
from manuscribe.readers.trocr.configuration import Fit
from manuscribe.readers.vlm.memory import parameters_in
from manuscribe.readers.vlm.naming import PREFIX
from manuscribe.readers.vocabulary import vocabulary_of
from manuscribe.training.crew import Crew
from manuscribe.training.dividing import Divided, divide, drawn, kept_apart
from manuscribe.training.export import write_hub_card
from manuscribe.training.finetune.lesson import DONE, MODEL, Lesson
from manuscribe.training.finetune.pupil import Pupil
from manuscribe.training.finetune.report import Report, Result, load_result
from manuscribe.training.finetune.stage import Stage
from manuscribe.training.finetune.trocr.model import load_pupil
from manuscribe.training.finetune.trocr.script.checkpoint import ScriptSection, with_script
from manuscribe.training.form import RecipeForm
from manuscribe.training.progress import Progress
from manuscribe.training.tables import AMOUNTS, write_amounts

_SCRIPT = "script"
_BEAMS = 4


class Recipe(RecipeForm):
    """A whole recipe: `kind: finetune`.

    Attributes:
        model: The checkpoint that is taught: a folder, or a name on the hub; a vision-language model as `vlm:NAME`.
        revision: Branch, tag or commit on the hub.
        fit: How lines come into a TrOCR checkpoint's frame, from then on; as it was tuned if left out.
        script: Other tokens, which it gets before the first stage.
        prompt: What a vision-language model is asked, from then on; its own prompt if left out.
        size: At which it sees images, from then on; its usual one if left out.
    """

    kind: Literal["finetune"]
    model: str
    revision: str | None = None
    fit: Fit | None = None
    script: ScriptSection | None = None
    prompt: str | None = Field(default=None, min_length=1, max_length=10_000)
    size: str | None = Field(default=None, min_length=1, max_length=20)
    seed: int = Field(default=0, ge=0)
    stages: tuple[Stage, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = [stage.name for stage in self.stages]
        if len(set(names)) < len(names):
            raise ValueError("two stages have the same name")
        first = self.stages[0]
        if self.script and (first.adapter != "none" or "decoder" in first.freeze):
            raise ValueError("new tokens are learnt whole: the first stage needs adapter: none, and no frozen decoder")
        if not all(stage.merge for stage in self.stages) and (len(self.stages) > 1 or self.fit or self.revision):
            raise ValueError(
                "merge: false is for recipes of one stage, without fit and revision: an adapter names its base only"
            )
        if self.is_vlm and (self.fit or self.script or any(stage.freeze_layers for stage in self.stages)):
            raise ValueError("a vision-language model has no fit, no script and no freeze_layers")
        if self.is_vlm and any(stage.beams > 1 for stage in self.stages):
            raise ValueError("a vision-language model has no beams")
        if not self.is_vlm and (self.prompt or self.size):
            raise ValueError("prompt and size are for vision-language models: vlm:NAME")
        return self

    @property
    def is_vlm(self) -> bool:
        """Whether it teaches a vision-language model."""
        return self.model.startswith(PREFIX)


def build(recipe: Recipe, root: Path, out: Path, *, resume: bool = False, quiet: bool = False) -> Path:
    """Run all stages; those that are done are not run again if `resume`.

    Returns:
        The folder of the taught checkpoint.

    Raises:
        ModelError: The checkpoint is not there or damaged, or the training diverged.
        InputError: Data are missing, or texts that the model cannot write.
    """
    course = _Course(recipe, root, out, resume=resume, quiet=quiet)
    results = [course.run(number, resume=resume) for number in range(len(recipe.stages))]
    if course.crew.is_first:
        _publish(recipe, course, out, results)
    course.crew.wait()
    return out / recipe.name


def learn_by_heart(recipe: Recipe, root: Path, out: Path, count: int, *, quiet: bool = False) -> int:
    """Check a recipe: a few lines must be learnt without any error in its first stage; returns the steps it took.

    Raises:
        ModelError: They are not.
    """
    course = _Course(recipe, root, out / "by-heart", quiet=quiet)
    few = drawn(course.lines(0).train, count, recipe.seed)
    lesson = course.lesson(0, Divided(few, few), few, out / "by-heart")
    try:
        return lesson.learn_by_heart()
    finally:
        if course.crew.is_first:
            rmtree(out / "by-heart", ignore_errors=True)


def compare_amounts(
    recipe: Recipe, root: Path, out: Path, counts: Sequence[int | None], *, resume: bool = False, quiet: bool = False
) -> Path:
    """Run the last stage on more and more lines (`None`: all), each anew; returns the table that tells what they bring.

    Raises:
        ModelError: See `build`.
    """
    course = _Course(recipe, root, out, resume=resume, quiet=quiet)
    for number in range(len(recipe.stages) - 1):
        course.run(number, resume=resume)
    lines, last = course.lines(-1), len(recipe.stages) - 1
    results: dict[int, Result] = {}
    for count in counts:
        some = drawn(lines.train, count, recipe.seed)
        if len(some) in results:  # all are fewer than were asked for
            continue
        folder = out / "amounts" / str(len(some))
        if not (resume and (folder / DONE).is_file()):
            course.lesson(last, Divided(some, lines.validation), lines.validation, folder).run(resume=resume)
        results[len(some)] = load_result(folder / DONE)
    if course.crew.is_first:
        before = results[min(results)].before
        write_amounts(recipe.name, before, {count: result.after for count, result in results.items()}, out)
    course.crew.wait()
    return out / AMOUNTS


class _Course:
    def __init__(self, recipe: Recipe, root: Path, out: Path, *, resume: bool = False, quiet: bool) -> None:
        self.crew = Crew()
        self._recipe, self._out, self._quiet = recipe, out, quiet or not self.crew.is_first
        self._lines = kept_apart(
            [divide(stage.data, root, recipe.seed, breaks=recipe.is_vlm) for stage in recipe.stages]
        )
        self._goal = self._lines[-1].validation
        self._model, self._revision = _whole_name(recipe.model), recipe.revision
        if recipe.script is not None:
            self._give_tokens(recipe.script, resume=resume)
        self._check_texts()

    def _give_tokens(self, script: ScriptSection, *, resume: bool) -> None:
        """Write the checkpoint that the first stage starts from; what stages learnt is worth nothing with others."""
        folder, recipe = self._out / _SCRIPT, self._recipe
        if self.crew.is_first and not (resume and folder.is_dir()):
            texts = [line.text for lines in self._lines for line in lines.train]
            account = with_script(recipe.model, recipe.revision, script, texts, folder, recipe.seed)
            Progress(0, quiet=self._quiet).tell(f"script, {script.tokens}:\n{account}")
        self.crew.wait()
        self._model, self._revision = str(folder.absolute()), None

    def _check_texts(self) -> None:
        """All stages' texts before the first one: the last stage's would otherwise be refused after hours."""
        vocabulary = vocabulary_of(self._model, self._revision)
        for stage, lines in zip(self._recipe.stages, self._lines, strict=True):
            bad = [line for line in lines.train if vocabulary.lost(line.text)]
            if bad:
                raise InputError(
                    f"{len(bad)} lines of the stage '{stage.name}' have characters that the model's tokens do not "
                    f"express: {vocabulary.lost(bad[0].text)!r} in {bad[0].name}.",
                    "Find them with `manuscribe data check --reader`.",
                )
            if long := [line for line in lines.train if vocabulary.length(line.text) > (vocabulary.limit or 0)]:
                raise InputError(
                    f"{len(long)} texts of the stage '{stage.name}' have more than the {vocabulary.limit} tokens that "
                    f"the model writes, {long[0].name} among them.",
                    "Find them with `manuscribe data check --reader`.",
                )

    def lines(self, number: int) -> Divided:
        return self._lines[number]

    def folder(self, number: int) -> Path:
        number %= len(self._recipe.stages)
        return self._out / "stages" / f"{number + 1}-{self._recipe.stages[number].name}"

    def run(self, number: int, *, resume: bool) -> Result:
        folder = self.folder(number)
        if not (resume and (folder / DONE).is_file()):
            self.lesson(number, self.lines(number), self._goal, folder).run(resume=resume)
        return load_result(folder / DONE)

    def lesson(self, number: int, lines: Divided, goal: Sequence[LabelledLine], folder: Path) -> Lesson:
        recipe = self._recipe
        # What `fit` says is written into the first stage's model, and so the later ones' own.
        base = str((self.folder(number - 1) / MODEL).absolute()) if number else self._model
        pupil = self._pupil(base, number)
        base = base.removeprefix(PREFIX)
        return Lesson(pupil, base, recipe.stages[number], lines, goal, folder, recipe.seed, self._quiet, self.crew)

    def _pupil(self, base: str, number: int) -> Pupil:
        recipe, revision = self._recipe, None if number else self._revision
        if not recipe.is_vlm:
            return load_pupil(base, revision, None if number else recipe.fit)
        from manuscribe.training.finetune.vlm.pupil import load_vlm_pupil

        # Weights that are not learnt themselves need not be exact, and take half of a GPU's memory so.
        stage = recipe.stages[number]
        half = torch.cuda.is_available() and stage.adapter != "none" and stage.precision in ("auto", "bf16")
        name = base if base.startswith(PREFIX) else PREFIX + base
        return load_vlm_pupil(name, revision, prompt=recipe.prompt, size=recipe.size, half=half)


def _whole_name(model: str) -> str:
    """What an adapter will call its base: not relative to where we happen to be."""
    prefix, name = (PREFIX, model.removeprefix(PREFIX)) if model.startswith(PREFIX) else ("", model)
    return f"{prefix}{Path(name).absolute() if Path(name).is_dir() else name}"


def _publish(recipe: Recipe, course: _Course, out: Path, results: Sequence[Result]) -> None:
    """Copy the last stage's model to its place, with its card, and measure it there as a user would."""
    folder, lines = out / recipe.name, course.lines(-1)
    rmtree(folder, ignore_errors=True)
    copytree(course.folder(-1) / MODEL, folder)
    test = _test_figures(recipe, course, lines.test) if lines.test else {}
    report = _report(recipe, folder, lines, results, test)
    report.write(out)
    languages = sorted({line.language for line in lines.train if line.language})
    figures = {name: getattr(report.final["greedy"], name) for name in ("cer", "wer", "exact")}
    write_hub_card(
        folder, recipe.for_card(_parameters(folder), figures), languages, base=recipe.model.removeprefix(PREFIX)
    )


def _test_figures(recipe: Recipe, course: _Course, lines: Sequence[LabelledLine]) -> dict[str, Figures]:
    first = _options(recipe).model_copy(update={"revision": recipe.revision, "fit": recipe.fit})
    figures = {"before": figures_of(_read(recipe.model, lines, first))}
    for number, stage in enumerate(recipe.stages):
        model = _taught_name(recipe, course.folder(number) / MODEL)
        figures[f"after {stage.name}"] = figures_of(_read(model, lines, _options(recipe)))
    return figures


def _taught_name(recipe: Recipe, folder: Path) -> str:
    """What to call a taught model to read with it; an adapter that was not merged is read on its base."""
    if not recipe.is_vlm:
        return str(folder)
    base = _whole_name(recipe.model)
    return f"{PREFIX}{folder}" if recipe.stages[-1].merge else f"{base}+{folder}"


def _options(recipe: Recipe) -> ReaderOptions:
    if not recipe.is_vlm:
        return ReaderOptions(beams=1)
    device: Literal["cpu", "cuda"] = "cuda" if torch.cuda.is_available() else "cpu"
    return ReaderOptions(level="paragraph", prompt=recipe.prompt, size=recipe.size, device=device)


def _report(
    recipe: Recipe, folder: Path, lines: Divided, results: Sequence[Result], test: Mapping[str, Figures]
) -> Report:
    model, plain = _taught_name(recipe, folder), _options(recipe)
    greedy = _read(model, lines.validation, plain)
    both = lines.train[: len(lines.validation)] + lines.validation[: len(lines.train)]
    parts = {
        "label": figures_by(greedy, [line.label for line in lines.validation]),
        "length": figures_by(greedy, [length_of(line.text) for line in lines.validation]),
    }
    final = {"greedy": figures_of(greedy)}
    if not recipe.is_vlm:
        final[f"{_BEAMS} beams"] = figures_of(_read(model, lines.validation, ReaderOptions(beams=_BEAMS)))
    return Report(recipe.name, results, final, parts, test, figures_of(_read(model, both, plain)))


def _read(model: str, lines: Sequence[LabelledLine], options: ReaderOptions) -> list[Pair]:
    return read_with(load_bare_reader(model, options), lines)


def _parameters(folder: Path) -> int:
    return parameters_in([folder])
