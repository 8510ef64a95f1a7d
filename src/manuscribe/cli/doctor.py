"""`manuscribe doctor`."""

import platform
from importlib.metadata import PackageNotFoundError, version

import typer

from manuscribe.compiled import native
from manuscribe.extras import EXTRAS, missing
from manuscribe.version import __version__

_CORE = ("openvino", "numpy", "opencv-python-headless", "pillow", "lxml", "pydantic")


def doctor() -> int:
    """Show versions, devices, models, and what each extra would add."""
    typer.echo(
        f"manuscribe {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    )
    typer.echo("libraries: " + ", ".join(f"{name} {_version(name)}" for name in _CORE))
    _show_devices()
    typer.echo(
        "search: compiled"
        if native
        else "search: in Python, ten times slower; with a C compiler and Python's headers it would be compiled "
        "(pip install --force-reinstall --no-cache-dir)"
    )
    _show_models()
    for extra, (modules, what) in EXTRAS.items():
        absent = missing(*modules)
        state = "installed" if not absent else f"not installed ({', '.join(absent)}): pip install 'manuscribe[{extra}]'"
        typer.echo(f"extra {extra} ({what}): {state}")
    return 0


def _show_devices() -> None:
    from manuscribe.engines.openvino import available_cores, core, multiplies_bf16

    try:
        name = core().get_property("CPU", "FULL_DEVICE_NAME").strip()
        bf16 = "bf16" if multiplies_bf16() else "no bf16"
    except (ImportError, RuntimeError, OSError) as error:
        typer.echo(f"cpu: OpenVINO does not run: {error}. Install it again: pip install --force-reinstall openvino")
        return
    typer.echo(f"cpu: {name}, {available_cores()} cores, {bf16}")


def _show_models() -> None:
    from manuscribe.models.files import embedded_models

    models = embedded_models()
    typer.echo("models: " + (", ".join(f"{model.name} {model.version}" for model in models) or "none"))


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"
