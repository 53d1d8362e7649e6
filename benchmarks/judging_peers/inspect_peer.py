"""Inspect AI's grader (`model_graded_qa`) over recorded answers, one criterion a call.

    PYTHON inspect_peer.py SAMPLE BASE_URL AT_ONCE

An evaluation with one sample a criterion; its solver gives the recorded answer and asks no model.
Runs in an environment of its own; `benchmarks/judging.py overhead --peers FOLDER` starts it.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.model import GenerateConfig, ModelOutput, get_model
from inspect_ai.scorer import model_graded_qa
from inspect_ai.solver import Generate, Solver, TaskState, solver


def samples(path: Path) -> list[Sample]:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
    return [
        Sample(
            input="\n\n".join(f"{one['role']}: {one['content']}" for one in row["prompt"]),
            target=item["criterion"],
            metadata={"recorded": recorded(row)},
        )
        for row in rows
        for item in row["rubrics"]
    ]


def recorded(row: dict) -> str:
    ideal = row.get("ideal_completions_data") or {}
    return ideal.get("ideal_completion") or "Please tell me more, so that I can help. " * 8


@solver
def replay() -> Solver:
    async def solve(state: TaskState, generate: Generate) -> TaskState:
        state.output = ModelOutput.from_content("recorded", state.metadata["recorded"])
        return state

    return solve


def main(sample: Path, base_url: str, at_once: int) -> None:
    grader = get_model(
        "openai-api/stub/stub",
        base_url=base_url,
        api_key="none",
        config=GenerateConfig(max_connections=at_once),
    )
    task = Task(dataset=samples(sample), solver=replay(), scorer=model_graded_qa())
    with tempfile.TemporaryDirectory() as folder:
        # Inspect keeps traces of its own there.
        os.environ["XDG_DATA_HOME"] = folder  # noqa: TID251
        (log,) = eval(
            task, model=None, model_roles={"grader": grader}, max_connections=at_once,
            display="none", log_dir=folder,
        )  # fmt: skip
    if log.status != "success":
        sys.exit(f"Inspect ended with {log.status}: {log.error}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
