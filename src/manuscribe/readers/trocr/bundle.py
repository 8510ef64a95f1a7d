"""A checkpoint made ready for small machines: one folder that is read without PyTorch.

bundle.json          what follows in this module, and the digests of the other files
image.xml, .bin      the two graphs, see `graphs`, for OpenVINO; for ONNX Runtime image.onnx, text.onnx
text.xml, .bin
tokenizer.json, tokenizer_config.json
README.md            the card
"""

import json
from collections.abc import Mapping
from hashlib import file_digest
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from manuscribe.errors import ModelError
from manuscribe.readers.trocr.configuration import Configuration, read_json
from manuscribe.readers.trocr.engines.runtimes import Name, Precision

_NAME = "bundle.json"
GRAPHS: Mapping[Name, tuple[str, ...]] = {
    "openvino": ("image.xml", "image.bin", "text.xml", "text.bin"),
    "onnx": ("image.onnx", "text.onnx"),
}
"""The files of a bundle's graphs."""


class _Content(BaseModel):
    """What `bundle.json` holds.

    Attributes:
        version: That of the checkpoint, and the precision.
        source: Where the checkpoint came from.
        licence: The checkpoint's, as its card says; empty where it does not.
        base: What the checkpoint was made from, as its card says.
        files: Their SHA-256.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    version: str
    engine: Name
    precision: Precision
    configuration: Configuration
    source: str
    licence: str = ""
    base: str = ""
    files: Mapping[str, str] = {}


class Bundle(_Content):
    """A bundle in its folder."""

    folder: Path

    @staticmethod
    def is_one(folder: Path) -> bool:
        """Whether a folder holds a bundle."""
        return (folder / _NAME).is_file()

    @classmethod
    def read(cls, folder: Path) -> "Bundle":
        """Read a bundle's settings, and check that its files are whole.

        Raises:
            ModelError: They are damaged, or a file is missing.
        """
        values = read_json(folder / _NAME) or {}
        try:
            bundle = cls.model_validate(values | {"folder": folder})
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise ModelError(
                f"{folder / _NAME} is damaged or of another version of manuscribe: {place}: {first['msg']}.",
                "Export the checkpoint again.",
            ) from error
        if absent := {*GRAPHS[bundle.engine], "tokenizer.json"} - bundle.files.keys():
            raise ModelError(f"{folder / _NAME} says nothing of {min(absent)}.", "Export the checkpoint again.")
        for name, digest in bundle.files.items():
            if bundle.digest(name) != digest:
                raise ModelError(f"{folder / name} is missing or not as it was written.", "Fetch the bundle again.")
        return bundle

    def digest(self, name: str) -> str:
        """SHA-256 of a file; empty where there is none."""
        if Path(name).name != name or not (self.folder / name).is_file():
            return ""
        with (self.folder / name).open("rb") as file:
            return file_digest(file, "sha256").hexdigest()

    def write(self) -> "Bundle":
        """Write `bundle.json` with the digests of all other files in the folder."""
        names = sorted(path.name for path in self.folder.iterdir() if path.name != _NAME)
        whole = self.model_copy(update={"files": {name: self.digest(name) for name in names}})
        text = json.dumps(whole.model_dump(mode="json", exclude={"folder"}), indent=1, ensure_ascii=False)
        (self.folder / _NAME).write_text(text + "\n", encoding="utf-8")
        return whole
