"""Options of commands that read with vision-language models."""

from typing import Annotated

import typer

Prompt = Annotated[str | None, typer.Option(help="What a vision-language model is asked.", show_default="its own")]
Size = Annotated[
    str | None,
    typer.Option(help="At which size it sees an image: a name of its own, or pixels.", show_default="its usual one"),
]
Endpoint = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="A server that computes it (OpenAI's protocol), such as http://localhost:8000/v1. A key for it is taken "
        "from MANUSCRIBE_API_KEY.",
    ),
]
AtOnce = Annotated[
    int | None, typer.Option(help="Images that an endpoint is asked at the same time.", show_default="4")
]
Device = Annotated[
    str, typer.Option(help="Where to compute: cpu; for checkpoints in PyTorch and vision-language models also cuda.")
]
LineLevel = Annotated[
    str, typer.Option(help="What an image holds, for vision-language models: a line, a word or a paragraph.")
]
