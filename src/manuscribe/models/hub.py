"""Models that lie in a folder, or on the Hugging Face hub."""

from pathlib import Path
from typing import Any

from manuscribe.errors import ModelError
from manuscribe.extras import needs

# Of checkpoints, and of bundles (their graphs).
_WANTED = ("*.json", "*.jinja", "*.safetensors", "*.model", "*.txt", "README.md", "*.xml", "image.bin", "text.bin")
_PICKLE = "pytorch_model.bin"


def locate(name: str, revision: str | None = None, *, extra: str = "trocr") -> Path:
    """The folder of a model: `name` itself, or the fetched files of that name on the hub.

    Without network, or with `HF_HUB_OFFLINE=1`, what was fetched before is used.

    Args:
        name: A folder, or owner/name.
        revision: Branch, tag or commit on the hub.
        extra: What reads such models; weights in pickles are fetched for `trocr` alone, which reads them safely.

    Raises:
        ModelError: There is no such folder and no such model, or it cannot be fetched.
    """
    folder = _expanded(name)
    if folder.is_dir():
        if revision:
            raise ModelError(f"{folder} is a folder, which has no revision '{revision}'.", "Leave --revision out.")
        return folder
    if name.startswith((".", "/", "~")) or name.count("/") != 1 or "\\" in name:
        raise ModelError(f"There is no model folder {name}.", "A name on the hub looks like owner/name.")
    return _fetch(name, revision, extra)


def _expanded(name: str) -> Path:
    try:
        return Path(name).expanduser()
    except RuntimeError:  # there is no such user
        return Path(name)


def _fetch(name: str, revision: str | None, extra: str) -> Path:
    needs(extra)
    from huggingface_hub import snapshot_download

    # Folders in a repository hold other things: checkpoints of the training, graphs for other engines.
    options: dict[str, Any] = {"repo_id": name, "revision": revision, "ignore_patterns": ["*/*"]}
    try:
        folder = Path(snapshot_download(allow_patterns=list(_WANTED), **options))
        if extra == "trocr" and not any([*folder.glob("*.safetensors"), *folder.glob("*.xml")]):
            folder = Path(snapshot_download(allow_patterns=[*_WANTED, _PICKLE], **options))
    except Exception as error:  # the hub's library lets through those of the one that it fetches with
        reason = (str(error).strip() or type(error).__name__).partition("\n")[0].rstrip(".")
        at = f" at revision '{revision}'" if revision else ""
        raise ModelError(
            f"The model '{name}'{at} is neither a folder nor can it be fetched from the hub: {reason}.",
            "Check name and network, or fetch it elsewhere and name its folder.",
        ) from error
    return folder
