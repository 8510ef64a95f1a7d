"""Recipes: YAML files that say what is trained on what, and how."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from manuscribe.errors import InputError, OutputError, UsageError
from manuscribe.extras import needs
from manuscribe.options import validated
from manuscribe.training.form import NetworkForm
from manuscribe.training.loop import Task, train

# Each module has `Recipe`. A network's also has `build_task(recipe, root)` and
# `export(recipe, task, weights, figures, out)`, any other's `build(recipe, root, out)`; both return the model's path.
_KINDS = {
    "compact-reader": "manuscribe.training.reader",
    "trocr": "manuscribe.training.trocr",
    "segmenter": "manuscribe.training.segmenter",
    "character-model": "manuscribe.training.characters",
}

_AS_RUN = "recipe.yaml"


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
    if kind == "trocr":
        needs("trocr")
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
        UsageError: `resume` is on and the run in `out` began with other data, another network or other batches.
        ModelError: `resume` is on and the checkpoint is missing or of another network.
    """
    if not resume and (out / "checkpoint").exists():
        raise OutputError(
            f"{out} holds a training run already.", "Add --resume to continue it, or name another folder."
        )
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{out} cannot be made: {error.strerror}.", "Name another folder with -o.") from error
    recipe, module = loaded.recipe, loaded.module
    if not isinstance(recipe, NetworkForm):
        with _written_below(out):
            built: Path = module.build(recipe, root, out)
        return built
    values = recipe.model_dump(mode="json")
    if resume and (out / _AS_RUN).exists():
        _refuse_other_run(out / _AS_RUN, values)
    task: Task = module.build_task(recipe, root)
    with _written_below(out):
        _write(out / _AS_RUN, values)
        figures = train(task, recipe.loop, out, resume=resume, quiet=quiet)
        path: Path = module.export(recipe, task, out / "best.safetensors", figures, out)
    return path


def _refuse_other_run(path: Path, values: Mapping[str, Any]) -> None:
    """How long and how fast may change between runs; what is learnt from what may not."""
    before = _parse(path)
    changed = [key for key in ("kind", "data", "network", "batch") if before.get(key) != values.get(key)]
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
    except OSError as error:
        # A full disk is noticed by a file that is open already: then no name is told.
        elsewhere = error.filename is not None and not Path(os.fsdecode(error.filename)).is_relative_to(out)
        if error.errno is None or elsewhere:
            raise
        raise OutputError(
            f"{out} cannot be written: {error.strerror}.", "Make room there, then go on with --resume."
        ) from error


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
    for parent in parents:
        inner = values.setdefault(parent, {})
        if not isinstance(inner, Mapping):
            raise UsageError(f"'{key}' leads through '{parent}', which is a value.", "Look at the recipe's keys.")
        values = inner  # type: ignore[assignment]
    try:
        values[last] = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise UsageError(
            f"The value of '{change}' is not YAML.", "Quote it, or write a plain number or word."
        ) from error
