"""Models that lie in a folder, or on the Hugging Face hub."""

from pathlib import Path
from typing import Any

from manuscribe.errors import ModelError

_WANTED = ("*.json", "*.safetensors", "*.model", "*.txt", "README.md")
_PICKLE = "pytorch_model.bin"


def locate(name: str, revision: str | None = None) -> Path:
    """The folder of a model: `name` itself, or the fetched files of that name on the hub.

    Without network, or with `HF_HUB_OFFLINE=1`, what was fetched before is used.

    Raises:
        ModelError: There is no such folder and no such model, or it cannot be fetched.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        if revision:
            raise ModelError(f"{folder} is a folder, which has no revision '{revision}'.", "Leave --revision out.")
        return folder
    if name.startswith((".", "/", "~")) or name.count("/") != 1 or "\\" in name:
        raise ModelError(f"There is no model folder {name}.", "A name on the hub looks like owner/name.")
    return _fetch(name, revision)


def _fetch(name: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError

    options: dict[str, Any] = {"repo_id": name, "revision": revision}
    try:
        folder = Path(snapshot_download(allow_patterns=list(_WANTED), **options))
        if not any(folder.glob("*.safetensors")):
            folder = Path(snapshot_download(allow_patterns=[*_WANTED, _PICKLE], **options))
    except (HFValidationError, OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        at = f" at revision '{revision}'" if revision else ""
        raise ModelError(
            f"The model '{name}'{at} is neither a folder nor can it be fetched from the hub: {reason}",
            "Check name and network, or fetch it elsewhere and name its folder.",
        ) from error
    return folder
