"""The command `train judge` and its options."""

from typing import Annotated

import typer

from clinalign.options import AsJson, Debug
from clinalign.telling import told


def judge(
    verdicts: Annotated[
        str,
        typer.Argument(
            help="What `ask --file` wrote; or rows with `prompt`, `rubrics` and judged `answers`."
        ),
    ],
    encoder: Annotated[
        str, typer.Option(help="A folder with an encoder of transformers; nothing is downloaded.")
    ] = "",
    out: Annotated[str, typer.Option(help="The folder that the verifier goes to.")] = "",
    epochs: Annotated[int, typer.Option(min=1, help="How often it goes through all.")] = 3,
    batch: Annotated[int, typer.Option(min=1, help="Verdicts a step.")] = 16,
    learning_rate: Annotated[float, typer.Option(help="At its highest.")] = 5e-5,
    held_out: Annotated[
        float, typer.Option(help="The share of the questions that nothing is learnt from.")
    ] = 0.2,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, other questions held out.")] = 0,
    most_tokens: Annotated[
        int, typer.Option(min=0, help="Of a criterion, its question and answer; 0: up to 512.")
    ] = 0,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Train a small judge on a judge's verdicts; tell what it is worth beside two baselines."""

    def run() -> None:
        from clinalign.commands import train_judge
        from inference.words import read
        from training.verifier import Recipe

        said = {"epochs": epochs, "batch": batch, "seed": seed, "most_tokens": most_tokens}
        recipe = read(Recipe, {**said, "learning_rate": learning_rate}, "options")
        order = train_judge.Order(verdicts, encoder, out, recipe, held_out)
        train_judge.run(order, as_json)

    told(run, debug)
