"""Recipes: YAML files that say what is trained on what, and how."""

import errno
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from safetensors import SafetensorError

from manuscribe.errors import InputError, OutputError, UsageError
from manuscribe.extras import needs
from manuscribe.options import validated
from manuscribe.training.crew import Crew
from manuscribe.training.form import NetworkForm
from manuscribe.training.loop import Task, train
from manuscribe.training.memory import begin_tensors_at_pages

# Each module has `Recipe`. A network's also has `build_task(recipe, root)` and
# `export(recipe, task, weights, figures, out)`, any other's `build(recipe, root, out, resume=…, quiet=…)`; both return
# the model's path.
_KINDS = {
    "compact-reader": "manuscribe.training.reader",
    "compact-hand": "manuscribe.training.hand",
    "finetune": "manuscribe.training.finetune.course",
    "trocr": "manuscribe.training.trocr",
    "deepseek-ocr": "manuscribe.training.deepseek",
    "segmenter": "manuscribe.training.segmenter",
    "character-model": "manuscribe.training.characters",
}

_AS_RUN = "recipe.yaml"
_UNWRITABLE = {
    errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.ENOTDIR,
    errno.EISDIR, errno.EEXIST,
}  # fmt: skip
_LEARNT_FROM = ("kind", "start", "teacher", "teacher_weight", "data", "network", "batch")
_BEGUN = ("checkpoint", "checkpoint.old", "stages", "amounts")


@dataclass(frozen=True, slots=True)
class LoadedRecipe:
    """A recipe with the module that knows its kind."""

    recipe: Any
    module: Any


def load_recipe(path: Path, changes: Sequence[str] = ()) -> LoadedRecipe:
    """Read a recipe.

    Args:
        path: The YAML file.
        changes: Replacements such as `loop.steps=100`; values are YAML too.

    Raises:
        InputError: The file cannot be read.
        UsageError: It is no recipe, or a key or value in it is wrong.
    """
    values = _parse(path)
    for change in changes:
        _apply(values, change)
    kind = values.get("kind")
    if kind not in _KINDS:
        raise UsageError(f"{path} has the unknown kind '{kind}'.", f"Known kinds: {', '.join(_KINDS)}.")
    if kind in ("trocr", "deepseek-ocr", "finetune"):
        needs("trocr")
    if kind == "finetune":
        needs("finetune")
        begin_tensors_at_pages()  # the module makes tensors when it is imported
    elif int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise UsageError(f"Several processes cannot train a recipe of kind '{kind}'.", "Start one, without torchrun.")
    module = import_module(_KINDS[kind])
    form: type[BaseModel] = module.Recipe
    return LoadedRecipe(validated(form, **values), module)


def run_recipe(loaded: LoadedRecipe, root: Path, out: Path, *, resume: bool = False, quiet: bool = False) -> Path:
    """Train as the recipe says, then export the best weights.

    Args:
        root: Folder that the recipe's data paths are relative to.
        out: Folder for checkpoints, log, the exported model and its card.

    Returns:
        The model's file, with its card beside it as `.json` and `.md`; or a checkpoint's folder, with its card in it.

    Raises:
        InputError: Data are missing.
        OutputError: `out` cannot be written, or holds another run and `resume` is off.
        UsageError: `resume` is on and the run in `out` began from other weights, with other data, another network or
            other batches.
        ModelError: `resume` is on and the checkpoint is missing or of another network.
    """
    _open(out, resume=resume)
    recipe, module = loaded.recipe, loaded.module
    if not isinstance(recipe, NetworkForm):
        with _written_below(out):
            _keep_recipe(recipe, out, resume=resume)
            built: Path = module.build(recipe, root, out, resume=resume, quiet=quiet)
        return built
    values = recipe.model_dump(mode="json")
    if resume and (out / _AS_RUN).exists():
        _refuse_other_run(out / _AS_RUN, recipe)
    task: Task = module.build_task(recipe, root)
    with _written_below(out):
        _write(out / _AS_RUN, values)
        figures = train(task, recipe.loop, out, resume=resume, quiet=quiet)
        path: Path = module.export(recipe, task, out / "best.safetensors", figures, out)
    return path


def check_by_heart(loaded: LoadedRecipe, root: Path, out: Path, count: int, *, quiet: bool = False) -> int:
    """Check that a few lines can be learnt without any error; returns the steps it took.

    Raises:
        UsageError: The recipe's kind has no such check.
        ModelError: They cannot: something is wrong with data or recipe.
    """
    check = _offered(loaded, "learn_by_heart", "--overfit")
    _open(out, resume=True)
    with _written_below(out):
        return int(check(loaded.recipe, root, out, count, quiet=quiet))


def compare_amounts(
    loaded: LoadedRecipe, root: Path, out: Path, counts: str, *, resume: bool = False, quiet: bool = False
) -> Path:
    """Teach on more and more lines, such as `16,64,all`; returns the table of what they bring.

    Raises:
        UsageError: The recipe's kind has no such comparison, or `counts` is no such list.
    """
    compare = _offered(loaded, "compare_amounts", "--learning-curve")
    try:
        amounts = [None if word == "all" else int(word) for word in counts.split(",")]
    except ValueError as error:
        raise UsageError(f"'{counts}' is no list of numbers of lines.", "For example: 16,64,256,all") from error
    if any(amount is not None and amount < 1 for amount in amounts):
        raise UsageError(f"'{counts}' has a number below one.", "For example: 16,64,256,all")
    _open(out, resume=resume)
    with _written_below(out):
        _keep_recipe(loaded.recipe, out, resume=resume)
        table: Path = compare(loaded.recipe, root, out, amounts, resume=resume, quiet=quiet)
    return table


