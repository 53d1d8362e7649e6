"""Options that several commands share."""

from typing import Annotated

import typer

BaseUrl = Annotated[
    str, typer.Option(help="An OpenAI-compatible server, such as http://127.0.0.1:8000/v1.")
]
Model = Annotated[str, typer.Option(help="The model's name there; may be left out if it has one.")]
Overlay = Annotated[
    str, typer.Option(help="A folder of principles laid over the library; several joined by ':'.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Label = Annotated[str, typer.Option(help="Known beforehand; else read from the question.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks.")]
LocalOnly = Annotated[
    bool, typer.Option("--local-only", help="Refuse models that are not on this machine.")
]
InFlight = Annotated[int, typer.Option(min=1, max=4096, help="Questions at once.")]
Writing = Annotated[
    str,
    typer.Option(
        help="How a model writes the rubric: plain, full, or its switches by commas: "
        "contrast, sweep, atomic, asking, length, ranking."
    ),
]
