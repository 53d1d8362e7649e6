"""The commands that train, and their options."""

from typing import TYPE_CHECKING, Annotated

import typer

from clinalign.options import AsJson, Debug, LocalOnly, Overlay
from clinalign.telling import told
from clinalign.train_judge_command import judge

if TYPE_CHECKING:
    from training.run_file import Algorithm

train = typer.Typer(
    name="train",
    help="Train a model with rubric rewards: SFT, DPO and GRPO by TRL.",
    no_args_is_help=True,
)
File = Annotated[str, typer.Argument(help="The run file, TOML; see training/runs.")]
Changes = Annotated[
    list[str] | None,
    typer.Option("--set", help="A setting in place of the file's: trainer.max_steps=20; repeated."),
]
Out = Annotated[
    str, typer.Option(help="The run's folder; trained/NAME if none. Run again to go on.")
]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Print steps, tokens, calls, memory and hours; start nothing."),
]


@train.command()
def sft(
    file: File,
    changes: Changes = None,
    out: Out = "",
    dry_run: DryRun = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Learn to say what good answers say: rows of `clinalign pairs --best`."""
    _train("sft", file, changes, out, dry_run, as_json, debug)


@train.command()
def dpo(
    file: File,
    changes: Changes = None,
    out: Out = "",
    dry_run: DryRun = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Learn from preferences: rows of `clinalign pairs --out`."""
    _train("dpo", file, changes, out, dry_run, as_json, debug)


@train.command()
def grpo(
    file: File,
    changes: Changes = None,
    out: Out = "",
    dry_run: DryRun = False,
    overlay: Overlay = "",
    local_only: LocalOnly = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Learn from the judge's scores: rows of `clinalign synthesize`. Needs a judge model."""
    _train("grpo", file, changes, out, dry_run, as_json, debug, overlay, local_only)


train.command()(judge)


@train.command()
def card(
    run: Annotated[str, typer.Argument(help="The folder of a run that has ended.")],
    debug: Debug = False,
) -> None:
    """Write the model's card, README.md in its folder."""

    def write() -> None:
        from clinalign.commands import train_card

        train_card.run(run)

    told(write, debug)


def _train(
    algorithm: "Algorithm",
    file: str,
    changes: list[str] | None,
    out: str,
    dry_run: bool,
    as_json: bool,
    debug: bool,
    overlay: str = "",
    local_only: bool = False,
) -> None:
    def run() -> None:
        from clinalign.commands import train, train_estimate
        from clinalign.settings import Settings

        settings = Settings.from_environment(overlay=overlay, local_only=local_only)
        if dry_run:
            train_estimate.run(algorithm, file, changes or (), as_json)
        else:
            train.run(algorithm, file, changes or (), out, settings, as_json)

    told(run, debug)