def _offered(loaded: LoadedRecipe, name: str, option: str) -> Any:
    if not hasattr(loaded.module, name):
        raise UsageError(f"A recipe of kind '{loaded.recipe.kind}' has no {option}.", "Leave it out.")
    return getattr(loaded.module, name)


def _open(out: Path, *, resume: bool) -> None:
    crew = Crew()
    if crew.is_first:
        _make(out, resume=resume)
    crew.wait()


def _make(out: Path, *, resume: bool) -> None:
    if not resume and any((out / name).exists() for name in _BEGUN):
        raise OutputError(
            f"{out} holds a training run already.", "Add --resume to continue it, or name another folder."
        )
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{out} cannot be made: {error.strerror}.", "Name another folder with -o.") from error


def _keep_recipe(recipe: Any, out: Path, *, resume: bool) -> None:
    if not Crew().is_first:
        return
    values = recipe.model_dump(mode="json")
    if resume and (out / _AS_RUN).exists() and _parse(out / _AS_RUN) != values:
        raise UsageError(
            f"The run in {out} began with another recipe, {out / _AS_RUN}.",
            "Resume it with that one, or name another folder with -o.",
        )
    _write(out / _AS_RUN, values)


def _refuse_other_run(path: Path, recipe: BaseModel) -> None:
    """What is learnt from what may not change between runs; how long, how fast and what is kept of the start may."""
    values, before = recipe.model_dump(mode="json"), _parse(path)
    with suppress(ValidationError):  # keys that there were not yet have their usual values
        before = type(recipe).model_validate(before).model_dump(mode="json")
    changed = [key for key in _LEARNT_FROM if before.get(key) != values.get(key)]
    loop = before.get("loop")
    if not isinstance(loop, Mapping) or loop.get("seed") != values["loop"]["seed"]:
        changed.append("loop.seed")
    if changed:
        raise UsageError(
            f"The run in {path.parent} began with other values of {', '.join(changed)}.",
            f"Resume it with {path}, or name another folder with -o.",
        )


def _write(path: Path, values: Mapping[str, Any]) -> None:
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(yaml.safe_dump(values, sort_keys=False, allow_unicode=True), encoding="utf-8")
    fresh.replace(path)


@contextmanager
def _written_below(out: Path) -> Iterator[None]:
    """Turn the system's refusals to write below `out` into `OutputError`; what fails elsewhere is raised on."""
    try:
        yield
    except Exception as error:
        reason = _refusal(error, out)
        if reason is None:
            raise
        raise OutputError(
            f"{out} cannot be written: {reason}.", "Make room there, then go on with --resume."
        ) from error


def _refusal(error: Exception, out: Path) -> str | None:
    """Why the system would not write below `out`; `None` where the error is of another kind."""
    if isinstance(error, OSError):
        # A full disk is noticed by a file that is open already: then no name is told.
        place = None if error.filename is None else Path(os.fsdecode(error.filename)).absolute()
        elsewhere = place is not None and not place.is_relative_to(out.absolute())
        return None if error.errno not in _UNWRITABLE or elsewhere else error.strerror
    # Safetensors' and PyTorch's writers, which transformers' trainer uses, wrap the system's errors.
    text = str(error)
    if isinstance(error, SafetensorError) and "I/O error: " in text:
        return text.partition("I/O error: ")[2].partition(" (os error")[0]
    if isinstance(error, RuntimeError) and ("unexpected pos" in text or "PytorchStreamWriter" in text):
        return "a checkpoint could not be written to its end"
    return None


def _parse(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"The recipe {path} cannot be read: {error.strerror}.", "Check the path.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise UsageError(f"{path} is not YAML: {reason}.", "See the recipes that ship with the package.") from error
    if not isinstance(values, dict):
        raise UsageError(f"{path} is not a recipe.", "See the recipes that ship with the package.")
    return values


def _apply(values: dict[str, Any], change: str) -> None:
    key, equals, value = change.partition("=")
    if not equals or not key:
        raise UsageError(f"'{change}' is not of the form key=value.", "For example: --set loop.steps=100")
    *parents, last = key.split(".")
    place: Any = values
    for parent in parents:
        place = place.setdefault(parent, {}) if isinstance(place, dict) else place[_number(parent, place, key)]
        if not isinstance(place, dict | list):
            raise UsageError(f"'{key}' leads through '{parent}', which is a value.", "Look at the recipe's keys.")
    try:
        place[last if isinstance(place, dict) else _number(last, place, key)] = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise UsageError(
            f"The value of '{change}' is not YAML.", "Quote it, or write a plain number or word."
        ) from error


def _number(word: str, items: Sequence[Any], key: str) -> int:
    """An item of a list, from 0: `stages.1.epochs=3`."""
    if not word.isdigit() or int(word) >= len(items):
        raise UsageError(f"'{key}' leads to no item of a list of {len(items)}.", "Items are counted from 0.")
    return int(word)
