"""`python -m manuscribe`."""

from manuscribe.cli.main import run

run()
