"""Optional parts: what each extra brings, and the error for one that is not installed."""

from importlib.util import find_spec

from manuscribe.errors import UsageError

EXTRAS = {
    "train": (
        ("torch", "onnx", "pyarrow", "yaml", "safetensors", "fontTools"),
        "training of readers and segmenters, rendered lines",
    ),
    "trocr": (("torch", "transformers", "tokenizers", "huggingface_hub"), "TrOCR checkpoints as readers"),
    "vlm": (("torch", "transformers", "huggingface_hub"), "vision-language models as readers"),
    "service": (("fastapi", "uvicorn"), "the HTTP service"),
}


def missing(*modules: str) -> list[str]:
    """Those of the modules that cannot be imported."""
    return [module for module in modules if find_spec(module) is None]


def needs(extra: str, *modules: str) -> None:
    """Refuse to go on without an extra's modules.

    Raises:
        UsageError: Some are not installed.
    """
    absent = missing(*modules)
    if absent:
        raise UsageError(f"This needs {', '.join(absent)}.", f"Run: pip install 'manuscribe[{extra}]'")
