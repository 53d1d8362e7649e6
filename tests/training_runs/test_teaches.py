"""It teaches: from the start to the end of a run, on questions that were never trained on.

A tiny policy says five sentences at random. Rewards by rubric teach it which of them to say. The
judge is a rule (a fake, see `kit`); the tools, TRL and the weights are real.
"""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.reliability.rows import settle
from tests.training_runs.conftest import Opens
from tests.training_runs.kit import TEACHES, RuleJudge, run_file, trained
from training.run_folder import RunFolder

pytestmark = pytest.mark.training

STEPS = 50
SETTINGS = TEACHES | {"max_steps": STEPS, "eval_steps": STEPS}
RISES, APART = 0.35, 0.05
FAULTY = 0.2  # of the judge's calls


def faulty(call: int) -> bool:
    return random.Random(call).random() < FAULTY


CLEAN, FAILING, ZEROED = "clean", "a fifth of the calls fails", "failures scored as 0"
JUDGES: dict[str, Callable[[], RuleJudge]] = {
    CLEAN: RuleJudge,
    FAILING: lambda: RuleJudge(faulty),
    ZEROED: lambda: RuleJudge(faulty, as_unmet=True),
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.mark.parametrize("seed", range(3))
def test_the_reward_rises_and_a_judge_that_fails_at_times_does_no_harm(
    seed: int, speaks: Any, opens: Opens, world: dict[str, str], runs: Path
) -> None:
    started, ended = {}, {}
    tried = JUDGES if seed == 0 else {name: JUDGES[name] for name in (CLEAN, FAILING)}
    for name, judge in tried.items():
        folder = runs / f"{name} {seed}"
        file = run_file(
            runs / f"{name} {seed}.toml", "grpo", speaks(seed), seed, data=world, trainer=SETTINGS
        )
        trained(file, folder, opens(by := judge()))
        rows = RunFolder(folder).rows("log.jsonl")
        held_out = [row["eval_reward"] for row in rows if "eval_reward" in row]
        started[name], ended[name] = held_out[0], held_out[-1]
        assert (by.failed > 0) == (name != CLEAN)

    figure = ", ".join(f"{name} {started[name]:.2f} to {end:.2f}" for name, end in ended.items())
    failures = [
        *([] if ended[CLEAN] - started[CLEAN] >= RISES else ["it rises too little"]),
        *([] if abs(ended[FAILING] - ended[CLEAN]) <= APART else ["faults do harm"]),
        *(["zeros do no harm"] if ended.get(ZEROED, -1.0) >= ended[FAILING] else []),
    ]
    settle(f"It teaches, seed {seed}", len(tried), failures, figure, f"rise {RISES}, apart {APART}")
