"""Optional parts: what each extra brings, and the error for one that is not installed."""

from importlib.util import find_spec

from manuscribe.errors import UsageError

EXTRAS = {
    "data": (("pyarrow", "datasets", "matplotlib"), "data sets in parquet and from the hub, pictures of them"),
    "train": (("torch", "onnx", "pyarrow", "yaml", "fontTools", "wordfreq"), "training, rendered lines"),
    "finetune": (("peft", "accelerate"), "teaching TrOCR checkpoints"),
    "qlora": (("bitsandbytes",), "adapters on layers of four bits"),
    "bundle": (("tokenizers",), "reading with bundles made of TrOCR checkpoints"),
    "onnx": (("onnxruntime", "onnx", "tokenizers"), "bundles for ONNX Runtime"),
    "trocr": (
        ("torch", "transformers", "tokenizers", "huggingface_hub", "sentencepiece"),
        "reading with TrOCR checkpoints",
    ),
    "vlm": (("torch", "transformers", "huggingface_hub", "httpx"), "vision-language models, here or at an endpoint"),
    "service": (("fastapi", "uvicorn"), "for a later version: the HTTP service"),
}


def missing(*modules: str) -> list[str]:
    """Those of the modules that cannot be imported."""
    return [module for module in modules if find_spec(module) is None]


def needs(extra: str) -> None:
    """Refuse to go on without an extra's modules.

    Raises:
        UsageError: Some are not installed.
    """
    absent = missing(*EXTRAS[extra][0])
    if absent:
        raise UsageError(f"This needs {', '.join(absent)}.", f"Run: pip install 'manuscribe[{extra}]'")
