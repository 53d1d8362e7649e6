"""Options that several commands share, and how a command ends."""

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from inference.errors import BadInput, ClinalignError

USAGE, FAILURE = 2, 1

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


def told(run: Callable[[], None], debug: bool) -> None:
    """Run a command; say in one sentence what went wrong; exit with 2 for usage, 1 for failure."""
    try:
        run()
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except Exception as error:
        if debug:
            raise
        print(f"clinalign: {_sentence(error)}", file=sys.stderr)
        raise SystemExit(USAGE if isinstance(error, BadInput) else FAILURE) from None


def _sentence(error: Exception) -> str:
    if isinstance(error, ClinalignError):
        return str(error)
    return f"stopped by an error we did not foresee ({type(error).__name__}); --debug shows it"
