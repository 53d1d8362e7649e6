"""The commands that measure, and their options."""

from typing import Annotated

import typer

from clinalign.options import AsJson, Debug
from clinalign.telling import told

evaluate = typer.Typer(
    name="eval", help="Measure answers by benchmarks' own rules.", no_args_is_help=True
)


@evaluate.command()
def aggregate(
    graded: Annotated[
        str,
        typer.Argument(help="JSONL: rows with `example_tags`, `rubrics` and `criteria_met`."),
    ],
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap.")] = 0,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Add up graded examples by HealthBench's rules: the arithmetic alone."""

    def run() -> None:
        from clinalign.commands import eval_arithmetic

        eval_arithmetic.aggregate(graded, seed, as_json)

    told(run, debug)


@evaluate.command()
def meta(
    from_verdicts: Annotated[
        str,
        typer.Option(help="JSONL: rows with `category`, `prediction` (or null) and `labels`."),
    ],
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Compare a grader's verdicts with physicians' labels: the arithmetic alone."""

    def run() -> None:
        from clinalign.commands import eval_arithmetic

        eval_arithmetic.meta(from_verdicts, as_json)

    told(run, debug)
