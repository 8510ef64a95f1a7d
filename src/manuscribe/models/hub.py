"""Models that lie in a folder, or on the Hugging Face hub."""

from pathlib import Path
from typing import Any

from manuscribe.errors import ModelError
from manuscribe.extras import missing, needs

# Of checkpoints, and of bundles (their graphs).
_GRAPHS = ("*.xml", "image.bin", "text.bin", "image.onnx", "text.onnx")
_WANTED = ("*.json", "*.jinja", "*.safetensors", "*.model", "*.txt", "README.md", *_GRAPHS)
_PICKLES = ("pytorch_model*.bin", "adapter_model.bin")
_HUB = "trocr"  # an extra that brings what fetches


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
    if _is_folder(folder):
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


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # no file system has such names
        return False


def _fetch(name: str, revision: str | None, extra: str) -> Path:
    # A bundle needs nothing else of its extra.
    if missing("huggingface_hub"):
        needs(_HUB)
    from huggingface_hub import snapshot_download

    # Folders in a repository hold other things: checkpoints of the training, graphs for other engines.
    options: dict[str, Any] = {"repo_id": name, "revision": revision, "ignore_patterns": ["*/*"]}
    try:
        folder = Path(snapshot_download(allow_patterns=list(_WANTED), **options))
        if extra == "trocr" and not any(any(folder.glob(kind)) for kind in ("*.safetensors", "*.xml", "*.onnx")):
            folder = Path(snapshot_download(allow_patterns=[*_WANTED, *_PICKLES], **options))
    except Exception as error:  # the hub's library lets through those of the one that it fetches with
        reason = (str(error).strip() or type(error).__name__).partition("\n")[0].rstrip(".")
        at = f" at revision '{revision}'" if revision else ""
        raise ModelError(
            f"The model '{name}'{at} is neither a folder nor can it be fetched from the hub: {reason}.",
            "Check name and network, or fetch it elsewhere and name its folder.",
        ) from error
    return folder
