"""`clinalign train ... --dry-run`: what a run will take; starts nothing and asks nobody."""

from collections.abc import Sequence

from clinalign.commands.train import read_for
from training.run_estimate import RunEstimate, estimated
from training.run_file import Algorithm


def run(algorithm: Algorithm, file: str, changes: Sequence[str], as_json: bool) -> None:
    """Print the estimate.

    Raises:
        ClinalignError: the run cannot be done as it is written.
    """
    found = estimated(read_for(algorithm, file, changes))
    if as_json:
        print(found.model_dump_json())
    else:
        print("\n".join(_told(found)))


def _told(found: RunEstimate) -> list[str]:
    rolled = [
        f"completions       {found.completions:,}",
        f"rollout tokens    {found.rollout_tokens:,}",
        f"judge calls       {found.judge_calls:,}",
        f"examiner calls    {found.examiner_calls:,}",
    ]
    memory = found.memory
    parts = {
        "weights": memory.weights,
        "gradients": memory.gradients,
        "optimizer": memory.optimizer,
        "activations": memory.activations,
    }
    shown = ", ".join(f"{name} {gib:.1f}" for name, gib in parts.items() if gib is not None)
    spent = {
        "rollouts": found.generation_hours,
        "waiting for judges": found.judging_hours,
        "training": found.training_hours,
    }
    hours = ", ".join(f"{name} {value:.2f}" for name, value in spent.items() if value)
    return [
        f"rows              {found.rows:,}",
        f"steps             {found.steps:,}",
        *(rolled if found.completions else []),
        f"trained tokens    {found.trained_tokens:,}",
        f"parameters        {found.parameters:,}, {found.trained_parameters:,} of them trained",
        f"memory, GiB       {memory.total:.1f} a process ({shown})",
        f"hours             {found.hours:.2f} ({hours})",
        *found.notes,
    ]
