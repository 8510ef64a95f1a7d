"""Cards as files: YAML of our own form, or the README.md of a checkpoint with Hugging Face's `model-index`."""

from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from manuscribe.errors import InputError, UsageError
from manuscribe.evaluation.claims.card import METRICS, Claim, metric_named
from manuscribe.options import validated
from manuscribe.readers.protocol import GROUP

_BYTE_LIMIT = 1 << 20
_REMEDY = "See docs/tutorial/evaluate.md for what a card looks like."


def load_claims(path: Path) -> list[Claim]:
    """The claims of a card; relative paths in it become relative to the working folder.

    Raises:
        InputError: The file cannot be read.
        UsageError: It is no card, it claims nothing, or a key or value in it is wrong.
    """
    text = _text(path)
    found = _indexed(text, path) if path.suffix == ".md" else _listed(_parsed(text, path), path)
    return [_claim(values, path, number if len(found) > 1 else 0) for number, values in enumerate(found, start=1)]


def filled(claims: Sequence[Claim], given: Mapping[str, str | None], decoding: Mapping[str, Any]) -> list[Claim]:
    """Claims with what the command line says where the card says nothing.

    Args:
        claims: Of one card.
        given: `reader`, `data` and `revision`.
        decoding: Settings of the reader.

    Raises:
        UsageError: Both say it, or neither names reader or data.
    """
    return [_filled(claim, _said(given), _said(decoding)) for claim in claims]


def _said(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _filled(claim: Claim, given: Mapping[str, str], decoding: Mapping[str, Any]) -> Claim:
    known: dict[str, Any] = claim.model_dump() | dict(claim.decoding.items())
    for key in (*given, *decoding):
        if (stated := known.get(key)) not in (None, ""):
            remedy = "Leave DATA out" if key == "data" else f"Leave --{key} out"
            raise UsageError(f"The card says itself what {key} is: {stated}.", f"{remedy}, or change the card.")
    claim = claim.model_copy(update={**given, "decoding": {**claim.decoding, **decoding}})
    if not claim.reader:
        raise UsageError("The card names no reader.", "Name one with --reader.")
    if not claim.data:
        raise UsageError("The card names no data.", "Name them: manuscribe evaluate DATA --claim card.yaml")
    claim.options()
    return claim


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_BYTE_LIMIT + 1)
        if len(content) > _BYTE_LIMIT:
            raise InputError(f"The card {path} is larger than {_BYTE_LIMIT >> 20} MiB.", "Name another file.")
        return content.decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"The card {path} cannot be read: {error.strerror}.", "Check the path.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"The card {path} is not UTF-8.", "Save it in that encoding.") from error


def _parsed(text: str, path: Path) -> dict[str, Any]:
    try:
        import yaml
    except ImportError as error:
        raise UsageError("Cards need PyYAML.", "Run: pip install pyyaml") from error
    try:
        values = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # the latter of dates that are none, of deep nesting
        raise UsageError(f"{path} is not YAML: {' '.join(str(error).split())}.", _REMEDY) from error
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise UsageError(f"{path} is no card.", _REMEDY)
    return values


def _listed(values: dict[str, Any], path: Path) -> list[dict[str, Any]]:
    """A claim, or several under `claims`: what stands beside that key holds for all that do not say otherwise."""
    if "claims" not in values:
        return [values]
    claims = values.pop("claims")
    if not isinstance(claims, list) or not claims or not all(isinstance(claim, dict) for claim in claims):
        raise UsageError(f"{path}: 'claims' is no list of claims.", _REMEDY)
    return [{**values, **claim} for claim in claims]


def _indexed(text: str, path: Path) -> list[dict[str, Any]]:
    """The metrics of the `model-index` in a README's front matter: what was measured on which data is for people."""
    front = text.removeprefix("---").partition("\n---")[0] if text.startswith("---") else "{}"
    models = _parsed(front, path).get("model-index")
    found = [claim for result in _items(models, "results") for claim in _of_result(result)]
    if not found:
        raise UsageError(f"{path} has no model-index with a CER or WER.", f"Write a card of your own. {_REMEDY}")
    return found


def _of_result(result: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    dataset = result.get("dataset")
    name = dataset.get("name", "") if isinstance(dataset, dict) else ""
    for metric in _items([result], "metrics"):
        value, kind = metric.get("value"), metric_named(str(metric.get("type")))
        if kind in METRICS:
            # Such cards have shares as well as percent without the sign, and nobody can be asked to change them.
            percent = isinstance(value, int | float) and value > 1
            yield {"metric": kind, "value": f"{value} %" if percent else value, "source": f"model-index, {name}"}


def _items(holders: Any, key: str) -> list[dict[str, Any]]:
    """The objects that are listed under a key in each of some objects; what has another form is left out."""
    lists = [holder.get(key) for holder in holders if isinstance(holder, dict)] if isinstance(holders, list) else []
    return [item for items in lists if isinstance(items, list) for item in items if isinstance(item, dict)]


def _claim(values: dict[str, Any], path: Path, number: int) -> Claim:
    try:
        if odd := [key for key in values if not isinstance(key, str)]:
            raise UsageError(f"'{odd[0]}' is no key.", _REMEDY)
        claim = validated(Claim, **values)
        claim.options()
    except UsageError as error:
        place = f"{path}, claim {number}" if number else str(path)
        raise UsageError(f"{place}: {error.problem}", error.remedy) from error
    data = str(path.parent / claim.data) if claim.data else ""
    return claim.model_copy(update={"data": data, "reader": _placed(claim.reader, path.parent)})


def _placed(reader: str, folder: Path) -> str:
    """A reader whose files lie beside the card by their path; others by their name."""
    if not reader or reader in {entry.name for entry in entry_points(group=GROUP)}:
        return reader
    beside = folder / reader
    return str(beside) if beside.exists() or reader.startswith(".") or reader.endswith(".onnx") else reader
